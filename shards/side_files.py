"""Checks index.json, manifest.parquet, croissant.json and SHA256SUMS against the markers."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

from .complaint import ALL, Complaint
from .croissant import CROISSANT_FILE, encode_croissant
from .foreign_file import open_foreign, read_foreign
from .index import CHECKSUM_FILE, INDEX_FILE, build_index, encode_checksums, encode_index
from .inspection import file_sha256
from .manifest import MANIFEST_FILE, ManifestRows, manifest_rows
from .marker import read_marker
from .storage import StoragePath
from .summary import DataSetSummary, ShardEntry

MAX_SIDE_FILE_BYTES = 1 << 34


def check_side_files(out: StoragePath, index: dict[str, Any] | None, summary: DataSetSummary) -> Iterator[Complaint]:
    """Yield a complaint for every entry of the side files that differs from the markers.

    Args:
        out: the data set's folder.
        index: content of index.json, None if unreadable, about which the caller has complained.
        summary: of all markers; they are read once more, one at a time, for the rows of the manifest.
    """
    contents = {name: _read(out / name) for name in (INDEX_FILE, CROISSANT_FILE, CHECKSUM_FILE)}
    manifest_sha256 = _sha256(out / MANIFEST_FILE)
    for name, found in ((MANIFEST_FILE, manifest_sha256), *list(contents.items())[1:]):
        if found is None:
            yield Complaint(name, ALL, ALL, "must be there and readable: the same render command again writes it")
    present = {name: data for name, data in contents.items() if data is not None}
    if index is not None:
        yield from _compare_index(index, present[INDEX_FILE], build_index(summary))
    sums = {name: hashlib.sha256(data).hexdigest() for name, data in present.items() if name != CHECKSUM_FILE}
    if manifest_sha256 is not None:
        sums[MANIFEST_FILE] = manifest_sha256
        wrong = list(_compare_manifest(out, summary.entries))
        yield from wrong
        described = encode_croissant(summary, manifest_sha256, MANIFEST_FILE)
        if not wrong and present.get(CROISSANT_FILE) not in (None, described):  # it holds the manifest's hash
            yield Complaint(CROISSANT_FILE, ALL, ALL, "must describe these shards and this manifest, it does not")
    if CHECKSUM_FILE in present:
        yield from _compare_checksums(present[CHECKSUM_FILE], encode_checksums(summary, sums))


def _read(path: StoragePath) -> bytes | None:
    try:
        return read_foreign(path, max_bytes=MAX_SIDE_FILE_BYTES)
    except OSError:
        return None


def _sha256(path: StoragePath) -> str | None:
    try:
        return file_sha256(path)
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


def _compare_manifest(out: StoragePath, entries: Sequence[ShardEntry]) -> Iterator[Complaint]:
    try:
        with open_foreign(out / MANIFEST_FILE, max_bytes=MAX_SIDE_FILE_BYTES) as file:
            rows = ManifestRows(file)
            samples = sum(entry.samples for entry in entries)
            if rows.count != samples:
                yield Complaint(MANIFEST_FILE, ALL, ALL, f"must have {samples} rows, got {rows.count}")
                return
            expected = chain.from_iterable(manifest_rows(read_marker(out, entry.name)) for entry in entries)
            row: Mapping[str, Any]
            other: Mapping[str, Any]
            for row, other in zip_longest(expected, rows, fillvalue={}):
                for field in _differing(row, other):
                    message = f"must be {row.get(field)} as the marker of {row['shard']} says, got {other.get(field)}"
                    yield Complaint(MANIFEST_FILE, row["key"], field, message)
    except (OSError, ValueError) as error:
        yield Complaint(MANIFEST_FILE, ALL, ALL, f"must be a readable Parquet file, got: {error}")


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
