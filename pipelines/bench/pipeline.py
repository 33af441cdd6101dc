"""Frames a second of the whole pipeline, and what its slowest stage would allow.

A rate is taken while all workers are at work: from the moment when as many shards as workers are done to the last.
The time before it, for starting Ray and the workers, is reported apart: a data set pays it once.
"""

import statistics
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from pipelines.bench.subject import PhotoSet
from pipelines.errors import UserError
from pipelines.render.config import DepthConfig, ExecutionConfig, RenderConfig, SourceConfig, StorageConfig
from pipelines.render.executors.inline import run_inline
from pipelines.render.executors.job import RenderJob, ShardFailure, ShardReport
from pipelines.render.plan.planning import Planning
from pipelines.render.run import plan
from pipelines.runs.device import torch_threads
from pipelines.runs.interruption import interruptible
from shards.parallel import cores
from shards.reader import read_shards
from shards.storage import StoragePath


@dataclass(frozen=True)
class StageRate:
    """One stage of the worker, from its busy seconds in the inline run: frames a second that it alone would allow."""

    stage: str
    frames_per_s: float
    seconds_per_sample: float
    busy_share: float
    """Of the busy time of all stages."""


@dataclass(frozen=True)
class ExecutorRate:
    """Frames a second from photos to shards."""

    executor: str
    workers: int
    frames_per_s: float
    start_s: float
    """Time before all workers were at work, beyond the work itself."""
    of_slowest_stage: float
    """Share of what the slowest stage allows, times workers."""
    of_cores: float
    """Share of what the machine's cores allow when none is ever idle: the limit of two workers on two cores."""


@dataclass(frozen=True)
class ReaderRate:
    """Samples decoded a second by one process, all frames of each."""

    samples_per_s: float
    frames_per_s: float
    megabytes_per_s: float
    samples: int


@dataclass(frozen=True)
class InlineRates:
    """The inline executor: CPU seconds a frame, its stages, its rate, and the folder of its data set."""

    cpu_s_per_frame: float
    stages: tuple[StageRate, ...]
    executor: ExecutorRate
    out: StoragePath


@dataclass(frozen=True)
class Workload:
    """The set to render, prepared once. Its shards all hold the same number of photos."""

    config: RenderConfig
    planning: Planning

    @property
    def samples(self) -> int:
        return self.planning.plan.samples

    @property
    def frames(self) -> int:
        return self.samples * self.config.stack.frames

    def job(self, execution: ExecutionConfig, out: StoragePath) -> RenderJob:
        config = replace(self.config, out=out, execution=execution)
        return RenderJob(config, self.planning.device_kind, "0" * 64)


def workload(folder: Path, photos: Path, photo_set: PhotoSet, device: str) -> Workload:
    """The default stack of each photo, with its depth from the sidecar."""
    if device not in ("cpu", "cuda"):
        raise ValueError(f"device must be cpu or cuda, got {device}")
    config = RenderConfig(
        SourceConfig(photos=str(photos), long_side=photo_set.long_side),
        out=folder / "out",
        depth=DepthConfig(depth="sidecar"),
        storage=StorageConfig(samples_per_shard=photo_set.samples_per_shard, split_fractions=(1.0, 0.0, 0.0)),
        execution=ExecutionConfig(device="cuda" if device == "cuda" else "cpu"),
    )
    return Workload(config, plan(config))


def inline_rates(load: Workload, repeats: int) -> InlineRates:
    """Median over `repeats` runs; stages from all of them."""
    walls, cpus, busy = [], [], Counter[str]()
    for turn in range(repeats):
        job = load.job(load.config.execution, load.config.out.with_name(f"inline-{turn}"))
        with torch_threads(job.config.execution.threads):
            start, cpu_start = time.perf_counter(), time.process_time()
            reports = [_sound(r) for r in run_inline(job, load.planning.plan.shards, _ignore_photo)]
            walls.append(time.perf_counter() - start)
            cpus.append(time.process_time() - cpu_start)
        for report in reports:
            busy.update(report.seconds)
    stages = tuple(_stage_rate(name, spent / repeats, busy.total() / repeats, load) for name, spent in busy.items())
    cpu_s_per_frame = statistics.median(cpus) / load.frames
    rate = _executor_rate("inline", 1, load.frames / statistics.median(walls), 0.0, stages, cpu_s_per_frame)
    return InlineRates(cpu_s_per_frame, stages, rate, job.config.out)


def ray_rate(load: Workload, workers: int, inline: InlineRates) -> ExecutorRate:
    """The Ray executor. Raises UserError when there are not two shards for each worker."""
    from pipelines.render.executors.ray_pool import run_ray  # Ray takes seconds to import

    shards = load.planning.plan.shards
    if len(shards) < 2 * workers:
        raise UserError(f"{workers} Ray workers need {2 * workers} shards to be timed; got {len(shards)}")
    sharing = max(1, -(-workers // max(1, torch.cuda.device_count())))
    execution = replace(load.config.execution, executor="ray", workers=workers, workers_per_gpu=sharing)
    job = load.job(execution, load.config.out.with_name(f"ray-{workers}"))
    start = time.perf_counter()
    with interruptible():  # when each shard was done, and how many samples it has
        done = [(time.perf_counter(), _sound(outcome).samples) for outcome in run_ray(job, shards, _ignore_photo)]
    at_work, end = done[workers - 1][0], done[-1][0]
    frames = load.config.stack.frames * sum(samples for _, samples in done[workers:])
    rate = frames / (end - at_work)
    start_s = max(0.0, end - start - load.frames / rate)
    return _executor_rate("ray", workers, rate, start_s, inline.stages, inline.cpu_s_per_frame)


def reader_rate(out: StoragePath, repeats: int) -> ReaderRate:
    """Every sample of a data set, read and decoded. Medians."""
    seconds, frames = [], list[int]()
    for _ in range(repeats):
        start = time.perf_counter()
        frames = [len(sample.frames) for sample in read_shards(out)]
        seconds.append(time.perf_counter() - start)
    spent = statistics.median(seconds)
    size = sum(tar.stat().st_size for tar in (out / "shards").glob("*.tar"))
    return ReaderRate(len(frames) / spent, sum(frames) / spent, size / spent / 1e6, len(frames))


def _stage_rate(stage: str, busy_s: float, total_s: float, load: Workload) -> StageRate:
    return StageRate(stage, load.frames / max(busy_s, 1e-9), busy_s / load.samples, busy_s / total_s)


def _executor_rate(
    name: str, workers: int, frames_per_s: float, start_s: float, stages: Sequence[StageRate], cpu_s_per_frame: float
) -> ExecutorRate:
    slowest = min(stage.frames_per_s for stage in stages)
    of_cores = frames_per_s * cpu_s_per_frame / cores()
    return ExecutorRate(name, workers, frames_per_s, start_s, frames_per_s / (workers * slowest), of_cores)


def _sound(outcome: ShardReport | ShardFailure) -> ShardReport:
    if isinstance(outcome, ShardFailure):
        raise UserError(f"{outcome.name} of the measurement failed: {outcome.reason}", exit_code=1)
    return outcome


def _ignore_photo() -> None:
    pass
