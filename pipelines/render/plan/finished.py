"""Which shards of a plan are finished: made by these settings, from these photos, each a sample or a reject."""

from collections.abc import Iterator

from pipelines.render.photos.photo import PhotoSource
from pipelines.render.plan.plan import Plan, PlannedShard
from pipelines.render.plan.rejects import read_shard_rejects
from pipelines.runs.data_set_paths import DataSetPaths
from shards.complaint import ALL, Complaint
from shards.index import marked_shards
from shards.marker import Marker, SampleRow, complete_marker


def is_finished(paths: DataSetPaths, shard: PlannedShard, config_sha256: str) -> bool:
    """Whether a planned shard needs no more work. A tar of other settings or of other photos does not count."""
    marker = complete_marker(paths.out, shard.name)
    return marker is not None and not any(differences(paths, shard, marker, config_sha256))


def differences(paths: DataSetPaths, shard: PlannedShard, marker: Marker, config_sha256: str) -> Iterator[Complaint]:
    """What a complete shard has that the plan and the settings do not ask for, and what it lacks."""
    if marker.config_sha256 != config_sha256:
        yield Complaint(shard.name, ALL, "config_sha256", f"must be {config_sha256}, got {marker.config_sha256}")
    planned = {sample.key: sample.photo for sample in shard.samples}
    rejects = {reject.scene_id for reject in read_shard_rejects(paths, shard)}
    for row in marker.rows:
        if row.key not in planned:
            yield Complaint(
                shard.name, row.key, ALL, f"must not be there: the plan has no such key, got {row.scene_id}"
            )
        elif wrong := _difference(planned[row.key], row):
            yield Complaint(shard.name, row.key, "json", wrong)
    for key in planned.keys() - {row.key for row in marker.rows}:
        if planned[key].scene_id not in rejects:
            message = f"{planned[key].name} was planned: it must be a sample or a reject, got neither"
            yield Complaint(shard.name, key, ALL, message)


def _difference(photo: PhotoSource, row: SampleRow) -> str:
    """The first thing that a sample says of its photo and the plan does not; "" if they agree."""
    said = {
        "scene_id": row.scene_id,
        "name": row.photo_name,
        "license": row.license,
        "author": row.author,
        "source_url": row.source_url,
    }
    for name, value in said.items():
        if getattr(photo, name) != value:
            return f"{name} must be {getattr(photo, name)!r} as planned, got {value!r}"
    return ""


def unplanned_shards(paths: DataSetPaths, plan: Plan) -> list[str]:
    """Names of marked shards that the plan does not know: copied there, or left by a run that was killed."""
    planned = set(plan.shard_names)
    return [name for name in marked_shards(paths.out) if name not in planned]


def compared_with_plan(paths: DataSetPaths, plan: Plan, config_sha256: str) -> Iterator[Complaint]:
    """Complaints about every shard that is missing, unplanned, or not what was planned.

    Damage within a shard is found by `shards.validate`.
    """
    marked = set(marked_shards(paths.out))
    for shard in plan.shards:
        marker = complete_marker(paths.out, shard.name)
        if marker is not None:
            yield from differences(paths, shard, marker, config_sha256)
        elif shard.name not in marked:
            photos = f"{len(shard.samples)} photos were planned for it"
            yield Complaint(shard.name, ALL, ALL, f"must be there, {photos}: the same render command again makes it")
    for name in unplanned_shards(paths, plan):
        yield Complaint(name, ALL, ALL, "must not be there: the plan does not know it")
