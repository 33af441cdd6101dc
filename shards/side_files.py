"""Checks index.json, manifest.parquet, croissant.json and SHA256SUMS against the markers."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from .complaint import ALL, Complaint
from .croissant import CROISSANT_FILE, encode_croissant
from .foreign_file import read_foreign
from .index import (
    CHECKSUM_FILE,
    INDEX_FILE,
    MANIFEST_FILE,
    build_index,
    encode_checksums,
    encode_index,
    manifest_rows,
    read_manifest,
)
from .marker import Marker
from .storage import StoragePath

MAX_SIDE_FILE_BYTES = 1 << 34


def check_side_files(out: StoragePath, index: dict[str, Any] | None, markers: Sequence[Marker]) -> Iterator[Complaint]:
    """Yield a complaint for every entry of the side files that differs from the markers.

    Args:
        out: the data set's folder.
        index: content of index.json, None if unreadable, about which the caller has complained.
        markers: of all shards, by name.
    """
    contents = {name: _read(out / name) for name in (INDEX_FILE, MANIFEST_FILE, CROISSANT_FILE, CHECKSUM_FILE)}
    for name in (MANIFEST_FILE, CROISSANT_FILE, CHECKSUM_FILE):
        if contents[name] is None:
            yield Complaint(name, ALL, ALL, "must be there and readable: the same render command again writes it")
    present = {name: data for name, data in contents.items() if data is not None}
    if index is not None:
        yield from _compare_index(index, present[INDEX_FILE], build_index(markers))
    if MANIFEST_FILE in present:
        wrong = list(_compare_manifest(present[MANIFEST_FILE], manifest_rows(markers)))
        yield from wrong
        described = encode_croissant(markers, present[MANIFEST_FILE], MANIFEST_FILE)
        if not wrong and present.get(CROISSANT_FILE) not in (None, described):  # it holds the manifest's hash
            yield Complaint(CROISSANT_FILE, ALL, ALL, "must describe these shards and this manifest, it does not")
    if CHECKSUM_FILE in present:
        lines = present.pop(CHECKSUM_FILE)
        yield from _compare_checksums(lines, encode_checksums(markers, present))


def _read(path: StoragePath) -> bytes | None:
    try:
        return read_foreign(path, max_bytes=MAX_SIDE_FILE_BYTES)
    except OSError:
        return None


def _compare_index(got: dict[str, Any], data: bytes, expected: dict[str, Any]) -> Iterator[Complaint]:
    entries = _entries(got)
    differs = False
    for url, entry in _entries(expected).items():
        other = entries.get(url)  # a missing entry is a complaint about its shard
        for field in _differing(entry, other) if other is not None else []:
            differs = True
            message = (
                f"must be {entry.get(field)} as the shard's marker says, got {other.get(field) if other else None}"
            )
            yield Complaint(Path(url).stem, ALL, f"{INDEX_FILE}:{field}", message)
    for field in _differing(expected, got):
        if field != "shardlist":
            differs = True
            message = f"must be {expected.get(field)} as the markers say, got {got.get(field)}"
            yield Complaint(INDEX_FILE, ALL, field, message)
    if not differs and entries.keys() == _entries(expected).keys() and data != encode_index(expected):
        yield Complaint(INDEX_FILE, ALL, ALL, "must be written as write_index writes it, got other bytes")


def _entries(index: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The shard list by url, without malformed entries."""
    entries = index.get("shardlist")
    entries = entries if isinstance(entries, list) else []
    return {str(entry.get("url")): entry for entry in entries if isinstance(entry, dict)}


def _differing(expected: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    return sorted(name for name in {*expected, *other} if expected.get(name) != other.get(name))


def _compare_manifest(data: bytes, expected: Sequence[Mapping[str, Any]]) -> Iterator[Complaint]:
    try:
        got = read_manifest(data)
    except Exception as error:  # Arrow raises many kinds on damaged bytes
        yield Complaint(MANIFEST_FILE, ALL, ALL, f"must be a readable Parquet file, got {type(error).__name__}")
        return
    if len(got) != len(expected):
        yield Complaint(MANIFEST_FILE, ALL, ALL, f"must have {len(expected)} rows, got {len(got)}")
        return
    for row, other in zip(expected, got, strict=True):
        for field in _differing(row, other):
            message = f"must be {row.get(field)} as the marker of {row['shard']} says, got {other.get(field)}"
            yield Complaint(MANIFEST_FILE, row["key"], field, message)


def _compare_checksums(got: bytes, expected: bytes) -> Iterator[Complaint]:
    expected_digests, digests = _digests(expected), _digests(got)
    for name in sorted({*expected_digests, *digests}):
        if expected_digests.get(name) != digests.get(name):
            message = f"must have {expected_digests.get(name, 'no line')}, got {digests.get(name, 'no line')}"
            yield Complaint(CHECKSUM_FILE, ALL, name, message)
    if expected_digests == digests and got != expected:
        yield Complaint(CHECKSUM_FILE, ALL, ALL, "must be written as write_index writes it, got other bytes")


def _digests(lines: bytes) -> dict[str, str]:
    pairs = (line.partition("  ") for line in lines.decode("utf-8", "replace").splitlines())
    return {name: digest for digest, _, name in pairs}
