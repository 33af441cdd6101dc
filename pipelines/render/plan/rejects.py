"""Rejected photos and the reasons: `OUT/rejects.jsonl`, one line each, sorted by name.

The rejects of a shard are also written beside its marker when it finishes; a resumed run reads them there.
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence

from pipelines.errors import Rejection, refusing
from pipelines.render.photos.photo import PhotoSource, RejectedPhoto
from pipelines.render.photos.table import PhotoTable
from pipelines.render.plan.plan import Plan, PlannedShard
from pipelines.runs.data_set_paths import DataSetPaths
from shards.durable import write_durably
from shards.foreign_file import read_foreign
from shards.storage import StoragePath

MAX_REJECTS_BYTES = 1 << 34


def rejected(photo: PhotoSource, reason: Rejection) -> RejectedPhoto:
    """The entry for a photo that was planned and could not be rendered."""
    return RejectedPhoto(photo.scene_id, photo.name, reason.stage, reason.code, reason.message)


def write_shard_rejects(paths: DataSetPaths, shard: str, rejects: Sequence[RejectedPhoto]) -> None:
    """Write the rejects of one shard; the file is empty when it rejected nothing."""
    write_durably(paths.shard_rejects(shard), _lines(rejects))


def read_shard_rejects(paths: DataSetPaths, shard: PlannedShard) -> list[RejectedPhoto]:
    """The rejects of a finished shard; empty when it never finished."""
    return _read(paths.shard_rejects(shard.name))


def write_left_out(paths: DataSetPaths, rejects: Sequence[RejectedPhoto]) -> None:
    """Write the photos that are not in the plan; a run that adds photos from another folder reads them."""
    write_durably(paths.left_out, _lines(rejects))


def read_left_out(paths: DataSetPaths) -> list[RejectedPhoto]:
    """Photos that earlier runs left out of the plan."""
    return _read(paths.left_out)


def merged_left_out(
    before: Sequence[RejectedPhoto], now: Sequence[RejectedPhoto], photos: PhotoTable
) -> list[RejectedPhoto]:
    """Photos that this run leaves out, after those that earlier runs left out and this run did not find again."""
    found = {reject.name for reject in now} | (set(photos.names) if before else set())
    return [*(reject for reject in before if reject.name not in found), *now]


def write_rejects(paths: DataSetPaths, left_out: Iterable[RejectedPhoto], plan: Plan) -> list[RejectedPhoto]:
    """Write rejects.jsonl from the photos that are not in the plan and those that the shards rejected; returns both.

    The last try of a photo counts.
    """
    of_shards = (
        reject
        for shard in plan.shards
        for reject in read_shard_rejects(paths, shard)
        if plan.is_last_try(shard, reject.scene_id)
    )
    rejects = sorted([*left_out, *of_shards], key=lambda reject: (reject.name, reject.stage, reject.code))
    write_durably(paths.rejects, _lines(rejects))
    return rejects


def counts_by_code(rejects: Iterable[RejectedPhoto]) -> dict[str, int]:
    """Number of rejects by `stage/code`, sorted."""
    return dict(sorted(Counter(f"{reject.stage}/{reject.code}" for reject in rejects).items()))


def _read(path: StoragePath) -> list[RejectedPhoto]:
    if not path.exists():
        return []
    with refusing(f"the list of rejects {path}", "remove it, and give the same command again"):
        content = read_foreign(path, max_bytes=MAX_REJECTS_BYTES).decode()
        entries = [json.loads(line) for line in content.split("\n") if line]  # a name may hold other line separators
        return [RejectedPhoto(e["scene_id"], e["path"], e["stage"], e["code"], e["message"]) for e in entries]


def _lines(rejects: Iterable[RejectedPhoto]) -> bytes:
    """One JSON object a line, without locations: a published list must not show this machine's folders."""
    return "".join(
        json.dumps(
            {"path": r.name, "scene_id": r.scene_id, "stage": r.stage, "code": r.code, "message": r.message},
            ensure_ascii=False,
        )
        + "\n"
        for r in rejects
    ).encode()
