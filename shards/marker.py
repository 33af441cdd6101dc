"""The marker of a shard: written last, it states that the shard is complete and lists its content.

Index, manifest and checksums are written from markers alone, and a damaged byte of the tar is located by them.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from . import strict_json
from .archive import Member, layout
from .complaint import FieldError
from .durable import write_durably
from .foreign_file import foreign_size, read_foreign
from .labels import require
from .record import READABLE_VERSIONS, SCHEMA_VERSION, SHA256, SPLITS, SampleRecord
from .sample import check_key
from .storage import StoragePath
from .stored_fields import checksum

MARKER_VERSION = 2
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
_SHARD_NAME = re.compile(rf"({'|'.join(SPLITS)})-[0-9]{{6}}")


def check_shard_name(name: str) -> str:
    """The split of a shard named like `train-000012`; raises ValueError for any other name."""
    match = _SHARD_NAME.fullmatch(name)
    if match is None:
        raise ValueError(f"a shard name must be SPLIT-NNNNNN with SPLIT one of {', '.join(SPLITS)}, got {name!r}")
    return match[1]


def tar_path(out: StoragePath, name: str) -> StoragePath:
    """Path of a shard's tar in a data set."""
    return out / "shards" / f"{name}.tar"


def marker_path(out: StoragePath, name: str) -> StoragePath:
    """Path of a shard's marker in a data set: in a dot folder, which `datasets` ignores."""
    return out / ".meta" / f"{name}.json"


@dataclass(frozen=True)
class SampleRow:
    """One sample as the manifest lists it, with size and crc32 (8 hex digits) of each of its fields."""

    key: str
    scene_id: str
    width: int
    height: int
    seed: int
    photo_name: str
    photo_sha256: str
    license: str
    author: str
    source_url: str
    scene_kind: str
    disparity_kind: str
    disparity_source: str
    disparity_source_revision: str
    disparity_quantization_levels: int
    disparity_steps: str
    disparity_filled_fraction: float
    planes: int
    levels: int
    blur_levels: tuple[float, ...]
    radius_max_px: float
    sizes: tuple[int, ...]
    crc32: tuple[str, ...]

    def __post_init__(self) -> None:
        strict_json.coerce_fields(self)
        check_key(self.key)

    @classmethod
    def from_fields(cls, key: str, fields: Mapping[str, bytes], record: SampleRecord) -> SampleRow:
        """The row of a sample, from the bytes of its fields and its labels."""
        contents = [fields[name] for name in sorted(fields)]
        return cls(
            key=key,
            scene_id=record.scene_id,
            width=record.width,
            height=record.height,
            seed=record.seed,
            photo_name=record.photo.name,
            photo_sha256=record.photo.sha256,
            license=record.photo.license,
            author=record.photo.author,
            source_url=record.photo.source_url,
            scene_kind=record.scene.kind,
            disparity_kind=record.disparity.kind,
            disparity_source=record.disparity.source,
            disparity_source_revision=record.disparity.source_revision,
            disparity_quantization_levels=record.disparity.quantization_levels,
            disparity_steps=record.disparity.steps,
            disparity_filled_fraction=record.disparity.filled_fraction,
            planes=record.planes,
            levels=record.levels,
            blur_levels=tuple(frame.blur_level for frame in record.frames[:: record.planes]),
            radius_max_px=max(frame.radius_max_px for frame in record.frames),
            sizes=tuple(map(len, contents)),
            crc32=tuple(map(checksum, contents)),
        )


@dataclass(frozen=True)
class Marker:
    """Content of one finished shard.

    Attributes:
        name, split: `train-000012`, `train`.
        tar_bytes, sha256: of the tar; 0 and the hash of no bytes for a shard without samples, which has no tar.
        config_sha256: hash of the settings that made every sample of it, their label `renderer.config_sha256`; "" only
            where there is no sample and the writer was not told.
        samples, frames, members: counts; members are files in the tar.
        fields: names of the fields, sorted: the same for every sample, in the order they have in the tar.
        rows: one for each sample, by ascending key.
    """

    name: str
    split: str
    tar_bytes: int
    sha256: str
    config_sha256: str
    samples: int
    frames: int
    members: int
    fields: tuple[str, ...]
    rows: tuple[SampleRow, ...]
    marker_version: int = MARKER_VERSION
    schema_version: int = SCHEMA_VERSION

    def __post_init__(self) -> None:
        strict_json.coerce_fields(self)
        require("marker_version", self.marker_version == MARKER_VERSION, f"be {MARKER_VERSION}", self.marker_version)
        version = self.schema_version
        require("schema_version", version in READABLE_VERSIONS, f"be one of {READABLE_VERSIONS}", version)
        split = check_shard_name(self.name)
        require("split", self.split == split, f"be {split}", self.split)
        require("fields", list(self.fields) == sorted(set(self.fields)), "be sorted, none twice", self.fields)
        is_hash = bool(SHA256.fullmatch(self.config_sha256)) or not (self.config_sha256 or self.rows)
        require("config_sha256", is_hash, "be 64 lower-case hex digits", self.config_sha256)
        keys = [row.key for row in self.rows]
        require("rows", keys == sorted(set(keys)), "have ascending keys, none twice", keys)
        frames = sum(row.planes * row.levels for row in self.rows)
        expected = {"samples": len(keys), "frames": frames, "members": len(keys) * len(self.fields)}
        for name, count in expected.items():
            require(name, getattr(self, name) == count, f"be {count} as the rows say", getattr(self, name))
        for i, row in enumerate(self.rows):
            counts = {len(self.fields), len(row.sizes), len(row.crc32)}
            require(f"rows[{i}].sizes", len(counts) == 1, "have one entry a field", sorted(counts))

    def layout(self) -> list[Member]:
        """Offset and size of every field of every sample in the tar."""
        return layout(
            (f"{row.key}.{field}", size)
            for row in self.rows
            for field, size in zip(self.fields, row.sizes, strict=True)
        )

    def to_json(self) -> bytes:
        """Canonical bytes: equal markers, equal bytes."""
        return strict_json.canonical(dataclasses.asdict(self)) + b"\n"

    @classmethod
    def from_json(cls, data: bytes) -> Marker:
        """Read `to_json`'s bytes. Raises FieldError or ValueError for anything else."""
        values = dict(strict_json.require_keys(strict_json.parse_object(data), _KINDS))
        rows = values.pop("rows")
        if not isinstance(rows, list):
            raise FieldError("rows", f"must be a list, got {type(rows).__name__}")
        plain = strict_json.require_types(values, {name: kind for name, kind in _KINDS.items() if name != "rows"})
        built = (strict_json.build_record(SampleRow, row, within=f"rows[{i}]") for i, row in enumerate(rows))
        return cls(rows=tuple(built), **plain)


def read_marker(out: StoragePath, name: str) -> Marker:
    """The marker of a shard.

    Raises:
        FileNotFoundError: the shard is not finished and has no marker.
        ValueError: the marker is damaged or belongs to another shard.
    """
    check_shard_name(name)
    marker = Marker.from_json(read_foreign(marker_path(out, name), max_bytes=strict_json.MAX_JSON_BYTES))
    require("name", marker.name == name, f"be {name}", marker.name)
    return marker


def write_marker(out: StoragePath, marker: Marker) -> None:
    """Write a marker, which makes its shard finished."""
    write_durably(marker_path(out, marker.name), marker.to_json())


def is_complete(out: StoragePath, name: str) -> bool:
    """True if the marker is valid and the tar has the size that it states. `validate` also reads the content."""
    return complete_marker(out, name) is not None


def complete_marker(out: StoragePath, name: str) -> Marker | None:
    """The marker of a shard whose tar has the size that it states; None for any other shard."""
    try:
        marker = read_marker(out, name)
        size = foreign_size(tar_path(out, name))
    except (OSError, ValueError):
        return None
    return marker if size == (marker.tar_bytes if marker.samples else None) else None


_KINDS: dict[str, Any] = typing.get_type_hints(Marker)
