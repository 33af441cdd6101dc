"""The door to this folder: configuration, photos and the data set's paths become the plan of a run.

A command begins a data set, resumes it, adds photos to it (`--append`), tries rejected photos again
(`--retry-rejected`), or replaces it (`--overwrite`). All of it is decided here, and nothing is written before `freeze`.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import Rejection, UserError
from pipelines.render.config import RenderConfig
from pipelines.render.depth.estimator import DepthOrigin, check_depth, shared_sidecars
from pipelines.render.depth.sidecar_search import SidecarFolders
from pipelines.render.photos.finding import FoundPhotos
from pipelines.render.photos.photo import RejectedPhoto
from pipelines.render.plan.fingerprint import Fingerprint, check_fingerprint, fingerprint, sha256_of
from pipelines.render.plan.finished import is_finished, unplanned_shards
from pipelines.render.plan.plan import Plan, PlannedShard, check_same_photos, read_plan, write_plan
from pipelines.render.plan.rejects import (
    merged_left_out,
    read_left_out,
    read_shard_rejects,
    rejected,
    write_left_out,
    write_rejects,
)
from pipelines.render.plan.splits import UNASSIGNED, families_of, split_warnings, splits_of
from pipelines.runs.data_set_paths import DataSetPaths
from pipelines.runs.device import resolve_device
from pipelines.runs.settings import settings_to_json
from shards.durable import write_durably
from shards.inspection import file_sha256
from shards.marker import is_complete

PLAN_STAGE = "plan"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Planning:
    """A run that is ready to start: depth, device, settings and photos were checked, and nothing was written.

    Attributes:
        paths: of the data set.
        plan: every shard of the data set, finished ones included.
        plan_on_disk: the plan that this run found; None when it begins a data set.
        left_out: photos that are not in the plan.
        settings: everything that changes bytes.
        depth_origins: where disparity comes from; empty when every scene is built-in.
        device_kind: cpu or cuda.
    """

    paths: DataSetPaths
    plan: Plan
    plan_on_disk: Plan | None
    left_out: tuple[RejectedPhoto, ...]
    settings: Fingerprint
    depth_origins: tuple[DepthOrigin, ...]
    device_kind: str

    @property
    def photo_count(self) -> int:
        """All photos, in the plan or not."""
        return len(self.plan.last_tries) + len(self.left_out)

    @property
    def config_sha256(self) -> str:
        """Hash of the settings: the label `renderer.config_sha256` of every sample."""
        return sha256_of(self.settings)

    def finished_shards(self) -> set[str]:
        """Names of the shards that need no more work; none in a data set that this run begins."""
        shards = self.plan.shards if self.plan_on_disk else ()
        return {shard.name for shard in shards if is_finished(self.paths, shard, self.config_sha256)}

    def rejects_of(self, shard: PlannedShard) -> list[RejectedPhoto]:
        """Photos that a finished shard rejected; empty for a shard that never finished."""
        return read_shard_rejects(self.paths, shard)

    def freeze(self) -> None:
        """Write the plan before any work; the fingerprint comes last, so that a plan is there wherever it is.

        Raises UserError when another run began or changed the data set since this run read it, or shards lie there that
        are not in the plan.
        """
        paths = self.paths
        plan_on_disk = file_sha256(paths.plan) if paths.fingerprint.exists() else ""
        if strangers := unplanned_shards(paths, self.plan):
            raise UserError(
                f"{paths.out} holds shards that its plan does not know ({', '.join(strangers[:3])}): copied there, or "
                "left by a run that was killed; remove them from shards/ and .meta/, or begin anew with --overwrite"
            )
        if plan_on_disk != (self.plan_on_disk.file_sha256 if self.plan_on_disk else ""):
            raise UserError(f"another run has changed {paths.out} while this one was starting; give the command again")
        write_left_out(paths, self.left_out)
        if self.plan is not self.plan_on_disk:
            write_plan(paths.plan, self.plan)
        if self.plan_on_disk is None:
            write_durably(paths.fingerprint, settings_to_json(self.settings))

    def write_rejects(self) -> list[RejectedPhoto]:
        """Write OUT/rejects.jsonl from `left_out` and the rejects of all shards; returns them."""
        return write_rejects(self.paths, self.left_out, self.plan)


def plan_run(config: RenderConfig, photos: FoundPhotos, paths: DataSetPaths) -> Planning:
    """Plan the photos, on top of the plan of the data set if there is one.

    Raises UserError: depth or device are missing, settings differ from those of the data set, or its photos have
    changed and `--append` was not given.
    """
    folders = SidecarFolders(config.depth.depth_dir)  # their listings serve both checks
    photos = _with_depth_of_their_own(config, photos, folders)
    real = photos.sources.select(~photos.sources.is_builtin)
    depth_origins = check_depth(config.depth, real, folders, needs_model=not config.dry_run) if real else ()
    _check_f_numbers(config, depth_origins, has_builtin=len(real) < len(photos.sources))
    is_elsewhere = bool(config.execution.ray_address) and not config.dry_run
    device_kind = resolve_device(config.execution.device, is_elsewhere=is_elsewhere)
    settings = fingerprint(config, device_kind, depth_origins)
    plan_on_disk = None
    if paths.fingerprint.exists() and not config.growth.overwrite:
        check_fingerprint(paths, settings)
        plan_on_disk = read_plan(paths.plan)
        plan, left_out = _grown(plan_on_disk, config, photos, paths)
    else:
        plan, left_out = _with_photos(Plan(), config, photos)
    return Planning(paths, plan, plan_on_disk, left_out, settings, depth_origins, device_kind)


def _check_f_numbers(config: RenderConfig, origins: Sequence[DepthOrigin], has_builtin: bool) -> None:
    """Say what --f-number rests on where depth is relative. Raises UserError when that is nothing.

    Sidecars may be of either kind: a photo whose sidecar is relative is rejected by name, if need be.
    """
    relative = [origin.source for origin in origins if origin.kind == "relative"] + ["built-in scenes"] * has_builtin
    if not (config.stack.f_number and relative):
        return
    named = f"depth of {' and '.join(relative)} is relative, without a unit"
    if config.lens.depth_range_m is None and config.lens.lens_recipe == "plain":
        raise UserError(
            f"--f-number needs depth in meters; {named}; add --depth-meters NEAR,FAR, where its nearest and farthest "
            "point are taken to lie, or name a model of metric depth"
        )
    assumed = config.lens.depth_meters.replace(",", " to ") or f"the range of the recipe {config.lens.lens_recipe}"
    _log.info("%s: f-numbers hold if it spans %s meters", named, assumed)


def _with_depth_of_their_own(config: RenderConfig, photos: FoundPhotos, folders: SidecarFolders) -> FoundPhotos:
    """The photos without those that would share a depth file."""
    sources = photos.sources
    real = np.flatnonzero(~sources.is_builtin)
    sharing = shared_sidecars(config.depth, sources.select(real), folders)
    refused = [rejected(sources[int(real[i])], reason) for i, reason in sharing.items()]
    kept = sources.select(np.delete(np.arange(len(sources)), real[list(sharing)])) if sharing else sources
    return FoundPhotos(kept, [*photos.left_out, *refused])


def _grown(
    before: Plan, config: RenderConfig, found: FoundPhotos, paths: DataSetPaths
) -> tuple[Plan, tuple[RejectedPhoto, ...]]:
    """The plan on disk with the photos that `--append` and `--retry-rejected` add, and all photos that are in none."""
    sources, left_out = found
    known = read_left_out(paths)
    if config.growth.append:
        left_out = merged_left_out(known, left_out, sources)
    else:
        conflicting = [reject for reject in known if reject.stage == PLAN_STAGE]
        sources = sources.select(~np.isin(sources.scene_ids, _numbers(reject.scene_id for reject in conflicting)))
        left_out = [*left_out, *conflicting]
        check_same_photos(paths.plan, before, sources)
    is_new = ~np.isin(sources.scene_ids, before.tries.scene_ids)
    if config.growth.retry_rejected:
        is_new |= np.isin(sources.scene_ids, _numbers(_rejected_scenes(before, paths)))
    return _with_photos(before.with_locations(sources), config, FoundPhotos(sources.select(is_new), left_out))


def _with_photos(plan: Plan, config: RenderConfig, new: FoundPhotos) -> tuple[Plan, tuple[RejectedPhoto, ...]]:
    """The plan with new photos, each near-duplicate in the split of its family, and all photos that are in none."""
    if not new.sources:
        return plan, tuple(new.left_out)
    before = plan.photos
    photos = before.extended(new.sources.select(~np.isin(new.sources.scene_ids, before.scene_ids)))
    by_scene = np.argsort(photos.scene_ids, kind="stable")
    places = by_scene[np.searchsorted(photos.scene_ids, new.sources.scene_ids, sorter=by_scene)]
    assigned = np.full(len(photos), UNASSIGNED, np.int8)
    assigned[: len(before)] = plan.splits
    fractions = config.storage.split_fractions
    family_of = families_of(photos)
    splits, conflicting = splits_of(photos, places, family_of, assigned, fractions)
    assigned[places] = splits
    for warning in split_warnings(photos.names, family_of, assigned, fractions):
        _log.warning("%s", warning)
    conflicts = [rejected(photos[place], _conflict(several)) for place, several in conflicting.items()]
    is_kept = splits != UNASSIGNED
    kept = new.sources.select(is_kept)
    plan = plan.with_photos(kept, splits[is_kept], config.storage.shard_size(len(kept)))
    return plan, (*new.left_out, *conflicts)


def _numbers(scene_ids: Iterable[str]) -> NDArray[np.uint64]:
    """Scenes as `PhotoTable.scene_ids` has them; "" stands for a photo without one."""
    return np.array([int(scene_id, 16) for scene_id in scene_ids if scene_id], np.uint64)


def _conflict(splits: Sequence[str]) -> Rejection:
    return Rejection(
        PLAN_STAGE,
        "near_duplicate",
        f"its family (look-alikes or a group) has photos in {' and in '.join(splits)}, which must not mix",
    )


def _rejected_scenes(plan: Plan, paths: DataSetPaths) -> set[str]:
    """Scenes whose last try ended in a rejection."""
    return {
        reject.scene_id
        for shard in plan.shards
        if is_complete(paths.out, shard.name)
        for reject in read_shard_rejects(paths, shard)
        if plan.is_last_try(shard, reject.scene_id)
    }
