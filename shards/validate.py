"""Checks a finished data set against schema, markers and index. Every complaint names shard, key and field."""

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from .archive import shard_tars
from .complaint import ALL, Complaint
from .foreign_file import read_foreign
from .identities import Identities
from .index import INDEX_FILE, find_temporaries, marked_shards
from .inspection import TAR, Inspection, inspect_shard
from .marker import Marker, read_marker
from .parallel import map_in_order
from .side_files import check_side_files
from .storage import StoragePath, storage_path
from .strict_json import parse_object
from .summary import DataSetSummary

MAX_INDEX_BYTES = 1 << 30
"""Of index.json: 232 bytes a shard, so four million shards."""


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


def validate(out: StoragePath, workers: int = 1, on_shard: Callable[[], None] = lambda: None) -> ValidationReport:
    """Check every byte of a data set: tars against markers, markers against index, labels against pixels.

    Args:
        out: the data set's folder.
        workers: processes that check shards; the report does not depend on their number.
        on_shard: called for each shard that is checked, in this process.

    Returns:
        A report; damage of any kind is a complaint in it, never an exception.

    Raises:
        ValueError: `out` is not a folder.
        BrokenProcessPool: a worker was killed.
    """
    out = storage_path(out)
    if not out.is_dir():
        raise ValueError(f"{out} must be the folder of a data set, got {'a file' if out.exists() else 'nothing'} there")
    index, complaints = _read_index(out)
    listed = _listed_shards(index)
    tars: dict[str, StoragePath] = {path.stem: path for path in shard_tars(out / "shards")}
    names = sorted({*tars, *marked_shards(out), *listed})
    summary, identities = DataSetSummary(), Identities()
    counts = [0, 0]  # samples, frames
    checks = [(name, tars.get(name)) for name in names]
    for name, found in zip(names, map_in_order(partial(_check_shard, out), checks, workers), strict=True):
        on_shard()
        complaints += found.of_marker
        complaints += _check_presence(name, name in tars, found.summary, listed if index is not None else None)
        complaints += found.inspection.complaints
        identities.add(name, found.inspection.sound)
        counts = [counts[0] + found.inspection.samples, counts[1] + found.inspection.frames]
        if found.summary is not None:
            summary.merge(found.summary)
    if not tars:
        complaints.append(Complaint(ALL, ALL, TAR, f"{out / 'shards'} must hold tars, got none"))
    complaints += identities.repeated()
    complaints += _check_across_shards(summary)
    if names and len(summary.entries) == len(names):  # else totals and lists differ as a consequence
        complaints += check_side_files(out, index, summary)
    complaints += _check_temporaries(out)
    return ValidationReport(counts[0], len(tars), counts[1], tuple(complaints))


@dataclass(frozen=True)
class _CheckedShard:
    """One shard as a worker found it; small, since it travels: no marker and no pixels."""

    of_marker: tuple[Complaint, ...]
    summary: DataSetSummary | None  # None without a readable marker
    inspection: Inspection


def _check_shard(out: StoragePath, check: tuple[str, StoragePath | None]) -> _CheckedShard:
    name, tar = check
    marker, wrong = _read_marker(out, name)
    inspection = inspect_shard(tar, marker) if tar is not None else Inspection(0, 0, (), ())
    return _CheckedShard(tuple(wrong), DataSetSummary([marker]) if marker is not None else None, inspection)


def _read_index(out: StoragePath) -> tuple[dict[str, Any] | None, list[Complaint]]:
    try:
        content = read_foreign(out / INDEX_FILE, max_bytes=MAX_INDEX_BYTES)
        return parse_object(content, max_bytes=MAX_INDEX_BYTES), []
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


def _check_presence(
    name: str, has_tar: bool, marked: DataSetSummary | None, listed: set[str] | None
) -> Iterator[Complaint]:
    expects_tar = marked is None or marked.samples > 0
    if expects_tar and not has_tar:
        yield Complaint(name, ALL, TAR, f"shards/{name}.tar must be there, the tar is missing")
    if not expects_tar and has_tar:
        yield Complaint(name, ALL, TAR, "must not be there: its marker says that the shard has no samples")
    if listed is not None and name not in listed:
        yield Complaint(name, ALL, INDEX_FILE, "the index must list the shard, it does not")


def _check_across_shards(summary: DataSetSummary) -> Iterator[Complaint]:
    """One configuration and one set of fields throughout."""
    for name in summary.of_other_settings:
        message = f"must be that of {summary.entries[0].name}: a data set is made by one configuration; render it again"
        yield Complaint(name, ALL, "config_sha256", message)
    full = summary.full
    for entry in full[1:]:
        for field in sorted(set(entry.fields) ^ set(full[0].fields)):
            message = f"must be in all shards or none, got it in only one of {entry.name} and {full[0].name}"
            yield Complaint(entry.name, ALL, field, message)


def _check_temporaries(out: StoragePath) -> Iterator[Complaint]:
    for path in find_temporaries(out):
        shard = path.name.removeprefix(".").partition(".tmp-")[0]
        message = "must not be there: a temporary of a run that died; the same render command again removes it"
        yield Complaint(shard, ALL, str(path)[len(str(out)) :].lstrip("/"), message)
