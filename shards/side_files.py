"""index.json, manifest.parquet, croissant.json and SHA256SUMS against what the markers make them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from .complaint import EVERY, Complaint
from .croissant import CROISSANT_FILE, croissant_of
from .index import (
    CHECKSUM_FILE,
    INDEX_FILE,
    MANIFEST_FILE,
    checksum_lines,
    index_bytes,
    index_of,
    manifest_rows,
    read_manifest,
)
from .marker import Marker
from .storage import StoragePath


def check_side_files(out: StoragePath, index: dict[str, Any] | None, markers: Sequence[Marker]) -> Iterator[Complaint]:
    """Compare the side files of a data set, entry by entry.

    Args:
        out: the data set's folder.
        index: content of index.json, None if it could not be read (the caller has said so).
        markers: of all shards, by name.
    """
    contents = {name: _read(out / name) for name in (INDEX_FILE, MANIFEST_FILE, CROISSANT_FILE, CHECKSUM_FILE)}
    for name in (MANIFEST_FILE, CROISSANT_FILE, CHECKSUM_FILE):
        if contents[name] is None:
            yield Complaint(name, EVERY, EVERY, "must be there and readable: the same render command again writes it")
    there = {name: data for name, data in contents.items() if data is not None}
    if index is not None:
        yield from _compare_index(index, there[INDEX_FILE], index_of(markers))
    if MANIFEST_FILE in there:
        wrong = list(_compare_manifest(there[MANIFEST_FILE], manifest_rows(markers)))
        yield from wrong
        described = croissant_of(markers, there[MANIFEST_FILE], MANIFEST_FILE)
        if not wrong and there.get(CROISSANT_FILE) not in (None, described):  # it holds the manifest's hash
            yield Complaint(CROISSANT_FILE, EVERY, EVERY, "must describe these shards and this manifest, it does not")
    if CHECKSUM_FILE in there:
        lines = there.pop(CHECKSUM_FILE)
        yield from _compare_checksums(lines, checksum_lines(markers, there))


def _read(path: StoragePath) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _compare_index(came: dict[str, Any], data: bytes, expected: dict[str, Any]) -> Iterator[Complaint]:
    entries = _entries(came)
    differs = False
    for url, entry in _entries(expected).items():
        other = entries.get(url)  # an entry that is missing is the concern of its shard
        for field in _differing(entry, other) if other is not None else []:
            differs = True
            message = (
                f"must be {entry.get(field)} as the shard's marker says, got {other.get(field) if other else None}"
            )
            yield Complaint(Path(url).stem, EVERY, f"{INDEX_FILE}:{field}", message)
    for field in _differing(expected, came):
        if field != "shardlist":
            differs = True
            message = f"must be {expected.get(field)} as the markers say, got {came.get(field)}"
            yield Complaint(INDEX_FILE, EVERY, field, message)
    if not differs and entries.keys() == _entries(expected).keys() and data != index_bytes(expected):
        yield Complaint(INDEX_FILE, EVERY, EVERY, "must be written as write_index writes it, got other bytes")


def _entries(index: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The shard list by url, as far as it can be understood."""
    entries = index.get("shardlist")
    entries = entries if isinstance(entries, list) else []
    return {str(entry.get("url")): entry for entry in entries if isinstance(entry, dict)}


def _differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    return sorted(name for name in {*one, *other} if one.get(name) != other.get(name))


def _compare_manifest(data: bytes, expected: Sequence[Mapping[str, Any]]) -> Iterator[Complaint]:
    try:
        came = read_manifest(data)
    except Exception as error:  # Arrow raises many kinds on damaged bytes
        yield Complaint(MANIFEST_FILE, EVERY, EVERY, f"must be a readable Parquet file, got {type(error).__name__}")
        return
    if len(came) != len(expected):
        yield Complaint(MANIFEST_FILE, EVERY, EVERY, f"must have {len(expected)} rows, got {len(came)}")
        return
    for row, other in zip(expected, came, strict=True):
        for field in _differing(row, other):
            message = f"must be {row.get(field)} as the marker of {row['shard']} says, got {other.get(field)}"
            yield Complaint(MANIFEST_FILE, row["key"], field, message)


def _compare_checksums(came: bytes, expected: bytes) -> Iterator[Complaint]:
    ours, theirs = _digests(expected), _digests(came)
    for name in sorted({*ours, *theirs}):
        if ours.get(name) != theirs.get(name):
            message = f"must have {ours.get(name, 'no line')}, got {theirs.get(name, 'no line')}"
            yield Complaint(CHECKSUM_FILE, EVERY, name, message)
    if ours == theirs and came != expected:
        yield Complaint(CHECKSUM_FILE, EVERY, EVERY, "must be written as write_index writes it, got other bytes")


def _digests(lines: bytes) -> dict[str, str]:
    pairs = (line.partition("  ") for line in lines.decode("utf-8", "replace").splitlines())
    return {name: digest for digest, _, name in pairs}
