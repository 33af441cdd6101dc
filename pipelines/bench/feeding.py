"""What a worker delivers when rendering takes a millisecond a frame: how well it would feed a GPU.

Rendering sleeps, as a thread does that waits for a GPU, and returns the pictures of a real run. All else is done.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass, field, replace

from pipelines.bench.pipeline import Workload
from pipelines.render.executors.worker import ShardWorker
from pipelines.render.sample.build import Frames, SamplePlan, SampleSettings, render_frames
from pipelines.render.sample.rgbd import RgbdImage
from pipelines.runs.device import torch_threads
from shards.parallel import cores

FRAME_S = 1e-3


@dataclass(frozen=True)
class FeedingRate:
    """One worker whose renderer sleeps; a shard of all photos. CPU seconds of the whole process, and of the thread that
    would feed the device, which is idle while it sleeps."""

    helpers: int
    frames_per_s: float
    cpu_s_per_photo: float
    feeding_s_per_photo: float
    cores_allow_frames_per_s: float
    """Frames a second when no core is ever idle."""


@dataclass(frozen=True)
class RecordedFrames:
    """Stands in for the renderer, with the frames of each scene."""

    frames: dict[str, Frames] = field(default_factory=dict)

    def record(self, rgbd: RgbdImage, plan: SamplePlan, settings: SampleSettings) -> Frames:
        """Render, and keep the frames."""
        return self.frames.setdefault(rgbd.photo.source.scene_id, render_frames(rgbd, plan, settings))

    def replay(self, rgbd: RgbdImage, plan: SamplePlan, settings: SampleSettings) -> Frames:
        """The same frames, after the time that a GPU would take."""
        time.sleep(FRAME_S * len(plan.frames))
        return self.frames[rgbd.photo.source.scene_id]


def feeding_rates(load: Workload, helpers: tuple[int, ...], repeats: int) -> tuple[FeedingRate, ...]:
    """Medians over `repeats` shards, for each number of helper threads."""
    first, *others = load.planning.plan.shards
    shard = replace(first, samples=sum((other.samples for other in others), first.samples))
    job = load.job(load.config.execution, load.config.out.with_name("feeding"))
    recorded = RecordedFrames()
    rates = []
    with torch_threads(job.config.execution.threads):
        ShardWorker(job, render=recorded.record).render_shard(shard)
        for count in helpers:
            worker = ShardWorker(job, helpers=count, render=recorded.replay)
            spent = []
            for _ in range(repeats):
                clocks = time.perf_counter, time.process_time, time.thread_time
                start = [clock() for clock in clocks]
                worker.render_shard(shard)
                spent.append([clock() - before for clock, before in zip(clocks, start, strict=True)])
            wall, cpu, feeding = (statistics.median(seconds) for seconds in zip(*spent, strict=True))
            photos = load.samples
            allowed = load.frames / cpu * cores()
            rates.append(FeedingRate(count, load.frames / wall, cpu / photos, feeding / photos, allowed))
    return tuple(rates)
