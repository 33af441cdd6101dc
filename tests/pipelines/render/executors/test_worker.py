"""The worker's helpers: what they do while a photo is rendered, and that nobody sees how many there are."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
import torch

from pipelines.bench import pipeline
from pipelines.bench.pipeline import Workload
from pipelines.bench.subject import PhotoSet, write_photos
from pipelines.errors import UserError
from pipelines.render.config import ExecutionConfig
from pipelines.render.executors import worker
from pipelines.render.executors.worker import ShardWorker, helper_threads, taken_ahead, waiting_samples
from pipelines.runs.device import torch_threads
from shards.parallel import cores
from tests.pipelines.tiny_photos import tar_sums

PHOTOS = PhotoSet(photos=6, long_side=96, samples_per_shard=6)


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Workload:
    folder = tmp_path_factory.mktemp("worker")
    write_photos(folder / "photos", PHOTOS)
    return pipeline.workload(folder, folder / "photos", PHOTOS, "cpu")


@pytest.fixture(autouse=True)
def threads_as_before() -> Iterator[None]:
    with torch_threads(torch.get_num_threads()):
        yield


def test_the_next_photos_are_decoded_while_one_is_rendered(load: Workload, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load.config.depth.depth_batch == 4  # photos 4 and 5 are the next batch
    (shard,) = load.planning.plan.shards
    last_is_decoded, seen = threading.Event(), []
    load_photo, render_frames = worker.load_photo, worker.render_frames

    def noted_load(source: Any, **settings: Any) -> Any:
        photo = load_photo(source, **settings)
        if source == shard.samples[-1].photo:
            last_is_decoded.set()
        return photo

    def noted_render(rgbd: Any, *rest: Any) -> Any:
        if rgbd.photo.source == shard.samples[0].photo:
            seen.append(last_is_decoded.wait(timeout=20.0))
        return render_frames(rgbd, *rest)

    monkeypatch.setattr(worker, "load_photo", noted_load)
    monkeypatch.setattr(worker, "render_frames", noted_render)
    report = ShardWorker(load.job(load.config.execution, load.config.out)).render_shard(shard)
    assert seen == [True]
    assert report.samples == 6


def test_the_thread_that_feeds_the_device_does_nothing_else(load: Workload, monkeypatch: pytest.MonkeyPatch) -> None:
    by_thread: dict[str, set[bool]] = {}

    def noted(stage: str, run: Any, *given: Any, **named: Any) -> Any:
        by_thread.setdefault(stage, set()).add(threading.current_thread() is threading.main_thread())
        return run(*given, **named)

    for stage in ("load_photo", "with_sharp_edges", "plan_sample", "render_frames", "labeled", "encode"):
        monkeypatch.setattr(worker, stage, partial(noted, stage, getattr(worker, stage)))
    ShardWorker(load.job(load.config.execution, load.config.out)).render_shard(load.planning.plan.shards[0])
    feeds = {stage for stage, is_main in by_thread.items() if True in is_main}
    assert (feeds, len(by_thread)) == ({"render_frames"}, 6)


@pytest.mark.parametrize("threads", [1, 2])
def test_the_bytes_are_the_same_whatever_the_number_of_helpers(load: Workload, threads: int) -> None:
    """threads: of torch, which may change bits; each helper has to have as many as the thread that feeds the device."""
    (shard,) = load.planning.plan.shards
    sums = []
    for helpers in (1, 2, 7):
        execution = dataclasses.replace(load.config.execution, threads=threads)
        out = load.config.out.with_name(f"helpers-{threads}-{helpers}")
        ShardWorker(load.job(execution, out), helpers=helpers).render_shard(shard)
        sums.append(tar_sums(out))
    assert sums[0] == sums[1] == sums[2]
    assert len(sums[0]) == 1


def test_helpers_come_from_the_cores_of_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    assert helper_threads(ExecutionConfig(cpus_per_gpu=16), "cpu") == 2
    assert helper_threads(ExecutionConfig(cpus_per_gpu=16), "cuda") == 15
    assert helper_threads(ExecutionConfig(cpus_per_gpu=16, workers_per_gpu=4), "cuda") == 3
    assert helper_threads(ExecutionConfig(cpus_per_gpu=1), "cuda") == 2
    monkeypatch.setattr(worker, "cores", lambda: 24)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert helper_threads(ExecutionConfig(), "cuda") == 11
    assert cores() >= 1


def test_large_samples_do_not_pile_up_before_their_encoders(load: Workload) -> None:
    def waiting(long_side: int, helpers: int) -> int:
        source = dataclasses.replace(load.config.source, long_side=long_side)
        return waiting_samples(dataclasses.replace(load.config, source=source), helpers)

    assert (waiting(768, 2), waiting(768, 15)) == (4, 30)
    assert waiting(4096, 15) == 3  # 0.65 GB each
    assert waiting(16384, 15) == 1


def test_a_stack_that_does_not_fit_the_gpu_is_said(load: Workload) -> None:
    def out_of_memory(*_: object) -> Any:
        raise torch.cuda.OutOfMemoryError("tried to allocate 90 GiB")

    job = load.job(load.config.execution, load.config.out.with_name("full"))
    with pytest.raises(UserError, match="a stack at --long-side 96 must fit the GPU's memory, it does not; lower it"):
        ShardWorker(job, render=out_of_memory).render_shard(load.planning.plan.shards[0])
    assert tar_sums(job.config.out) == {}


def test_items_are_taken_ahead_but_no_further() -> None:
    taken: list[int] = []
    ahead = taken_ahead((taken.append(number) or number for number in range(5)), 2)  # type: ignore[func-returns-value]
    assert next(ahead) == 0
    assert taken == [0, 1, 2]
    assert list(ahead) == [1, 2, 3, 4]
