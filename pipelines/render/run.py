"""One render run from its configuration to a finished data set: the whole flow on one page.

find photos ─▶ check depth ─▶ fingerprint ─▶ plan ─▶ lock ─▶ shards by an executor ─▶ rejects, index
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass

from pipelines.errors import UserError
from pipelines.render.config import RenderConfig
from pipelines.render.depth.estimator import DepthOrigin, check_depth
from pipelines.render.estimate import bytes_per_sample
from pipelines.render.executors.inline import run_inline
from pipelines.render.executors.job import RenderJob, ShardFailure, ShardReport
from pipelines.render.executors.progress import RenderProgress
from pipelines.render.executors.worker import ShardWorker
from pipelines.render.photos.photo import PhotoSource, RejectedPhoto, find_photos
from pipelines.render.plan.fingerprint import Fingerprint, check_same, fingerprint, sha256_of, to_json
from pipelines.render.plan.growth import Planning, planned
from pipelines.render.plan.plan import Plan, PlannedShard, plan_to_json, read_plan
from pipelines.render.plan.rejects import counts_by_code, read_shard_rejects, write_ledger, write_left_out
from pipelines.render.result import Forecast, RenderResult
from pipelines.runs.data_set_paths import Folder
from pipelines.runs.device import resolve_device
from pipelines.runs.disk import format_bytes, free_bytes
from pipelines.runs.interruption import interruptible
from pipelines.runs.lock import run_lock
from pipelines.runs.run_log import RunEntry, append_run, utc_now
from shards.card import write_card
from shards.durable import write_durably
from shards.index import is_complete, marked_shards, remove_stale_temporaries, write_index
from shards.sample import SPLITS

FAILURES_WITHOUT_SUCCESS = 3
"""When the first shards all fail, the fault lies with none of them: the run ends."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Prepared:
    """A run that is ready to start: everything a user can put right has been checked, and nothing was written."""

    planning: Planning
    settings: Fingerprint
    depth_origins: tuple[DepthOrigin, ...]
    device_kind: str

    @property
    def photos(self) -> int:
        """All photos, those that were left out at once included."""
        return len(self.planning.plan.latest) + len(self.planning.left_out)


def prepare(config: RenderConfig) -> Prepared:
    """Find photos, check depth, device and settings, plan shards. Raises UserError."""
    folder = Folder(config.out)
    photos, left_out = find_photos(config.source.photos, limit=config.source.limit, seed=config.seed)
    depth_origins = _depth_origins(config, photos)
    device = resolve_device(config.execution.device)
    settings = fingerprint(config, device, depth_origins)
    if folder.fingerprint.exists() and not config.growth.overwrite:
        check_same(folder.fingerprint, settings)
    planning = planned(folder, photos, left_out, config.growth, config.storage)
    return Prepared(planning, settings, depth_origins, device)


def render(config: RenderConfig) -> RenderResult:
    """Render what is not yet there. The same configuration again resumes.

    Raises UserError (finished shards stay), Interrupted on SIGINT and SIGTERM (likewise).
    """
    prepared = prepare(config)
    planning, folder = prepared.planning, Folder(config.out)
    if config.out.is_dir() and not folder.meta.is_dir() and any(config.out.iterdir()):
        raise UserError(f"--out {config.out} holds other things than a data set; name a new or an empty folder")
    folder.meta.mkdir(parents=True, exist_ok=True)
    with interruptible(), run_lock(folder.meta, force=config.execution.force):
        if config.growth.overwrite:
            folder.clear()
        _freeze(folder, prepared)
        job = RenderJob(config.with_absolute_paths(), prepared.device_kind, sha256_of(prepared.settings))
        remove_stale_temporaries(config.out)  # of a run that was killed
        try:
            failed, seconds = _render_missing(job, planning.plan)
        finally:
            remove_stale_temporaries(config.out)  # of workers that were killed
        rejects = write_ledger(folder, planning.left_out, planning.plan)
        return _result(config, prepared, rejects, failed, seconds)


def forecast(config: RenderConfig) -> Forecast:
    """What `render` would do, without rendering or writing anything. Raises UserError as it does."""
    prepared = prepare(config)
    plan = prepared.planning.plan
    rejects = [*prepared.planning.left_out, *_vetted(config, prepared)]
    unfit = {reject.scene_id for reject in rejects}
    fit = Counter(shard.split for shard, sample in plan.latest.values() if sample.photo.scene_id not in unfit)
    samples = fit.total()
    return Forecast(
        out=str(config.out),
        photos=prepared.photos,
        samples_by_split={split: fit[split] for split in SPLITS},
        frames=samples * config.stack.frames,
        shards=len(plan.shards),
        estimated_bytes=samples * bytes_per_sample(config),
        free_bytes=free_bytes(config.out),
        rejected_by_code=counts_by_code(rejects),
        depth=[origin.source for origin in prepared.depth_origins],
        device=prepared.device_kind,
    )


def _vetted(config: RenderConfig, prepared: Prepared) -> list[RejectedPhoto]:
    """What the shards would leave out: known of finished ones, found by decoding and depth for the others."""
    job = RenderJob(config.with_absolute_paths(), prepared.device_kind, sha256_of(prepared.settings))
    plan, folder = prepared.planning.plan, Folder(config.out)
    latest = plan.latest
    kept = [] if config.growth.overwrite else plan.shards
    finished = {shard.name for shard in kept if is_complete(config.out, shard.name)}
    with RenderProgress(plan.samples, "vet") as progress:
        worker = ShardWorker(job, progress.photo_done)
        return [
            reject
            for shard in plan.shards
            for reject in (read_shard_rejects(folder, shard) if shard.name in finished else worker.vet_shard(shard))
            if latest[reject.scene_id][0].name == shard.name
        ]


def _depth_origins(config: RenderConfig, photos: Sequence[PhotoSource]) -> tuple[DepthOrigin, ...]:
    """Where depth will come from; nowhere for built-in scenes, which bring their own."""
    real = [photo for photo in photos if not photo.is_builtin]
    return check_depth(config.depth, real) if real else ()


def _freeze(folder: Folder, prepared: Prepared) -> None:
    """Write the plan down before any work; the fingerprint comes last: where it is, the plan is.

    Raises UserError when another run began or changed the data set since this one looked at it.
    """
    planning = prepared.planning
    on_disk = read_plan(folder.plan) if folder.fingerprint.exists() else None
    if on_disk != planning.frozen:
        raise UserError(f"another run has changed {folder.out} while this one was starting; give the command again")
    write_left_out(folder, planning.left_out)
    if planning.plan != on_disk:
        write_durably(folder.plan, plan_to_json(planning.plan))
    if on_disk is None:
        write_durably(folder.fingerprint, to_json(prepared.settings))


def _render_missing(job: RenderJob, plan: Plan) -> tuple[dict[str, str], dict[str, float]]:
    """Render the shards that are not finished. Returns why shards failed, and busy seconds by stage."""
    out = job.config.out
    missing = [shard for shard in plan.shards if not is_complete(out, shard.name)]
    if len(missing) < len(plan.shards):
        _log.info("%s: %d of %d shards are there already", out, len(plan.shards) - len(missing), len(plan.shards))
    _warn_of_full_disk(job.config, sum(len(shard.samples) for shard in missing))
    failed: dict[str, str] = {}
    finished, started, start = 0, utc_now(), time.monotonic()
    with (
        RenderProgress(sum(len(shard.samples) for shard in missing)) as progress,
        closing(_outcomes(job, missing, progress.photo_done)) as outcomes,
    ):
        for outcome in outcomes:
            if isinstance(outcome, ShardReport):
                finished += 1
                progress.shard_done(outcome.seconds)
                continue
            failed[outcome.name] = outcome.reason
            if not finished and len(failed) >= FAILURES_WITHOUT_SUCCESS:
                raise UserError(
                    f"the first {len(failed)} shards all failed, {outcome.name} with: {outcome.reason}", exit_code=1
                )
    if missing:
        done = [shard for shard in missing if shard.name not in failed]
        _log_run(job, done, len(failed), started, time.monotonic() - start, dict(progress.seconds))
    return failed, dict(progress.seconds)


def _log_run(
    job: RenderJob, done: Sequence[PlannedShard], failed: int, started: str, seconds: float, busy: dict[str, float]
) -> None:
    execution = job.config.execution
    append_run(
        Folder(job.config.out).meta,
        RunEntry(
            started=started,
            seconds=round(seconds, 3),
            photos=sum(len(shard.samples) for shard in done),
            shards=len(done),
            failed_shards=failed,
            executor=execution.executor,
            workers="1" if execution.executor == "inline" else str(execution.workers),
            device=job.device_kind,
            busy_seconds={stage: round(spent, 3) for stage, spent in busy.items()},
        ),
    )


def _outcomes(
    job: RenderJob, shards: Sequence[PlannedShard], on_photo: Callable[[], None]
) -> Generator[ShardReport | ShardFailure, None, None]:
    """What comes of each shard, as it comes."""
    if not shards:
        return
    if job.config.execution.executor == "inline":
        yield from run_inline(job, shards, on_photo)
    else:
        from pipelines.render.executors.ray_pool import run_ray  # Ray takes seconds to import

        yield from run_ray(job, shards, on_photo)


def _warn_of_full_disk(config: RenderConfig, samples: int) -> None:
    needed, free = samples * bytes_per_sample(config), free_bytes(config.out)
    if free is not None and needed > free:
        _log.warning("%s has %s free, about %s are needed", config.out, format_bytes(free), format_bytes(needed))


def _result(
    config: RenderConfig,
    prepared: Prepared,
    rejects: Sequence[RejectedPhoto],
    failed: dict[str, str],
    seconds: dict[str, float],
) -> RenderResult:
    """Write index and card over all finished shards, and count."""
    index = {"samples": 0, "frames": 0, "shards": 0}
    try:
        if marked_shards(config.out):
            index = write_index(config.out)
        if index["samples"]:
            write_card(config.out)
    except ValueError as error:  # a shard was damaged, and rendering it again has failed
        raise UserError(f"{error}; failed shards: {failed}", exit_code=1) from error
    too_many = len(rejects) > config.max_reject_fraction * prepared.photos
    return RenderResult(
        out=str(config.out),
        photos=prepared.photos,
        samples=index["samples"],
        frames=index["frames"],
        shards=index["shards"],
        rejected=len(rejects),
        rejected_by_code=counts_by_code(rejects),
        failed_shards=failed,
        seconds_by_stage={stage: round(spent, 3) for stage, spent in seconds.items()},
        exit_code=1 if failed else 3 if too_many else 0,
    )
