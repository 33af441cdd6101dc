"""Data sets with faults that no checksum shows: tar, marker and side files agree, the content is wrong."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable
from pathlib import Path

import webdataset

from shards import read_marker, write_index
from shards.archive import read_members, scan
from shards.marker import tar_path, write_marker
from shards.stored_fields import checksum

Samples = dict[str, dict[str, bytes]]


def read_samples(tar: Path) -> Samples:
    """key -> field -> bytes of a sound tar."""
    members, damage = scan(tar)
    assert damage is None
    samples: Samples = {}
    for member, content in zip(members, read_members(tar, members), strict=True):
        samples.setdefault(member.key, {})[member.field] = content
    return samples


def write_tar(tar: Path, samples: Samples) -> None:
    """Write these samples the way the shard writer does, without its checks."""
    with tar.open("wb") as file, webdataset.TarWriter(file, mtime=0, encoder=False, compress=False) as writer:
        for key, fields in samples.items():
            writer.write({"__key__": key, **fields})


def forge(out: Path, name: str, change: Callable[[Samples], None]) -> None:
    """Change the samples of a shard in place, then make marker and side files agree with what came out."""
    tar = tar_path(out, name)
    samples = read_samples(tar)
    change(samples)
    write_tar(tar, samples)
    marker = read_marker(out, name)
    rows = []
    for row in marker.rows:
        contents = [samples[row.key][field] for field in marker.fields]
        sums = {"sizes": tuple(map(len, contents)), "crc32": tuple(map(checksum, contents))}
        rows.append(dataclasses.replace(row, **sums))
    data = tar.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    write_marker(out, dataclasses.replace(marker, rows=tuple(rows), tar_bytes=len(data), sha256=digest))
    write_index(out)
