from __future__ import annotations

import json
from pathlib import Path

from pipelines.errors import Rejection
from pipelines.render.config import StorageConfig
from pipelines.render.photos.photo import RejectedPhoto
from pipelines.render.photos.table import PhotoTable
from pipelines.render.plan.rejects import (
    counts_by_code,
    merged_left_out,
    read_shard_rejects,
    rejected,
    write_rejects,
    write_shard_rejects,
)
from pipelines.runs.data_set_paths import DataSetPaths
from tests.pipelines.render.plan.test_plan import PHOTOS, make_plan

PLAN = make_plan(PHOTOS[:6], StorageConfig(samples_per_shard=2, split_fractions=(1.0, 0.0, 0.0)))


def paths_with_rejects(out: Path, order: list[int]) -> DataSetPaths:
    """Each shard rejects its second photo; the shards finish in this order."""
    paths = DataSetPaths(out)
    paths.meta.mkdir()
    for number in order:
        photo = PLAN.shards[number].samples[1].photo
        write_shard_rejects(paths, PLAN.shards[number].name, [rejected(photo, Rejection("depth", "constant", "flat"))])
    return paths


def test_the_list_does_not_hang_on_who_finished_first(tmp_path: Path) -> None:
    found = [RejectedPhoto("", "zz.jpg", "photo", "duplicate", "again")]
    lists = []
    for name, order in (("a", [0, 1, 2]), ("b", [2, 0, 1])):
        (tmp_path / name).mkdir()
        paths = paths_with_rejects(tmp_path / name, order)
        write_rejects(paths, found, PLAN)
        lists.append(paths.rejects.read_text())
    assert lists[0] == lists[1]
    entries = [json.loads(line) for line in lists[0].splitlines()]
    assert [entry["path"] for entry in entries] == ["0001.jpg", "0003.jpg", "0005.jpg", "zz.jpg"]
    scene_id = PHOTOS[1].scene_id
    assert entries[0] == {
        "path": "0001.jpg",
        "scene_id": scene_id,
        "stage": "depth",
        "code": "constant",
        "message": "flat",
    }


def test_what_a_shard_left_out_comes_back_with_its_location(tmp_path: Path) -> None:
    paths = paths_with_rejects(tmp_path, [0])
    photo = PLAN.shards[0].samples[1].photo
    assert read_shard_rejects(paths, PLAN.shards[0]) == [rejected(photo, Rejection("depth", "constant", "flat"))]
    assert read_shard_rejects(paths, PLAN.shards[1]) == []


def test_names_and_messages_in_any_script_stay_one_line_each(tmp_path: Path) -> None:
    paths = DataSetPaths(tmp_path)
    paths.meta.mkdir()
    odd = RejectedPhoto("ab", "straße\u2028.jpg", "photo", "unreadable", "two\nlines")
    write_shard_rejects(paths, PLAN.shards[0].name, [odd])
    assert read_shard_rejects(paths, PLAN.shards[0]) == [odd]


def test_counts_are_by_stage_and_code() -> None:
    rejects = [
        RejectedPhoto("", "a", stage, code, "") for stage, code in [("photo", "x"), ("draw", "y"), ("photo", "x")]
    ]
    assert counts_by_code(rejects) == {"draw/y": 1, "photo/x": 2}


def test_of_a_photo_tried_again_the_last_try_counts(tmp_path: Path) -> None:
    paths = paths_with_rejects(tmp_path, [0])
    photo = PLAN.shards[0].samples[1].photo
    again = make_plan([photo], StorageConfig(split_fractions=(1.0, 0.0, 0.0)), onto=PLAN)
    assert write_rejects(paths, [], again) == []
    write_shard_rejects(paths, again.shards[-1].name, [rejected(photo, Rejection("photo", "missing", "gone"))])
    assert [reject.code for reject in write_rejects(paths, [], again)] == ["missing"]


def test_what_an_earlier_run_left_out_is_known_until_somebody_speaks_of_it() -> None:
    before = [RejectedPhoto("", name, "photo", "unreadable", "") for name in ("a.jpg", "b.jpg", "0000.jpg")]
    now = [RejectedPhoto("", "b.jpg", "photo", "truncated", "")]
    assert merged_left_out(before, now, PhotoTable(PHOTOS[:1])) == [before[0], now[0]]
