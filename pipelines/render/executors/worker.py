"""The worker: renders whole shards, one after the other. A plain class; executors decide where it lives.

It is built in the process that works (models load there, once). A shard's bytes depend on the job and the planned
shard alone, never on the worker or its threads, so a shard may be tried again anywhere. The thread that calls
`render_shard` does nothing but feed the device; helper threads do the rest, a few photos ahead of it and behind it:

    load ──▶ depth maps ──▶ prepare ──▶ render ──▶ label, encode ──▶ write
    helpers    device       helpers     device        helpers      one thread
"""

import dataclasses
import errno
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

import cv2
import torch

from pipelines.errors import Rejection, UserError, rejecting
from pipelines.render.config import ExecutionConfig, RenderConfig
from pipelines.render.depth.disparity_map import DisparityMap, PreparedDepth, with_sharp_edges
from pipelines.render.depth.estimator import DepthEstimator, open_depth
from pipelines.render.executors.job import RenderJob, ShardReport
from pipelines.render.executors.stage_clock import StageClock
from pipelines.render.photos.photo import Photo, PhotoSource, RejectedPhoto, load_photo
from pipelines.render.plan.plan import PlannedSample, PlannedShard
from pipelines.render.plan.rejects import rejected, write_shard_rejects
from pipelines.render.sample.build import Frames, SamplePlan, SampleSettings, labeled, plan_sample, render_frames
from pipelines.render.sample.rgbd import RgbdImage, builtin_rgbd
from pipelines.render.sample.vetting import vet_disparity, vet_photo
from pipelines.runs.data_set_paths import DataSetPaths
from shards.codec import ImageCodec, encode
from shards.object_store import failure_of_store
from shards.parallel import cores
from shards.writer import ShardWriter

LEAST_HELPERS = 2
"""Helper threads of a worker on CPUs, which renders on its own core; the least of one on a GPU."""
WAITING_BYTES = 2 << 30
"""Bound of the pixels of samples that wait for their encoder."""
NO_SPACE = (errno.ENOSPC, errno.EDQUOT)

T = TypeVar("T")
RenderFrames = Callable[[RgbdImage, SamplePlan, SampleSettings], Frames]
Loaded = tuple[Photo, PreparedDepth] | Rejection | None
"""A decoded photo and its depth as far as no device is needed; why there is none; None for a built-in scene."""


def helper_threads(execution: ExecutionConfig, device_kind: str) -> int:
    """Helper threads of one worker: a GPU's cores, shared by its workers, less the one that feeds it."""
    if device_kind == "cpu":
        return LEAST_HELPERS
    of_gpu = (
        cores() // max(1, torch.cuda.device_count()) if execution.cpus_per_gpu == "auto" else execution.cpus_per_gpu
    )
    return max(LEAST_HELPERS, of_gpu // execution.workers_per_gpu - 1)


def waiting_samples(config: RenderConfig, helpers: int) -> int:
    """How many rendered samples may wait for their encoders."""
    sample_bytes = 3 * config.source.long_side**2 * (1 + config.stack.frames)
    return max(1, min(2 * helpers, WAITING_BYTES // sample_bytes))


def taken_ahead(items: Iterable[T], count: int) -> Iterator[T]:
    """The items in order, each once `count` more have been taken: by then their work has begun."""
    waiting: deque[T] = deque()
    for item in items:
        waiting.append(item)
        if len(waiting) > count:
            yield waiting.popleft()
    yield from waiting


@dataclass(frozen=True)
class _Prepared:
    """A photo that is ready to be rendered."""

    rgbd: RgbdImage
    plan: SamplePlan


@dataclass
class _ShardInWork:
    """A shard while it is rendered: its plan, helpers, times and rejects."""

    plan: PlannedShard
    helpers: ThreadPoolExecutor
    clock: StageClock = field(default_factory=StageClock)
    rejects: list[RejectedPhoto] = field(default_factory=list)


class ShardWorker:
    """Renders planned shards. Pins the process's thread counts, because they may change bits."""

    def __init__(
        self,
        job: RenderJob,
        on_photo: Callable[[], None] = lambda: None,
        *,
        helpers: int | None = None,
        render: RenderFrames | None = None,
    ) -> None:
        """`on_photo` is called after each photo, rendered or rejected. helpers: None: see `helper_threads`."""
        torch.set_num_threads(job.config.execution.threads)
        cv2.setNumThreads(1)
        self._job = job
        self._config = job.config
        self._settings = job.settings
        self._codec = ImageCodec(job.config.storage.image_format)
        self._paths = DataSetPaths(job.config.out)
        self._on_photo = on_photo
        self._helpers = helpers or helper_threads(job.config.execution, job.device_kind)
        self._waiting = waiting_samples(job.config, self._helpers)
        self._render = render or render_frames
        self.turns_assumed: list[str] = []
        """Names of turned photos whose maps' orientation nobody stated, over all shards."""

    @cached_property
    def _depth(self) -> DepthEstimator:
        """The depth model: loaded for the first photo, and never when all scenes are built-in."""
        return open_depth(self._config.depth, self._job.device_kind, estimates=not self._config.dry_run)

    def render_shard(self, shard: PlannedShard) -> ShardReport:
        """Write one shard and the list of its rejects; a shard without a sample leaves no tar.

        Raises UserError when the disk is full or a store does not answer. On any exception the unfinished tar is
        dropped.
        """
        try:
            return self._render_shard(shard)
        except Exception as error:
            if reason := failure_of_store(error):
                way_out = "check network and credentials"
            elif isinstance(error, OSError) and error.errno in NO_SPACE:
                reason, way_out = f"no space left for {self._paths.out}", "free some space"
            else:
                raise
            kept = f"{shard.name} was dropped, finished shards are kept"
            raise UserError(f"{reason}; {kept}; {way_out} and give the same command again", exit_code=1) from error

    def vet_shard(self, shard: PlannedShard) -> list[RejectedPhoto]:
        """The rejects of a shard, without rendering. Built-in scenes are not drawn: all of them are fit."""
        photos = dataclasses.replace(shard, samples=tuple(s for s in shard.samples if not s.photo.is_builtin))
        with ThreadPoolExecutor(self._helpers) as helpers:
            work = _ShardInWork(photos, helpers)
            for _ in self._fit(work):
                pass
        return work.rejects

    def _render_shard(self, shard: PlannedShard) -> ShardReport:
        samples, before = 0, len(self.turns_assumed)
        with (
            ShardWriter(self._paths.out, shard.name, self._job.config_sha256) as writer,
            ThreadPoolExecutor(self._helpers) as helpers,
            ThreadPoolExecutor(1) as writing,
        ):
            work = _ShardInWork(shard, helpers)
            for written in taken_ahead(self._writes(work, writer, writing), self._waiting):
                written.result()
                samples += 1
            write_shard_rejects(self._paths, shard.name, work.rejects)  # the marker comes last, from the writer
        return ShardReport(
            shard.name, samples, tuple(work.rejects), work.clock.seconds, tuple(self.turns_assumed[before:])
        )

    def _writes(self, work: _ShardInWork, writer: ShardWriter, writing: ThreadPoolExecutor) -> Iterator[Future[None]]:
        """Renders each sample that can be made; its labels, files and place in the shard come behind, in order."""
        for planned, prepared in self._fit(work):
            with work.clock.stage("render"), self._fitting():
                frames = self._render(prepared.rgbd, prepared.plan, self._settings)
            encoded = work.helpers.submit(self._encode, planned.key, prepared, frames, work)
            yield writing.submit(self._write, writer, planned.key, encoded, work.clock)

    @contextmanager
    def _fitting(self) -> Iterator[None]:
        """Memory that runs out on a GPU is the user's matter: every photo of the run needs as much."""
        try:
            yield
        except torch.cuda.OutOfMemoryError as error:
            needed = f"a stack at --long-side {self._config.source.long_side} must fit the GPU's memory, it does not"
            raise UserError(f"{needed}; lower it, or --workers-per-gpu", exit_code=1) from error

    def _encode(self, key: str, prepared: _Prepared, frames: Frames, work: _ShardInWork) -> dict[str, bytes]:
        with work.clock.stage("label"):
            sample = labeled(key, work.plan.split, prepared.rgbd, prepared.plan, frames, self._settings)
        with work.clock.stage("encode"):
            return encode(sample, self._codec)

    def _write(self, writer: ShardWriter, key: str, encoded: Future[dict[str, bytes]], clock: StageClock) -> None:
        fields = encoded.result()
        with clock.stage("write"):
            writer.add(key, fields)

    def _fit(self, work: _ShardInWork) -> Iterator[tuple[PlannedSample, _Prepared]]:
        """Every photo of the shard that can be rendered; the others are rejected."""
        preparing = (
            (planned, work.helpers.submit(self._prepare, planned.photo, photo, disparity, work.clock))
            for planned, photo, disparity in self._with_depth(work)
        )
        for planned, future in taken_ahead(preparing, min(self._helpers, self._waiting)):
            prepared = future.result()
            if isinstance(prepared, Rejection):
                work.rejects.append(rejected(planned.photo, prepared))
            else:
                yield planned, prepared
            self._on_photo()

    def _prepare(
        self,
        source: PhotoSource,
        photo: Photo | Rejection | None,
        disparity: DisparityMap | Rejection | None,
        clock: StageClock,
    ) -> _Prepared | Rejection:
        """The photo with its vetted and sharpened disparity, or the built-in scene; planes, blur and lens drawn."""
        try:
            rgbd = self._rgbd(source, photo, disparity, clock)
            with clock.stage("label"):
                return _Prepared(rgbd, plan_sample(rgbd, self._settings))
        except Rejection as reason:
            return reason

    def _rgbd(
        self,
        source: PhotoSource,
        photo: Photo | Rejection | None,
        disparity: DisparityMap | Rejection | None,
        clock: StageClock,
    ) -> RgbdImage:
        """Raises the Rejection that took the place of photo or disparity, and that of a disparity that is not fit."""
        if isinstance(photo, Rejection):
            raise photo
        if isinstance(disparity, Rejection):
            raise disparity
        if photo is None or disparity is None:
            with clock.stage("photo"):
                return builtin_rgbd(source, long_side=self._config.source.long_side, stack=self._config.stack)
        with clock.stage("depth"):
            vet_disparity(disparity, self._config.vetting)
            if self._config.depth.sharpen_depth:
                disparity = with_sharp_edges(disparity, photo)
        return RgbdImage(photo, disparity)

    def _with_depth(
        self, work: _ShardInWork
    ) -> Iterator[tuple[PlannedSample, Photo | Rejection | None, DisparityMap | Rejection | None]]:
        """Every photo with its disparity, batch by batch: depth models are at their best on a few photos at once.

        A batch never crosses a shard: who is in it may change the last bits of its disparity. The next batch is
        decoded by the helpers while this one is rendered.
        """
        size, samples = self._config.depth.depth_batch, work.plan.samples
        batches = (samples[start : start + size] for start in range(0, len(samples), size))
        loading = (
            [
                (planned, work.helpers.submit(self._load, planned.photo, self._depth_for(planned.photo), work.clock))
                for planned in batch
            ]
            for batch in batches
        )
        for batch in taken_ahead(loading, 1):
            loaded = [(planned, future.result()) for planned, future in batch]
            inputs = [one for _, one in loaded if isinstance(one, tuple)]
            with work.clock.stage("depth"):
                maps = iter(self._depth.maps(*zip(*inputs, strict=True)) if inputs else [])
            for planned, one in loaded:
                if not isinstance(one, tuple):
                    yield planned, one, None
                    continue
                disparity = next(maps)
                if isinstance(disparity, DisparityMap) and disparity.is_turn_assumed:
                    self.turns_assumed.append(planned.photo.name)
                yield planned, one[0], disparity

    def _depth_for(self, source: PhotoSource) -> DepthEstimator | None:
        return None if source.is_builtin else self._depth

    def _load(self, source: PhotoSource, depth: DepthEstimator | None, clock: StageClock) -> Loaded:
        """A photo that is decoded and vetted. Built-in scenes are drawn when their turn comes."""
        if depth is None:
            return None
        try:
            with clock.stage("photo"):
                with rejecting("photo"):
                    photo = load_photo(source, long_side=self._config.source.long_side)
                vet_photo(photo, self._config.vetting)
            with clock.stage("depth"):
                return photo, depth.prepared(photo)
        except Rejection as reason:
            return reason
