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
from pipelines.bench.feeding import FRAME_S, feeding_rates
from pipelines.bench.pipeline import ExecutorRate, InlineRates, StageRate, Workload
from pipelines.bench.subject import PhotoSet, write_photos
from pipelines.errors import UserError
from pipelines.render.executors.job import ShardFailure, ShardReport
from pipelines.render.executors.stage_clock import STAGES
from shards.parallel import cores
from shards.reader import read_shards
from shards.validate import validate

TINY = PhotoSet(photos=4, long_side=96, samples_per_shard=2)
STAGE_RATES = (StageRate("render", 40.0, 0.3, 0.75), StageRate("encode", 120.0, 0.1, 0.25))
INLINE = InlineRates(0.05, STAGE_RATES, ExecutorRate("inline", 1, 30.0, 0.0, 0.75, 0.5), Path("unused"))


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Workload:
    folder = tmp_path_factory.mktemp("bench")
    write_photos(folder / "photos", TINY)
    return pipeline.workload(folder, folder / "photos", TINY, "cpu")


def test_the_workload_is_whole_shards_of_photos_that_are_scaled_down(load: Workload) -> None:
    assert [len(shard.samples) for shard in load.planning.plan.shards] == [2, 2]
    assert load.frames == 4 * 12
    assert not load.planning.left_out


def test_inline_then_read(load: Workload) -> None:
    threads = torch.get_num_threads()
    inline = pipeline.inline_rates(load, repeats=2)
    assert torch.get_num_threads() == threads
    assert {stage.stage for stage in inline.stages} == set(STAGES)
    assert sum(stage.busy_share for stage in inline.stages) == pytest.approx(1.0)
    slowest = max(inline.stages, key=lambda stage: stage.seconds_per_sample)
    assert slowest.frames_per_s == pytest.approx(12 / slowest.seconds_per_sample)
    rate = inline.executor
    assert rate.of_slowest_stage == pytest.approx(rate.frames_per_s / slowest.frames_per_s)
    assert 0.5 < rate.of_slowest_stage < 1.5  # of two runs of the same work: a run is not faster than its slowest stage
    assert rate.of_cores == pytest.approx(rate.frames_per_s * inline.cpu_s_per_frame / cores())
    assert validate(inline.out).samples == 4
    read = pipeline.reader_rate(inline.out, repeats=1)
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
    rate = pipeline.ray_rate(load, 1, INLINE)
    assert 24 / 0.2 < rate.frames_per_s <= 24 / 0.1  # a sleep may last longer on a busy machine
    assert 0.2 < rate.start_s < 0.6
    assert rate.of_slowest_stage == pytest.approx(rate.frames_per_s / 40.0)
    assert rate.of_cores == pytest.approx(0.05 * rate.frames_per_s / cores())


def test_ray_workers_need_two_shards_each(load: Workload) -> None:
    with pytest.raises(UserError, match="2 Ray workers need 4 shards to be timed; got 2"):
        pipeline.ray_rate(load, 2, INLINE)


def test_a_shard_that_fails_ends_the_measurement(load: Workload, monkeypatch: pytest.MonkeyPatch) -> None:
    _ray_that_gives(monkeypatch, [(0.0, ShardFailure("train-000001", "the worker died"))])
    with pytest.raises(UserError, match=r"train-000001 of the measurement failed: the worker died"):
        pipeline.ray_rate(load, 1, INLINE)


def test_failing_photos_are_told_by_the_workload(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="photos"):
        pipeline.workload(tmp_path, tmp_path / "nothing", TINY, "cpu")


def test_feeding_sleeps_in_place_of_rendering_and_makes_the_same_shard(load: Workload) -> None:
    (rate,) = feeding_rates(load, (2,), repeats=1)
    assert rate.helpers == 2
    assert rate.frames_per_s < 1 / FRAME_S  # one frame after the other
    assert 0 < rate.feeding_s_per_photo < rate.cpu_s_per_photo
    assert rate.cores_allow_frames_per_s == pytest.approx(12 / rate.cpu_s_per_photo * cores())
    pipeline.inline_rates(load, repeats=1)
    of_all, of_each = (list(read_shards(load.config.out.with_name(name))) for name in ("feeding", "inline-0"))
    for ours, theirs in zip(of_all, of_each, strict=True):
        assert ours.key == theirs.key
        assert (ours.frames == theirs.frames).all()
