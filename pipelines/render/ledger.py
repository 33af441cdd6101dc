"""The photos that were left out and why: `OUT/rejects.jsonl`, one line each, in an order that workers cannot change.

A shard's own rejects are written beside its marker when it finishes, so that a resumed run still knows them.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence

from pipelines.errors import Rejection
from pipelines.render.folder import Folder
from pipelines.render.photos import PhotoSource, RejectedPhoto
from pipelines.render.plan import Plan, PlannedShard
from shards.durable import write_durably


def rejected(photo: PhotoSource, reason: Rejection) -> RejectedPhoto:
    """The ledger's entry for a photo that was planned and could not be rendered."""
    return RejectedPhoto(photo.name, photo.location, reason.stage, reason.code, reason.message)


def write_shard_rejects(folder: Folder, shard: str, rejects: Sequence[RejectedPhoto]) -> None:
    """Keep what one shard left out; an empty file says that it left out nothing."""
    write_durably(folder.shard_rejects(shard), _lines(rejects))


def read_shard_rejects(folder: Folder, shard: PlannedShard) -> list[RejectedPhoto]:
    """What a finished shard left out; nothing when it never finished."""
    path = folder.shard_rejects(shard.name)
    if not path.exists():
        return []
    location = {sample.photo.name: sample.photo.location for sample in shard.samples}
    with path.open(encoding="utf-8") as lines:  # not splitlines: a name may hold other line separators
        entries = [json.loads(line) for line in lines]
    return [
        RejectedPhoto(entry["path"], location.get(entry["path"], ""), entry["stage"], entry["code"], entry["message"])
        for entry in entries
    ]


def write_ledger(folder: Folder, found: Iterable[RejectedPhoto], plan: Plan) -> list[RejectedPhoto]:
    """Write rejects.jsonl from what the search left out and what the shards left out; returns all of them."""
    shards = (reject for shard in plan.shards for reject in read_shard_rejects(folder, shard))
    rejects = sorted([*found, *shards], key=lambda reject: (reject.name, reject.stage, reject.code))
    write_durably(folder.rejects, _lines(rejects))
    return rejects


def counts_by_code(rejects: Iterable[RejectedPhoto]) -> dict[str, int]:
    """How many for each `stage/code`, sorted."""
    return dict(sorted(Counter(f"{reject.stage}/{reject.code}" for reject in rejects).items()))


def _lines(rejects: Iterable[RejectedPhoto]) -> bytes:
    """One JSON object a line. Without the absolute location: it is nobody's business once published."""
    return "".join(
        json.dumps({"path": r.name, "stage": r.stage, "code": r.code, "message": r.message}, ensure_ascii=False) + "\n"
        for r in rejects
    ).encode()
