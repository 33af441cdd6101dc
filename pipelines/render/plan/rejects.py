"""The photos that were left out and why: `OUT/rejects.jsonl`, one line each, in an order that workers cannot change.

A shard's own rejects are written beside its marker when it finishes, so that a resumed run still knows them.
"""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Iterable, Sequence

from pipelines.errors import Rejection
from pipelines.render.photos.photo import PhotoSource, RejectedPhoto
from pipelines.render.plan.plan import Plan, PlannedShard
from pipelines.runs.data_set_paths import Folder
from shards.durable import write_durably
from shards.storage import StoragePath


def rejected(photo: PhotoSource, reason: Rejection) -> RejectedPhoto:
    """The ledger's entry for a photo that was planned and could not be rendered."""
    return RejectedPhoto(photo.scene_id, photo.name, photo.location, reason.stage, reason.code, reason.message)


def write_shard_rejects(folder: Folder, shard: str, rejects: Sequence[RejectedPhoto]) -> None:
    """Keep what one shard left out; an empty file says that it left out nothing."""
    write_durably(folder.shard_rejects(shard), _lines(rejects))


def read_shard_rejects(folder: Folder, shard: PlannedShard) -> list[RejectedPhoto]:
    """What a finished shard left out; nothing when it never finished."""
    location = {sample.photo.scene_id: sample.photo.location for sample in shard.samples}
    return [
        dataclasses.replace(reject, location=location.get(reject.scene_id, ""))
        for reject in _read(folder.shard_rejects(shard.name))
    ]


def write_left_out(folder: Folder, rejects: Sequence[RejectedPhoto]) -> None:
    """Keep what never came into the plan, so that a run that adds photos from elsewhere still knows it."""
    write_durably(folder.left_out, _lines(rejects))


def read_left_out(folder: Folder) -> list[RejectedPhoto]:
    """What earlier runs left out of the plan."""
    return _read(folder.left_out)


def merged_left_out(
    before: Sequence[RejectedPhoto], now: Sequence[RejectedPhoto], photos: Sequence[PhotoSource]
) -> list[RejectedPhoto]:
    """What earlier runs left out and this one does not speak of, and what this one leaves out."""
    spoken_of = {reject.name for reject in now} | {photo.name for photo in photos}
    return [*(reject for reject in before if reject.name not in spoken_of), *now]


def write_ledger(folder: Folder, left_out: Iterable[RejectedPhoto], plan: Plan) -> list[RejectedPhoto]:
    """Write rejects.jsonl from what was never planned and what the shards left out; returns all of them.

    Of a photo that was tried again in a later shard, the last try counts.
    """
    latest = plan.latest
    of_shards = (
        reject
        for shard in plan.shards
        for reject in read_shard_rejects(folder, shard)
        if latest[reject.scene_id][0].name == shard.name
    )
    rejects = sorted([*left_out, *of_shards], key=lambda reject: (reject.name, reject.stage, reject.code))
    write_durably(folder.rejects, _lines(rejects))
    return rejects


def counts_by_code(rejects: Iterable[RejectedPhoto]) -> dict[str, int]:
    """How many for each `stage/code`, sorted."""
    return dict(sorted(Counter(f"{reject.stage}/{reject.code}" for reject in rejects).items()))


def _read(path: StoragePath) -> list[RejectedPhoto]:
    if not path.exists():
        return []
    with path.open(encoding="utf-8") as lines:  # not splitlines: a name may hold other line separators
        entries = [json.loads(line) for line in lines]
    return [RejectedPhoto(e["scene_id"], e["path"], "", e["stage"], e["code"], e["message"]) for e in entries]


def _lines(rejects: Iterable[RejectedPhoto]) -> bytes:
    """One JSON object a line. Without the absolute location: it is nobody's business once published."""
    return "".join(
        json.dumps(
            {"path": r.name, "scene_id": r.scene_id, "stage": r.stage, "code": r.code, "message": r.message},
            ensure_ascii=False,
        )
        + "\n"
        for r in rejects
    ).encode()
