"""Checks a finished data set against schema, markers and index. Every complaint names shard, key and field."""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .archive import shard_tars
from .complaint import ALL, Complaint
from .foreign_file import read_foreign
from .index import INDEX_FILE, find_temporaries, marked_shards, of_other_settings
from .inspection import TAR, FoundSample, Inspection, inspect_shard
from .marker import Marker, read_marker
from .side_files import check_side_files
from .storage import StoragePath, storage_path
from .strict_json import MAX_JSON_BYTES, parse_object


@dataclass(frozen=True)
class ValidationReport:
    """Size and defects of a data set.

    Attributes:
        samples, shards, frames: found in the tars, damaged ones included.
        complaints: empty if and only if the data set is valid.
    """

    samples: int
    shards: int
    frames: int
    complaints: tuple[Complaint, ...]

    @property
    def ok(self) -> bool:
        """True if there is no complaint."""
        return not self.complaints

    def to_json(self) -> dict[str, Any]:
        """Plain data for `json.dumps`."""
        return {
            **dataclasses.asdict(self),
            "complaints": [dataclasses.asdict(c) for c in self.complaints],
            "ok": self.ok,
        }


def validate(out: StoragePath) -> ValidationReport:
    """Check every byte of a data set: tars against markers, markers against index, labels against pixels.

    Args:
        out: the data set's folder.

    Returns:
        A report; damage of any kind is a complaint in it, never an exception.

    Raises:
        ValueError: `out` is not a folder.
    """
    out = storage_path(out)
    if not out.is_dir():
        raise ValueError(f"{out} must be the folder of a data set, got {'a file' if out.exists() else 'nothing'} there")
    index, complaints = _read_index(out)
    listed = _listed_shards(index)
    tars: dict[str, StoragePath] = {path.stem: path for path in shard_tars(out / "shards")}
    markers: dict[str, Marker] = {}
    inspections: list[Inspection] = []
    names = sorted({*tars, *marked_shards(out), *listed})
    for name in names:
        marker, wrong = _read_marker(out, name)
        complaints += [*wrong, *_check_presence(name, name in tars, marker, listed if index is not None else None)]
        if marker is not None:
            markers[name] = marker
        if name in tars:
            inspections.append(inspect_shard(tars[name], marker))
            complaints += inspections[-1].complaints
    if not inspections:
        complaints.append(Complaint(ALL, ALL, TAR, f"{out / 'shards'} must hold tars, got none"))
    complaints += _check_across_shards([sample for inspection in inspections for sample in inspection.sound], markers)
    if names and len(markers) == len(names):  # else totals and lists differ as a consequence of complaints above
        complaints += check_side_files(out, index, [markers[name] for name in names])
    complaints += _check_temporaries(out)
    return ValidationReport(
        samples=sum(inspection.samples for inspection in inspections),
        shards=len(inspections),
        frames=sum(inspection.frames for inspection in inspections),
        complaints=tuple(complaints),
    )


def _read_index(out: StoragePath) -> tuple[dict[str, Any] | None, list[Complaint]]:
    try:
        return parse_object(read_foreign(out / INDEX_FILE, max_bytes=MAX_JSON_BYTES)), []
    except FileNotFoundError:
        return None, [Complaint(INDEX_FILE, ALL, ALL, "must be there: the same render command again finishes it")]
    except (OSError, ValueError) as error:
        return None, [Complaint(INDEX_FILE, ALL, ALL, str(error))]


def _listed_shards(index: dict[str, Any] | None) -> set[str]:
    """Names of the shards in an index, without malformed entries; `check_side_files` complains about those."""
    if index is None:
        return set()
    entries = index.get("shardlist")
    urls = [entry.get("url") for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    empty = index.get("empty_shards")
    names = [name for name in empty if isinstance(name, str)] if isinstance(empty, list) else []
    return {Path(url).stem for url in urls if isinstance(url, str)} | set(names)


def _read_marker(out: StoragePath, name: str) -> tuple[Marker | None, list[Complaint]]:
    field = f".meta/{name}.json"
    try:
        return read_marker(out, name), []
    except FileNotFoundError:
        message = "must be there, the marker is missing: the shard is not finished; render it again"
    except (OSError, ValueError) as error:
        message = f"must be a sound marker, got: {error}"
    return None, [Complaint(name, ALL, field, message)]


def _check_presence(name: str, has_tar: bool, marker: Marker | None, listed: set[str] | None) -> Iterator[Complaint]:
    expects_tar = marker is None or marker.samples > 0
    if expects_tar and not has_tar:
        yield Complaint(name, ALL, TAR, f"shards/{name}.tar must be there, the tar is missing")
    if not expects_tar and has_tar:
        yield Complaint(name, ALL, TAR, "must not be there: its marker says that the shard has no samples")
    if listed is not None and name not in listed:
        yield Complaint(name, ALL, INDEX_FILE, "the index must list the shard, it does not")


def _check_across_shards(samples: Sequence[FoundSample], markers: dict[str, Marker]) -> Iterator[Complaint]:
    """No key and no scene twice, least of all in two splits; one set of fields throughout."""
    for identity, field in (("key", "*"), ("scene_id", "json.scene_id"), ("photo_sha256", "json.photo.sha256")):
        first: dict[str, FoundSample] = {}
        for sample in samples:
            other = first.setdefault(getattr(sample, identity), sample)
            if other is sample:
                continue
            where = f"{other.shard} {other.key}"
            also = f" of another split ({other.split} and {sample.split})" if other.split != sample.split else ""
            message = f"{identity} {getattr(sample, identity)} must appear once, got it also in {where}{also}"
            yield Complaint(sample.shard, sample.key, field, message)
    for name in of_other_settings(list(markers.values())):
        message = f"must be that of {next(iter(markers))}: a data set is made by one configuration; render it again"
        yield Complaint(name, ALL, "config_sha256", message)
    full = [marker for marker in markers.values() if marker.samples]
    for marker in full[1:]:
        for field in sorted(set(marker.fields) ^ set(full[0].fields)):
            message = f"must be in all shards or none, got it in only one of {marker.name} and {full[0].name}"
            yield Complaint(marker.name, ALL, field, message)


def _check_temporaries(out: StoragePath) -> Iterator[Complaint]:
    for path in find_temporaries(out):
        shard = path.name.removeprefix(".").partition(".tmp-")[0]
        message = "must not be there: a temporary of a run that died; the same render command again removes it"
        yield Complaint(shard, ALL, str(path)[len(str(out)) :].lstrip("/"), message)
