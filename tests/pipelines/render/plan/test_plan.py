from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from pipelines.errors import UserError
from pipelines.render.config import StorageConfig
from pipelines.render.photos.finding import find_photos
from pipelines.render.photos.photo import PhotoSource
from pipelines.render.photos.table import PhotoTable
from pipelines.render.plan import plan as planning
from pipelines.render.plan.plan import Plan, check_same_photos, plan_lines, read_plan, write_plan
from pipelines.render.plan.splits import UNASSIGNED, families_of, split_of, splits_of
from pipelines.render.recipes import demo

STORAGE = StorageConfig(samples_per_shard=8, split_fractions=(0.8, 0.1, 0.1))


def source(number: int, name: str = "") -> PhotoSource:
    sha256 = hashlib.sha256(str(number).encode()).hexdigest()
    return PhotoSource(sha256[:16], name or f"{number:04d}.jpg", f"/photos/{number:04d}.jpg", sha256, "", "", "")


def make_plan(photos: Sequence[PhotoSource], storage: StorageConfig = STORAGE, onto: Plan | None = None) -> Plan:
    table = PhotoTable()
    for number, photo in enumerate(photos):
        table.append(photo, "" if number else "0123456789abcdef")
    new, free = np.arange(len(table)), np.full(len(table), UNASSIGNED, np.int8)
    splits, conflicting = splits_of(table, new, families_of(table), free, storage.split_fractions)
    assert not conflicting
    return (onto or Plan()).with_photos(table, splits, storage.shard_size(len(table)))


PHOTOS = [source(number) for number in range(100)]


def test_every_photo_is_one_sample_and_keys_follow_the_order_of_the_photos() -> None:
    plan = make_plan(PHOTOS, STORAGE)
    samples = {sample.key: sample.photo for shard in plan.shards for sample in shard.samples}
    assert [samples[key] for key in sorted(samples)] == PHOTOS
    assert sorted(samples) == [f"{number:08d}" for number in range(100)]
    assert plan.photos == PHOTOS


def test_shards_are_full_but_for_the_last_of_each_split_and_numbered_from_zero() -> None:
    plan = make_plan(PHOTOS, STORAGE)
    for split in ("train", "val", "test"):
        shards = [shard for shard in plan.shards if shard.split == split]
        assert [shard.name for shard in shards] == [f"{split}-{number:06d}" for number in range(len(shards))]
        assert all(len(shard.samples) == 8 for shard in shards[:-1])
        assert all(shard.samples for shard in shards)


def test_the_plan_is_a_pure_function() -> None:
    assert [*plan_lines(make_plan(PHOTOS, STORAGE))] == [*plan_lines(make_plan(list(PHOTOS), STORAGE))]


def test_a_scene_keeps_its_split_whatever_else_is_in_the_data_set() -> None:
    def splits(photos: list[PhotoSource]) -> dict[str, str]:
        shards = make_plan(photos, STORAGE).shards
        return {sample.photo.scene_id: shard.split for shard in shards for sample in shard.samples}

    few, many = splits(PHOTOS[::7]), splits(PHOTOS[::-1])
    assert few.items() <= many.items()


def test_shares_of_the_splits_come_out_as_asked() -> None:
    found = [split_of(source(number).scene_id, (0.8, 0.15, 0.05)) for number in range(4000)]
    # Four standard deviations of a binomial share over 4000 scenes, sqrt(0.25 / 4000) = 0.008, at most.
    for split, share in (("train", 0.8), ("val", 0.15), ("test", 0.05)):
        assert found.count(split) / 4000 == pytest.approx(share, abs=0.03)


def test_all_in_one_split_when_the_others_have_no_share() -> None:
    assert {split_of(photo.scene_id, (1.0, 0.0, 0.0)) for photo in PHOTOS} == {"train"}
    assert {split_of(photo.scene_id, (0.0, 0.0, 1.0)) for photo in PHOTOS} == {"test"}


def test_the_demo_has_scenes_to_train_on() -> None:
    config = demo
    photos, _ = find_photos(config.source.photos, limit=None, seed=config.seed)
    assert "train" in {shard.split for shard in make_plan(photos, config.storage).shards}


def test_a_plan_grows_behind_itself_and_moves_nothing() -> None:
    before = make_plan(PHOTOS)
    after = make_plan([source(number) for number in range(100, 140)], onto=before)
    assert after.shards[: len(before.shards)] == before.shards
    keys = sorted(sample.key for shard in after.shards for sample in shard.samples)
    assert keys == [f"{number:08d}" for number in range(140)]
    for split in ("train", "val", "test"):
        names = [shard.name for shard in after.shards if shard.split == split]
        assert names == [f"{split}-{number:06d}" for number in range(len(names))]


def test_a_scene_that_is_planned_again_counts_where_it_was_planned_last() -> None:
    plan = make_plan(PHOTOS[:1], onto=make_plan(PHOTOS[:3]))
    assert plan.photos == PHOTOS[:3]
    assert plan.last_tries.tolist() == [3, 1, 2]
    first, *_, last = (shard for shard in plan.shards if PHOTOS[0] in [sample.photo for sample in shard.samples])
    assert plan.is_last_try(last, PHOTOS[0].scene_id)
    assert not plan.is_last_try(first, PHOTOS[0].scene_id)
    assert plan.is_last_try(first, PHOTOS[1].scene_id)


def test_photos_are_looked_for_where_they_lie_now() -> None:
    moved = [dataclasses.replace(photo, location="/elsewhere") for photo in PHOTOS[:2]]
    assert [photo.location for photo in make_plan(PHOTOS[:3]).with_locations(PhotoTable(moved)).photos] == [
        *("/elsewhere", "/elsewhere", PHOTOS[2].location),
    ]


def test_a_scene_twice_is_our_own_mistake() -> None:
    with pytest.raises(ValueError, match="different scenes"):
        make_plan([source(1), source(1, "copy.jpg")], STORAGE)


def test_more_photos_than_keys_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "MAX_SAMPLES", 5)
    with pytest.raises(UserError, match="at most 5 samples, got 100; use --limit"):
        make_plan(PHOTOS, STORAGE)


def test_a_plan_comes_back_from_disk(tmp_path: Path) -> None:
    plan = make_plan(PHOTOS, STORAGE)
    path = tmp_path / "plan.jsonl"
    write_plan(path, plan)
    found = read_plan(path)
    assert found == plan
    assert found.file_sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert [shard.name for shard in found.unfinished({plan.shards[0].name})] == list(plan.shard_names[1:])


LINES = list(plan_lines(make_plan(PHOTOS[:20], STORAGE)))


@pytest.mark.parametrize(
    "lines",
    [
        *([], [b"{}\n"], [b"[]\n"], [b'{"plan_version": 99}\n'], [b'{"plan_version": 2}\n']),
        LINES[:-1],
        [*LINES[:-1], LINES[-1].rstrip()],
        [*LINES, LINES[1], *LINES[2:4]],
        [LINES[0], b" " * planning.MAX_LINE_BYTES, *LINES[1:]],
        [*LINES[:-1], LINES[-2]],
        [*LINES[:-1], LINES[-1].replace(b'"author": ""', b'"author": 7')],
        [*LINES[:-1], LINES[-1].replace(b'"sha256": "', b'"sha256": "ab')],
        [*LINES[:-1], LINES[-1].replace(b'"author": ""', b'"owner": ""')],
    ],
)
def test_a_damaged_plan_is_named(tmp_path: Path, lines: list[bytes]) -> None:
    path = tmp_path / "plan.jsonl"
    path.write_bytes(b"".join(lines))
    with pytest.raises(UserError, match=r"plan\.jsonl cannot be used"):
        read_plan(path)


def test_a_data_set_of_an_older_version_is_one_line_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"plan\.jsonl is not there: another version .*--overwrite"):
        read_plan(tmp_path / "plan.jsonl")


def test_photos_that_moved_are_the_same_photos(tmp_path: Path) -> None:
    path = tmp_path / ".meta" / "plan.jsonl"
    path.parent.mkdir()
    write_plan(path, make_plan(PHOTOS, STORAGE))
    moved = [dataclasses.replace(photo, location="/elsewhere" + photo.location) for photo in PHOTOS]
    check_same_photos(path, read_plan(path), PhotoTable(moved))


def test_photos_that_changed_are_counted_and_named(tmp_path: Path) -> None:
    path = tmp_path / ".meta" / "plan.jsonl"
    path.parent.mkdir()
    write_plan(path, make_plan(PHOTOS, STORAGE))
    others = [*PHOTOS[1:], source(100), source(101)]
    with pytest.raises(UserError, match=r"100 photos; now 1 of them are gone or changed and 2 are new \(0000.jpg, 01"):
        check_same_photos(path, read_plan(path), PhotoTable(others))
    licensed = [*PHOTOS[1:], dataclasses.replace(PHOTOS[0], license="CC0-1.0")]
    with pytest.raises(UserError, match="1 of them are gone or changed and 1 are new"):
        check_same_photos(path, read_plan(path), PhotoTable(licensed))
