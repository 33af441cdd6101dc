"""One render run from its configuration to a finished data set: the whole flow on one page.

find photos ─▶ plan ─▶ check depth ─▶ fingerprint ─▶ lock ─▶ shards by an executor ─▶ rejects, index
"""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass

import torch

from pipelines.errors import UserError
from pipelines.render.config import RenderConfig
from pipelines.render.depth import DepthOrigin, check_depth
from pipelines.render.estimate import bytes_per_sample, human
from pipelines.render.fingerprint import Fingerprint, check_same, fingerprint, sha256_of, to_json
from pipelines.render.folder import Folder
from pipelines.render.interruption import interruptible
from pipelines.render.job import RenderJob, ShardFailure, ShardReport
from pipelines.render.ledger import counts_by_code, write_ledger
from pipelines.render.photos import PhotoSource, RejectedPhoto, find_photos
from pipelines.render.plan import Plan, PlannedShard, check_same_photos, make_plan, plan_to_json
from pipelines.render.progress import RenderProgress
from pipelines.render.result import Forecast, RenderResult
from pipelines.render.run_inline import run_inline
from pipelines.render.run_lock import run_lock
from pipelines.render.run_log import RunEntry, append_run, utc_now
from shards.card import write_card
from shards.durable import write_durably
from shards.index import is_complete, marked_shards, remove_stale_temporaries, write_index

FAILURES_WITHOUT_SUCCESS = 3
"""When the first shards all fail, the fault lies with none of them: the run ends."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Prepared:
    """A run that is ready to start: everything a user can put right has been checked, and nothing was written."""

    plan: Plan
    left_out: tuple[RejectedPhoto, ...]
    depth_origins: tuple[DepthOrigin, ...]
    device_kind: str

    @property
    def photos(self) -> int:
        """All photos, those that were left out at once included."""
        return self.plan.samples + len(self.left_out)


def prepare(config: RenderConfig) -> Prepared:
    """Find photos, plan shards, check depth and device. Raises UserError."""
    photos, left_out = find_photos(config.source.photos, limit=config.source.limit, seed=config.seed)
    return Prepared(
        plan=make_plan(photos, config.storage),
        left_out=tuple(left_out),
        depth_origins=_depth_origins(config, photos),
        device_kind=device_kind(config.execution.device),
    )


def render(config: RenderConfig) -> RenderResult:
    """Render what is not yet there. The same configuration again resumes.

    Raises UserError (finished shards stay), Interrupted on SIGINT and SIGTERM (likewise).
    """
    prepared = prepare(config)
    folder = Folder(config.out)
    if config.out.is_dir() and not folder.meta.is_dir() and any(config.out.iterdir()):
        raise UserError(f"--out {config.out} holds other things than a data set; name a new or an empty folder")
    folder.meta.mkdir(parents=True, exist_ok=True)
    with interruptible(), run_lock(folder.meta, force=config.execution.force):
        settings = fingerprint(config, prepared.device_kind, prepared.depth_origins)
        _freeze_or_check(folder, prepared.plan, settings)
        job = RenderJob(config.with_absolute_paths(), prepared.device_kind, sha256_of(settings))
        remove_stale_temporaries(config.out)  # of a run that was killed
        try:
            failed, seconds = _render_missing(job, prepared.plan)
        finally:
            remove_stale_temporaries(config.out)  # of workers that were killed
        rejects = write_ledger(folder, prepared.left_out, prepared.plan)
        return _result(config, prepared, rejects, failed, seconds)


def forecast(config: RenderConfig) -> Forecast:
    """What `render` would do, without writing anything. Raises UserError as it does."""
    prepared = prepare(config)
    plan = prepared.plan
    existing = next(folder for folder in (config.out, *config.out.absolute().parents) if folder.exists())
    return Forecast(
        out=str(config.out),
        photos=prepared.photos,
        samples_by_split=plan.samples_by_split,
        frames=plan.samples * config.stack.frames,
        shards=len(plan.shards),
        estimated_bytes=plan.samples * bytes_per_sample(config),
        free_bytes=shutil.disk_usage(existing).free,
        rejected_by_code=counts_by_code(prepared.left_out),
        depth=[origin.source for origin in prepared.depth_origins],
        device=prepared.device_kind,
    )


def device_kind(device: str) -> str:
    """cpu or cuda. Raises UserError when a GPU is asked for and there is none."""
    has_gpu = torch.cuda.is_available()
    if device == "cuda" and not has_gpu:
        raise UserError("--device cuda: torch sees no GPU here; see `refocus-foundry doctor`, or use --device cpu")
    return "cuda" if has_gpu and device != "cpu" else "cpu"


def _depth_origins(config: RenderConfig, photos: Sequence[PhotoSource]) -> tuple[DepthOrigin, ...]:
    """Where depth will come from; nowhere for built-in scenes, which bring their own."""
    real = [photo for photo in photos if not photo.is_builtin]
    if not real:
        return ()
    depth = config.depth
    return check_depth(
        depth.depth,
        kind=depth.depth_kind,
        revision=depth.depth_revision,
        depth_dir=depth.depth_dir,
        allow_network=not depth.offline,
        photos=real,
    )


def _freeze_or_check(folder: Folder, plan: Plan, settings: Fingerprint) -> None:
    """Begin a data set, or make sure that this run goes on with the one that is there."""
    if folder.fingerprint.exists():
        check_same(folder.fingerprint, settings)
        check_same_photos(folder.plan, plan)
    else:  # the fingerprint comes second: where it is, the plan is
        write_durably(folder.plan, plan_to_json(plan))
        write_durably(folder.fingerprint, to_json(settings))


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
        from pipelines.render.run_ray import run_ray  # Ray takes seconds to import

        yield from run_ray(job, shards, on_photo)


def _warn_of_full_disk(config: RenderConfig, samples: int) -> None:
    needed, free = samples * bytes_per_sample(config), shutil.disk_usage(config.out).free
    if needed > free:
        _log.warning("%s has %s free, about %s are needed", config.out, human(free), human(needed))


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
