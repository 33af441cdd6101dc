"""Each stage of the pipeline alone: as many threads as the worker gives it, and nothing else going on."""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from pipelines.errors import Rejection
from pipelines.render.depth.edges import with_sharp_edges
from pipelines.render.depth.estimator import DepthEstimator, DisparityMap, open_depth
from pipelines.render.executors.job import RenderJob
from pipelines.render.executors.worker import THREADS
from pipelines.render.photos.photo import Photo, load_photo
from pipelines.render.plan.plan import Plan
from pipelines.render.sample.build import build_sample
from pipelines.render.sample.rgbd import RgbdImage
from shards.codec import ImageCodec, encode
from shards.sample import Sample
from shards.writer import ShardWriter

STAGES = ("photo", "depth", "render", "encode", "write")

A = TypeVar("A")
B = TypeVar("B")


@dataclass(frozen=True)
class StageSeconds:
    """What a stage took for all photos: by the clock on the wall, and of all cores together."""

    wall_s: float
    cpu_s: float


def median_of(turns: Sequence[StageSeconds]) -> StageSeconds:
    """Median of each."""
    return StageSeconds(statistics.median(t.wall_s for t in turns), statistics.median(t.cpu_s for t in turns))


def seconds_alone(job: RenderJob, plan: Plan) -> dict[str, StageSeconds]:
    """Seconds that each stage takes for all photos of the plan, one stage after the other."""
    seconds: dict[str, StageSeconds] = {}
    config = job.config

    def timed(stage: str, work: Callable[[], B]) -> B:
        start, cpu_start = time.perf_counter(), time.process_time()
        result = work()
        seconds[stage] = StageSeconds(time.perf_counter() - start, time.process_time() - cpu_start)
        return result

    estimator = open_depth(dataclasses.replace(config.depth, offline=True), job.device_kind)
    codec = ImageCodec(config.storage.image_format)
    sources = plan.photos
    photos = timed("photo", lambda: _in_threads(lambda s: load_photo(s, long_side=config.source.long_side), sources))
    maps = timed("depth", lambda: [_map(estimator, photo, sharpen=config.depth.sharpen_depth) for photo in photos])
    subjects = [RgbdImage(photo, disparity) for photo, disparity in zip(photos, maps, strict=True)]
    samples = timed("render", lambda: _samples(job, subjects))
    fields = timed("encode", lambda: _in_threads(lambda sample: encode(sample, codec), samples))
    with TemporaryDirectory(prefix="bench-write-", dir=str(config.out.parent)) as folder:
        timed("write", lambda: _write(Path(folder), samples, fields))
    return seconds


def _in_threads(work: Callable[[A], B], items: Sequence[A]) -> list[B]:
    with ThreadPoolExecutor(THREADS) as threads:
        return list(threads.map(work, items))


def _map(estimator: DepthEstimator, photo: Photo, *, sharpen: bool) -> DisparityMap:
    (found,) = estimator.estimate([photo])
    if isinstance(found, Rejection):
        raise found
    return with_sharp_edges(found, photo) if sharpen else found


def _samples(job: RenderJob, subjects: Sequence[RgbdImage]) -> list[Sample]:
    return [build_sample(f"{i:08d}", "train", subject, job.settings) for i, subject in enumerate(subjects)]


def _write(folder: Path, samples: Sequence[Sample], fields: Sequence[dict[str, bytes]]) -> None:
    with ShardWriter(folder, "train-000000") as shard:
        for sample, encoded in zip(samples, fields, strict=True):
            shard.add(sample.key, encoded)
