"""What a command does to a data set that may be there: begin it, go on with it, add to it, try rejects again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.errors import Rejection
from pipelines.render.config import GrowthConfig, StorageConfig
from pipelines.render.photos.near_duplicates import perceptual_hashes
from pipelines.render.photos.photo import PhotoSource, RejectedPhoto
from pipelines.render.plan.plan import Plan, check_same_photos, grown, read_plan
from pipelines.render.plan.rejects import merged_left_out, read_left_out, read_shard_rejects, rejected
from pipelines.render.plan.splits import splits_of
from pipelines.runs.data_set_paths import Folder
from shards.index import is_complete

PLAN_STAGE = "plan"


@dataclass(frozen=True)
class Planning:
    """The plan of a run, the plan that was on disk before it, and the photos that are in none."""

    plan: Plan
    frozen: Plan | None
    left_out: tuple[RejectedPhoto, ...]


def planned(
    folder: Folder,
    photos: Sequence[PhotoSource],
    left_out: Sequence[RejectedPhoto],
    growth: GrowthConfig,
    storage: StorageConfig,
) -> Planning:
    """Plan the photos that were found, on top of the plan in the folder if there is one.

    Raises UserError when the photos are others than those of the plan, and `--append` was not given.
    """
    if growth.overwrite or not folder.fingerprint.exists():
        return _added(Plan(()), photos, left_out, storage, frozen=None)
    frozen = read_plan(folder.plan)
    if not growth.append:
        torn = [reject for reject in read_left_out(folder) if reject.stage == PLAN_STAGE]
        photos = [photo for photo in photos if photo.scene_id not in {reject.scene_id for reject in torn}]
        left_out = [*left_out, *torn]
        check_same_photos(folder.plan, frozen, photos)
    else:
        left_out = merged_left_out(read_left_out(folder), left_out, photos)
    plan, latest = frozen.located(photos), frozen.latest
    again = _rejected_scenes(folder, plan) if growth.retry_rejected else set()
    new = [photo for photo in photos if photo.scene_id not in latest or photo.scene_id in again]
    return _added(plan, new, left_out, storage, frozen=frozen)


def _added(
    plan: Plan,
    photos: Sequence[PhotoSource],
    left_out: Sequence[RejectedPhoto],
    storage: StorageConfig,
    *,
    frozen: Plan | None,
) -> Planning:
    """New photos into the plan, near-duplicates into the split of their like."""
    latest = plan.latest
    hashes = {scene_id: sample.near_hash for scene_id, (_, sample) in latest.items() if sample.near_hash}
    if storage.near_duplicates == "together":
        hashes |= perceptual_hashes(photo for photo in photos if photo.scene_id not in latest)
    settled = {scene_id: shard.split for scene_id, (shard, _) in latest.items()}
    splits, torn = splits_of(photos, hashes, settled, storage.split_fractions)
    kept = [photo for photo in photos if photo.scene_id in splits]
    more = [rejected(photo, _torn(torn[photo.scene_id])) for photo in photos if photo.scene_id in torn]
    return Planning(
        plan=grown(plan, kept, splits, hashes, storage.samples_per_shard),
        frozen=frozen,
        left_out=(*left_out, *more),
    )


def _torn(splits: Sequence[str]) -> Rejection:
    return Rejection(
        PLAN_STAGE, "near_duplicate", f"it looks like photos of {' and of '.join(splits)}, which must not mix"
    )


def _rejected_scenes(folder: Folder, plan: Plan) -> set[str]:
    """Scenes whose last try ended in a rejection."""
    latest = plan.latest
    return {
        reject.scene_id
        for shard in plan.shards
        if is_complete(folder.out, shard.name)
        for reject in read_shard_rejects(folder, shard)
        if latest[reject.scene_id][0].name == shard.name
    }
