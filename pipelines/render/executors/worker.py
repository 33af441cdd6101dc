"""The worker: renders whole shards, one after the other. A plain class; executors decide where it lives.

It is built in the process that works (models load there, once). A shard's bytes depend on the job and the planned
shard alone, never on the worker, so a shard may be tried again anywhere.
"""

import dataclasses
import errno
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from itertools import zip_longest

import cv2
import torch

from pipelines.errors import Rejection, UserError, rejecting
from pipelines.render.depth.disparity_map import DisparityMap, with_sharp_edges
from pipelines.render.depth.estimator import DepthEstimator, open_depth
from pipelines.render.executors.job import RenderJob, ShardReport
from pipelines.render.executors.stage_clock import StageClock
from pipelines.render.photos.photo import Photo, PhotoSource, RejectedPhoto, load_photo
from pipelines.render.plan.plan import PlannedSample, PlannedShard
from pipelines.render.plan.rejects import rejected, write_shard_rejects
from pipelines.render.sample.build import build_sample, plan_sample
from pipelines.render.sample.rgbd import RgbdImage, builtin_rgbd
from pipelines.render.sample.vetting import vet_disparity, vet_photo
from pipelines.runs.data_set_paths import DataSetPaths
from shards.codec import ImageCodec, encode
from shards.sample import Sample
from shards.writer import ShardWriter

THREADS = 2
"""Threads that decode and encode while the worker renders."""
MAX_WAITING = 2 * THREADS
"""Samples that may wait for their encoder: bounds memory."""
NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


@dataclass
class _ShardInWork:
    """A shard while it is rendered: its plan, threads, times and rejects."""

    plan: PlannedShard
    threads: ThreadPoolExecutor
    clock: StageClock = field(default_factory=StageClock)
    rejects: list[RejectedPhoto] = field(default_factory=list)


class ShardWorker:
    """Renders planned shards. Pins the process's thread counts, because they may change bits."""

    def __init__(self, job: RenderJob, on_photo: Callable[[], None] = lambda: None) -> None:
        """`on_photo` is called after each photo, rendered or rejected."""
        torch.set_num_threads(job.config.execution.threads)
        cv2.setNumThreads(1)
        self._job = job
        self._config = job.config
        self._settings = job.settings
        self._codec = ImageCodec(job.config.storage.image_format)
        self._paths = DataSetPaths(job.config.out)
        self._on_photo = on_photo
        self.turns_assumed: list[str] = []
        """Names of turned photos whose maps' orientation nobody stated, over all shards."""

    @cached_property
    def _depth(self) -> DepthEstimator:
        """The depth model: loaded for the first photo, and never when all scenes are built-in."""
        return open_depth(self._config.depth, self._job.device_kind)

    def render_shard(self, shard: PlannedShard) -> ShardReport:
        """Write one shard and the list of its rejects; a shard without a sample leaves no tar.

        Raises UserError when the disk is full. On any exception the unfinished tar is dropped.
        """
        try:
            return self._render_shard(shard)
        except OSError as error:
            if error.errno not in NO_SPACE:
                raise
            raise UserError(
                f"no space left for {self._paths.out}: {shard.name} was dropped, finished shards are kept; "
                "free some space and give the same command again",
                exit_code=1,
            ) from error

    def vet_shard(self, shard: PlannedShard) -> list[RejectedPhoto]:
        """The rejects of a shard, without rendering. Built-in scenes are not drawn: all of them are fit."""
        photos = dataclasses.replace(shard, samples=tuple(s for s in shard.samples if not s.photo.is_builtin))
        rejects = []
        with ThreadPoolExecutor(THREADS) as threads:
            for planned, subject in self._subjects(_ShardInWork(photos, threads)):
                try:
                    if isinstance(subject, Rejection):
                        raise subject
                    plan_sample(subject, self._settings)
                except Rejection as reason:
                    rejects.append(rejected(planned.photo, reason))
                self._on_photo()
        return rejects

    def _render_shard(self, shard: PlannedShard) -> ShardReport:
        samples, before = 0, len(self.turns_assumed)
        with (
            ThreadPoolExecutor(THREADS) as threads,
            ShardWriter(self._paths.out, shard.name, self._job.config_sha256) as writer,
        ):
            work = _ShardInWork(shard, threads)
            for key, fields in self._encoded(work):
                writer.add(key, fields)
                samples += 1
            write_shard_rejects(self._paths, shard.name, work.rejects)  # the marker comes last, from the writer
        return ShardReport(
            shard.name, samples, tuple(work.rejects), work.clock.seconds, tuple(self.turns_assumed[before:])
        )

    def _encoded(self, work: _ShardInWork) -> Iterator[tuple[str, dict[str, bytes]]]:
        """Key and fields of each sample, in order; encoded in threads while the next photos are rendered."""
        waiting: deque[tuple[str, Future[dict[str, bytes]]]] = deque()
        for sample in self._samples(work):
            waiting.append((sample.key, work.threads.submit(self._encode, sample, work.clock)))
            if len(waiting) > MAX_WAITING:
                key, fields = waiting.popleft()
                yield key, fields.result()
        for key, fields in waiting:
            yield key, fields.result()

    def _encode(self, sample: Sample, clock: StageClock) -> dict[str, bytes]:
        with clock.stage("encode"):
            return encode(sample, self._codec)

    def _samples(self, work: _ShardInWork) -> Iterator[Sample]:
        """Every sample of the shard that can be made; the other photos are rejected."""
        for planned, subject in self._subjects(work):
            try:
                if isinstance(subject, Rejection):
                    raise subject
                with work.clock.stage("render"):
                    sample = build_sample(planned.key, work.plan.split, subject, self._settings)
            except Rejection as reason:
                work.rejects.append(rejected(planned.photo, reason))
            else:
                yield sample
            self._on_photo()

    def _subjects(self, work: _ShardInWork) -> Iterator[tuple[PlannedSample, RgbdImage | Rejection]]:
        """Every photo with its disparity, batch by batch: depth models are at their best on a few photos at once.

        A batch never crosses a shard: who is in it may change the last bits of its disparity. The next batch is
        decoded in threads while this one is rendered.
        """
        size, samples = self._config.depth.depth_batch, work.plan.samples
        batches = [samples[start : start + size] for start in range(0, len(samples), size)]
        loading = self._loading(batches[0] if batches else (), work)
        for batch, following in zip_longest(batches, batches[1:], fillvalue=()):
            loaded = [future.result() for future in loading]
            loading = self._loading(following, work)
            photos = [photo for photo in loaded if isinstance(photo, Photo)]
            with work.clock.stage("depth"):
                maps = iter(self._depth.estimate(photos) if photos else [])
            for planned, photo in zip(batch, loaded, strict=True):
                yield planned, self._subject(planned.photo, photo, maps, work.clock)

    def _loading(self, batch: Sequence[PlannedSample], work: _ShardInWork) -> list[Future[Photo | Rejection | None]]:
        return [work.threads.submit(self._load, planned.photo, work.clock) for planned in batch]

    def _load(self, source: PhotoSource, clock: StageClock) -> Photo | Rejection | None:
        """The photo, why there is none, or None for a built-in scene: that is drawn when its turn comes."""
        if source.is_builtin:
            return None
        with clock.stage("photo"):
            try:
                with rejecting("photo"):
                    photo = load_photo(source, long_side=self._config.source.long_side)
                vet_photo(photo, self._config.vetting)
                return photo
            except Rejection as reason:
                return reason

    def _subject(
        self,
        source: PhotoSource,
        photo: Photo | Rejection | None,
        maps: Iterator[DisparityMap | Rejection],
        clock: StageClock,
    ) -> RgbdImage | Rejection:
        """Photo and the next disparity map together; a built-in scene; or why there is none."""
        if photo is None:
            with clock.stage("photo"):
                return builtin_rgbd(source, long_side=self._config.source.long_side, stack=self._config.stack)
        if isinstance(photo, Rejection):
            return photo
        disparity = next(maps)
        if isinstance(disparity, Rejection):
            return disparity
        if disparity.is_turn_assumed:
            self.turns_assumed.append(source.name)
        try:
            vet_disparity(disparity, self._config.vetting)
        except Rejection as reason:
            return reason
        if self._config.depth.sharpen_depth:
            with clock.stage("depth"):
                disparity = with_sharp_edges(disparity, photo)
        return RgbdImage(photo, disparity)
