"""Frames a second of the whole pipeline, and what its slowest stage alone would allow.

A rate is taken while all workers are at work: from the moment when as many shards as workers are done to the last.
What comes before, starting Ray and the workers, is reported apart: a data set pays it once.
"""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from pipelines.bench.machine import cores
from pipelines.bench.photo_set import PhotoSet
from pipelines.bench.stages import STAGES, StageSeconds, median_of, seconds_alone
from pipelines.errors import UserError
from pipelines.render.config import DepthConfig, ExecutionConfig, RenderConfig, SourceConfig, StorageConfig
from pipelines.render.executors.inline import run_inline
from pipelines.render.executors.job import RenderJob, ShardFailure, ShardReport
from pipelines.render.plan.planning import Planning
from pipelines.render.run import plan
from pipelines.runs.interruption import interruptible
from shards.reader import read_shards
from shards.storage import StoragePath


@dataclass(frozen=True)
class StageRate:
    """Frames a second of one stage, alone, and the share of the worker's busy time that it has in the inline run."""

    stage: str
    frames_per_s: float
    seconds_per_sample: float
    cpu_s_per_sample: float
    busy_share: float | None
    """None for writing, which the worker's clock does not tell apart."""


@dataclass(frozen=True)
class ExecutorRate:
    """Frames a second from photos to shards."""

    executor: str
    workers: int
    frames_per_s: float
    start_s: float
    """Before all workers were at work, beyond the work itself."""
    of_slowest_stage: float
    """Share of what the slowest stage alone allows, times workers."""
    of_sum_of_stages: float
    """The same of all stages one after the other: above 1, stages overlap."""
    of_cores: float
    """Share of what the machine's cores allow when none is ever idle: all that two workers on two cores can reach."""


@dataclass(frozen=True)
class ReaderRate:
    """Samples decoded a second by one process, all frames of each."""

    samples_per_s: float
    frames_per_s: float
    megabytes_per_s: float
    samples: int


@dataclass(frozen=True)
class Workload:
    """The set to render, prepared once. Its shards all hold the same number of photos."""

    config: RenderConfig
    planning: Planning

    @property
    def frames(self) -> int:
        return self.planning.plan.samples * self.config.stack.frames

    def job(self, execution: ExecutionConfig, out: StoragePath) -> RenderJob:
        config = replace(self.config, out=out, execution=execution)
        return RenderJob(config, self.planning.device_kind, "0" * 64)


def workload(folder: Path, photos: Path, wanted: PhotoSet, device: str) -> Workload:
    """The default stack of each photo, with its depth from the sidecar."""
    if device not in ("cpu", "cuda"):
        raise ValueError(f"device must be cpu or cuda, got {device}")
    config = RenderConfig(
        SourceConfig(photos=str(photos), long_side=wanted.long_side),
        out=folder / "out",
        depth=DepthConfig(depth="sidecar"),
        storage=StorageConfig(samples_per_shard=wanted.samples_per_shard, split_fractions=(1.0, 0.0, 0.0)),
        execution=ExecutionConfig(device="cuda" if device == "cuda" else "cpu"),
    )
    return Workload(config, plan(config))


def inline_rates(load: Workload, repeats: int) -> tuple[list[StageRate], ExecutorRate, StoragePath]:
    """Stages alone and the inline executor, taking turns; and the folder of the last data set. Medians."""
    alone: list[dict[str, StageSeconds]] = []
    walls: list[float] = []
    busy: Counter[str] = Counter()
    job = load.job(load.config.execution, load.config.out)
    for turn in range(repeats):
        job = load.job(load.config.execution, load.config.out.with_name(f"inline-{turn}"))
        with _worker_threads(job):
            alone.append(seconds_alone(job, load.planning.plan))
            start = time.perf_counter()
            reports = _reports(run_inline(job, load.planning.plan.shards, _nothing))
            walls.append(time.perf_counter() - start)
        for report in reports:
            busy.update(report.seconds)
    stages = [_stage_rate(stage, median_of([turn[stage] for turn in alone]), load, busy) for stage in STAGES]
    rate = load.frames / statistics.median(walls)
    return stages, _executor_rate("inline", 1, rate, 0.0, load, stages), job.config.out


def ray_rate(load: Workload, workers: int, stages: Sequence[StageRate]) -> ExecutorRate:
    """The Ray executor. Raises UserError when there are not two shards for each worker."""
    from pipelines.render.executors.ray_pool import run_ray  # Ray takes seconds to import

    shards = load.planning.plan.shards
    if len(shards) < 2 * workers:
        raise UserError(f"{workers} Ray workers need {2 * workers} shards to be timed; got {len(shards)}")
    execution = replace(load.config.execution, executor="ray", workers=workers)
    job = load.job(execution, load.config.out.with_name(f"ray-{workers}"))
    start = time.perf_counter()
    with interruptible():  # when each shard was done, and how many samples it has
        done = [(time.perf_counter(), _sound(outcome).samples) for outcome in run_ray(job, shards, _nothing)]
    at_work, end = done[workers - 1][0], done[-1][0]
    frames = load.config.stack.frames * sum(samples for _, samples in done[workers:])
    rate = frames / (end - at_work)
    return _executor_rate("ray", workers, rate, max(0.0, end - start - load.frames / rate), load, stages)


def reader_rate(out: StoragePath, repeats: int) -> ReaderRate:
    """Every sample of a data set, read and decoded. Medians."""
    seconds, samples, frames = [], 0, 0
    for _ in range(repeats):
        start = time.perf_counter()
        counts = [len(sample.frames) for sample in read_shards(out)]
        seconds.append(time.perf_counter() - start)
        samples, frames = len(counts), sum(counts)
    spent = statistics.median(seconds)
    size = sum(tar.stat().st_size for tar in (out / "shards").glob("*.tar"))
    return ReaderRate(samples / spent, frames / spent, size / spent / 1e6, samples)


def render_inline(load: Workload) -> StoragePath:
    """The data set alone, for the reader."""
    job = load.job(load.config.execution, load.config.out)
    with _worker_threads(job):
        _reports(run_inline(job, load.planning.plan.shards, _nothing))
    return load.config.out


@contextmanager
def _worker_threads(job: RenderJob) -> Iterator[None]:
    """Torch's threads as a worker has them, and afterwards as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(job.config.execution.threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _stage_rate(stage: str, spent: StageSeconds, load: Workload, busy: Counter[str]) -> StageRate:
    samples = load.planning.plan.samples
    share = busy[stage] / sum(busy.values()) if stage in busy else None
    return StageRate(stage, load.frames / spent.wall_s, spent.wall_s / samples, spent.cpu_s / samples, share)


def _executor_rate(
    name: str, workers: int, frames_per_s: float, start_s: float, load: Workload, stages: Sequence[StageRate]
) -> ExecutorRate:
    slowest = workers * min(stage.frames_per_s for stage in stages)
    one_after_the_other = workers / sum(1 / stage.frames_per_s for stage in stages)
    frames_a_cpu_second = load.config.stack.frames / sum(stage.cpu_s_per_sample for stage in stages)
    return ExecutorRate(
        executor=name,
        workers=workers,
        frames_per_s=frames_per_s,
        start_s=start_s,
        of_slowest_stage=frames_per_s / slowest,
        of_sum_of_stages=frames_per_s / one_after_the_other,
        of_cores=frames_per_s / (frames_a_cpu_second * cores()),
    )


def _reports(outcomes: Iterable[ShardReport | ShardFailure]) -> list[ShardReport]:
    return [_sound(outcome) for outcome in outcomes]


def _sound(outcome: ShardReport | ShardFailure) -> ShardReport:
    if isinstance(outcome, ShardFailure):
        raise UserError(f"{outcome.name} of the measurement failed: {outcome.reason}", exit_code=1)
    return outcome


def _nothing() -> None:
    pass
