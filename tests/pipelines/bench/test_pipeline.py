from __future__ import annotations

import sys
import time
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from pipelines.bench import pipeline
from pipelines.bench.photo_set import PhotoSet, write_photos
from pipelines.bench.pipeline import StageRate, Workload
from pipelines.bench.stages import STAGES
from pipelines.errors import UserError
from pipelines.render.executors.job import ShardFailure, ShardReport
from shards.validate import validate

TINY = PhotoSet(photos=4, long_side=96, samples_per_shard=2)
STAGE_RATES = [StageRate("render", 40.0, 0.3, 0.3, 1.0), StageRate("write", 120.0, 0.1, 0.1, None)]


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Workload:
    folder = tmp_path_factory.mktemp("bench")
    write_photos(folder / "photos", TINY)
    return pipeline.workload(folder, folder / "photos", TINY, "cpu")


def test_the_workload_is_whole_shards_of_photos_that_are_scaled_down(load: Workload) -> None:
    assert [len(shard.samples) for shard in load.prepared.planning.plan.shards] == [2, 2]
    assert load.frames == 4 * 12
    assert not load.prepared.planning.left_out


def test_stages_alone_then_inline_then_read(load: Workload) -> None:
    threads = torch.get_num_threads()
    stages, inline, out = pipeline.inline_rates(load, repeats=1)
    assert torch.get_num_threads() == threads
    assert [stage.stage for stage in stages] == list(STAGES)
    assert sum(stage.busy_share or 0.0 for stage in stages) == pytest.approx(1.0)
    slowest = min(stage.frames_per_s for stage in stages)
    assert inline.of_slowest_stage == pytest.approx(inline.frames_per_s / slowest)
    assert inline.of_sum_of_stages > inline.of_slowest_stage
    assert validate(out).samples == 4
    read = pipeline.reader_rate(out, repeats=1)
    assert (read.samples, read.frames_per_s / read.samples_per_s) == (4, pytest.approx(12))


def _finishing(outcomes: list[tuple[float, ShardReport | ShardFailure]]) -> Any:
    def run_ray(job: Any, shards: Any, on_photo: Any) -> Iterator[ShardReport | ShardFailure]:
        for wait_s, outcome in outcomes:
            time.sleep(wait_s)
            yield outcome

    return run_ray


def _ray_that_gives(monkeypatch: pytest.MonkeyPatch, outcomes: list[tuple[float, ShardReport | ShardFailure]]) -> None:
    module = types.ModuleType("pipelines.render.executors.ray_pool")
    module.run_ray = _finishing(outcomes)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pipelines.render.executors.ray_pool", module)


def test_the_rate_of_ray_leaves_out_its_start(load: Workload, monkeypatch: pytest.MonkeyPatch) -> None:
    report = ShardReport("train-000000", 2, (), {})
    _ray_that_gives(monkeypatch, [(0.5, report), (0.1, report)])
    rate = pipeline.ray_rate(load, 1, STAGE_RATES)
    assert 24 / 0.2 < rate.frames_per_s <= 24 / 0.1  # a sleep may last longer on a busy machine
    assert 0.2 < rate.start_s < 0.6
    assert rate.of_slowest_stage == pytest.approx(rate.frames_per_s / 40.0)
    assert rate.of_sum_of_stages == pytest.approx(rate.frames_per_s / 30.0)


def test_ray_workers_need_two_shards_each(load: Workload) -> None:
    with pytest.raises(UserError, match="2 Ray workers need 4 shards to be timed; got 2"):
        pipeline.ray_rate(load, 2, STAGE_RATES)


def test_a_shard_that_fails_ends_the_measurement(load: Workload, monkeypatch: pytest.MonkeyPatch) -> None:
    _ray_that_gives(monkeypatch, [(0.0, ShardFailure("train-000001", "the worker died"))])
    with pytest.raises(UserError, match=r"train-000001 of the measurement failed: the worker died"):
        pipeline.ray_rate(load, 1, STAGE_RATES)


def test_failing_photos_are_told_by_the_workload(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="photos"):
        pipeline.workload(tmp_path, tmp_path / "nothing", TINY, "cpu")
