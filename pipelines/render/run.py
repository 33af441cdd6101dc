"""One render run from its configuration to a finished data set: the whole flow on one page.

find photos ─▶ plan (depth, device, settings checked) ─▶ lock ─▶ freeze plan ─▶ render shards ─▶ rejects, index, card
"""

import logging
from collections import Counter
from collections.abc import Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace

import numpy as np

from pipelines.errors import UserError
from pipelines.render.config import RenderConfig
from pipelines.render.depth.estimator import NotEstimated
from pipelines.render.estimate import bytes_per_sample
from pipelines.render.executors.job import RenderJob
from pipelines.render.executors.placement import check_ray
from pipelines.render.executors.shards import RenderedShards, render_shards
from pipelines.render.executors.worker import ShardWorker
from pipelines.render.photos.finding import Hashing, find_photos
from pipelines.render.photos.known_hashes import KnownHashes
from pipelines.render.photos.photo import RejectedPhoto
from pipelines.render.plan.planning import Planning, plan_run
from pipelines.render.plan.rejects import counts_by_code
from pipelines.render.result import COARSE_LEVELS, Forecast, RenderResult
from pipelines.render.sample.psf_file import read_psf_table
from pipelines.runs.data_set_paths import DataSetPaths
from pipelines.runs.disk import counted, format_bytes, free_bytes
from pipelines.runs.interruption import Interrupted, deferred_signals, interruptible
from pipelines.runs.lock import run_lock
from pipelines.runs.progress_bar import ProgressBar
from shards.card import write_card
from shards.index import marked_shards, remove_stale_temporaries, write_index
from shards.marker import Marker
from shards.parallel import Workers, cores
from shards.record import SPLITS
from shards.summary import DataSetSummary

_log = logging.getLogger(__name__)


def run(config: RenderConfig) -> RenderResult | Forecast:
    """The verb `render`: with `--dry-run` a forecast, else a data set."""
    return forecast(config) if config.dry_run else render(config)


def plan(config: RenderConfig, known: KnownHashes | None = None) -> Planning:
    """Find photos, check depth, device and settings, plan shards; writes at most to `known`. Raises UserError."""
    if config.lens.psf:
        read_psf_table(config.lens.psf)  # what is wrong with it is said before any photo is read
    near = config.storage.near_duplicates == "together"
    hashing = Hashing(near, _readers(config), known or KnownHashes(DataSetPaths(config.out).meta))
    try:
        photos = find_photos(config.source.photos, limit=config.source.limit, seed=config.seed, hashing=hashing)
    except (Interrupted, UserError):
        hashing.known.store()
        raise
    except BrokenProcessPool as error:
        raise UserError(
            "a process that read photos was killed: too little memory? The same command goes on", 1
        ) from error
    return plan_run(config, photos, DataSetPaths(config.out))


def _readers(config: RenderConfig) -> Workers:
    """What reads photos: a process a core of this machine, or the nodes of the cluster that is to render them."""
    if config.dry_run or config.execution.executor == "inline" or not config.execution.ray_address:
        return Workers(cores())
    check_ray()
    with deferred_signals():
        from pipelines.render.executors.ray_cluster import ClusterWorkers  # Ray takes seconds to import

    return ClusterWorkers(config.execution)


def render(config: RenderConfig) -> RenderResult:
    """Render the shards that are not finished. The same configuration again resumes.

    Raises UserError, and Interrupted on SIGINT and SIGTERM; finished shards stay.
    """
    paths = DataSetPaths(config.out)
    with interruptible():
        known = KnownHashes(paths.meta, paths.create)
        planning = plan(config, known)
        paths.create()
        with run_lock(paths.meta, force=config.execution.force):
            if config.growth.overwrite:
                paths.clear()
            known.store()
            return _render(config, planning)


def _render(config: RenderConfig, planning: Planning) -> RenderResult:
    planning.freeze()
    remove_stale_temporaries(config.out)  # of a run that was killed
    try:
        rendered = _render_unfinished(config, planning)
    finally:
        remove_stale_temporaries(config.out)  # of workers that were killed
    _warn_of_turns(rendered.turns_assumed)
    rejects = planning.write_rejects()
    return _finish(config, planning, rejects, rendered)


def forecast(config: RenderConfig) -> Forecast:
    """The result that `render` would have, without rendering or writing anything. Raises UserError as it does."""
    config = replace(config, dry_run=True)
    planning = plan(config)
    vetted = _vetted(config, planning)
    rejects = [*planning.left_out, *(reject for reject in vetted if reject.code != NotEstimated().code)]
    unfit = {reject.scene_id for reject in rejects}
    planned, splits = planning.plan.photos.scene_ids, planning.plan.splits
    is_fit = ~np.isin(planned, np.array([int(scene_id, 16) for scene_id in unfit if scene_id], np.uint64))
    fit = Counter(SPLITS[split] for split in splits[is_fit].tolist())
    samples = fit.total()
    return Forecast(
        out=str(config.out),
        photos=planning.photo_count,
        samples_by_split={split: fit[split] for split in SPLITS},
        frames=samples * config.stack.frames,
        shards=len(planning.plan.shards),
        estimated_bytes=samples * bytes_per_sample(config),
        free_bytes=free_bytes(config.out),
        rejected_by_code=counts_by_code(rejects),
        depth_not_checked=len(planning.left_out) + len(vetted) - len(rejects),
        depth=[origin.source for origin in planning.depth_origins],
        device=planning.device_kind,
    )


def _render_unfinished(config: RenderConfig, planning: Planning) -> RenderedShards:
    """Render the shards that are not finished; warn when the disk is too small for them."""
    finished = planning.finished_shards()
    unfinished = planning.plan.unfinished(finished)
    if finished:
        _log.info("%s: %d of %d shards are there already", config.out, len(finished), len(planning.plan.shards))
    needed = unfinished.samples * bytes_per_sample(config)
    free = free_bytes(config.out)
    if free is not None and needed > free:
        _log.warning("%s has %s free, about %s are needed", config.out, format_bytes(free), format_bytes(needed))
    return render_shards(_job(config, planning), unfinished)


def _vetted(config: RenderConfig, planning: Planning) -> list[RejectedPhoto]:
    """The rejects of all shards: known of finished ones, found by decoding and depth for the others."""
    finished = planning.finished_shards()
    with ProgressBar("vet", "photos", planning.plan.samples) as bar:
        worker = ShardWorker(_job(config, planning), bar.advance)
        rejects = [
            reject
            for shard in planning.plan.shards
            for reject in (planning.rejects_of(shard) if shard.name in finished else worker.vet_shard(shard))
            if planning.plan.is_last_try(shard, reject.scene_id)
        ]
    _warn_of_turns(worker.turns_assumed)
    return rejects


def _warn_of_turns(names: Sequence[str]) -> None:
    """One warning a run: depth that may lie turned on its photo."""
    if names:
        _log.warning(
            "nobody stated whether the depth map is turned, too, of %s turned by EXIF (the first: %s): it was taken as "
            "upright; state it by --depth-orientation upright|stored, or in depth.json",
            counted(len(names), "photo"),
            sorted(names)[0],
        )


def _job(config: RenderConfig, planning: Planning) -> RenderJob:
    return RenderJob(config.with_absolute_paths(), planning.device_kind, planning.config_sha256)


def _finish(
    config: RenderConfig, planning: Planning, rejects: list[RejectedPhoto], rendered: RenderedShards
) -> RenderResult:
    """Write index and card over all finished shards, and count."""
    summary, depth = DataSetSummary(), _DepthCounts(config.stack.planes)
    try:
        if marked_shards(config.out):
            summary = write_index(config.out, depth.add)
        if summary.samples:
            write_card(config.out, summary)
    except ValueError as error:  # a shard was damaged, and rendering it again has failed
        raise UserError(f"{error}; failed shards: {rendered.failed}", exit_code=1) from error
    return RenderResult(
        out=str(config.out),
        photos=planning.photo_count,
        **summary.counts(),
        rejected=len(rejects),
        rejected_by_code=counts_by_code(rejects),
        max_reject_fraction=config.max_reject_fraction,
        coarse_depth_maps=depth.coarse,
        debanded_depth_maps=depth.debanded,
        filled_depth_maps=depth.filled,
        fewer_planes=depth.fewer_planes,
        failed_shards=rendered.failed,
        seconds_by_stage={stage: round(spent, 3) for stage, spent in rendered.seconds.items()},
        bytes_on_disk=sum(entry.tar_bytes for entry in summary.entries),
        run_photos=rendered.photos,
        run_seconds=rendered.wall_seconds,
    )


@dataclass
class _DepthCounts:
    """Samples whose depth is worth a word, see `RenderResult`; `planes` were asked for."""

    planes: int
    coarse: int = 0
    debanded: int = 0
    filled: int = 0
    fewer_planes: int = 0

    def add(self, marker: Marker) -> None:
        """Count the samples of one shard. Exact disparity has no levels: 0."""
        for row in marker.rows:
            is_coarse = 0 < row.disparity_quantization_levels <= COARSE_LEVELS
            self.coarse += is_coarse
            self.debanded += is_coarse and row.disparity_steps == "debanded"
            self.filled += row.disparity_filled_fraction > 0
            self.fewer_planes += row.planes < self.planes
