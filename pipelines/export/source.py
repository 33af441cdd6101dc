"""The samples of a data set as they are stored: labels are read at once, bytes of pictures when they are asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
import numpy.typing as npt

from pipelines.errors import UserError
from shards.access import DAMAGE, SamplePlace, ShardFile, sample_places
from shards.codec import DISPARITY_FIELD, VALID_FIELD, check_fields, decode_disparity, decode_record, decode_valid
from shards.reader import find_shards
from shards.record import SampleRecord
from shards.sample import check_key
from shards.storage import StoragePath
from shards.stored_fields import StoredFields


@dataclass(frozen=True)
class StoredPicture:
    """The bytes of a stored photo or frame, and the suffix of its format (`.jpg`)."""

    suffix: str
    data: bytes


@dataclass(frozen=True, eq=False)
class SourceSample:
    """One sample. What is read is compared with its crc32 where the data set has one.

    The methods raise one of `shards.access.DAMAGE`, or StoreError.
    """

    key: str
    record: SampleRecord
    fields: StoredFields
    names: tuple[str, ...]

    def picture(self, frame: int | None) -> StoredPicture:
        """A frame of the stack, or the all-in-focus photo (None): the stored bytes."""
        name = self.names[0] if frame is None else self.names[2 + frame]  # as `shards.codec.field_names` orders them
        return StoredPicture(PurePosixPath(name).suffix, self.fields[name])

    def disparity(self) -> npt.NDArray[np.float64]:
        """Disparity [H, W] in its unit, bigger is nearer."""
        codes = decode_disparity(self.fields[DISPARITY_FIELD], width=self.record.width, height=self.record.height)
        return self.record.disparity.offset + self.record.disparity.scale * codes.astype(np.float64)

    def valid(self) -> npt.NDArray[np.bool_]:
        """Where the disparity is known, [H, W]."""
        return decode_valid(self.fields[VALID_FIELD], width=self.record.width, height=self.record.height)


def source_shards(out: StoragePath, split: str) -> list[ShardFile]:
    """The shards of a split (or `all`) that hold samples, by name. Raises UserError when there are none."""
    try:
        return [shard for shard in find_shards(out, split=None if split == "all" else split) if shard.samples]
    except ValueError as error:
        way_out = f"choose another --split, or see `refocus-foundry verify {out}`"
        raise UserError(f"{error}; {way_out}") from error


def read_samples(shard: ShardFile) -> Iterator[SourceSample]:
    """The samples of a shard, in order. Raises UserError that names a damaged one: an export leaves none out."""
    places, damage = sample_places(shard)
    if damage is not None:
        raise damaged(shard, "*", damage)
    yield from (_sample(shard, place) for place in places)


def damaged(shard: ShardFile, key: str, error: Exception) -> UserError:
    """The error about a sample that cannot be read."""
    way_out = "see `refocus-foundry verify`, and render the shard again"
    return UserError(f"sample {key} of {shard.path} is damaged: {error}; {way_out}", exit_code=1)


def identity(shards: list[ShardFile]) -> str:
    """SHA-256 over names, keys and crc32 of all samples: another one is another data set."""
    digest = hashlib.sha256()
    for shard in shards:
        for place in sample_places(shard)[0]:
            sums = place.crc32 or [str(member.size) for member in place.members]
            digest.update(f"{shard.path.name} {place.key} {' '.join(sums)}\n".encode())
    return digest.hexdigest()


def _sample(shard: ShardFile, place: SamplePlace) -> SourceSample:
    try:
        check_key(place.key)
        fields = StoredFields(shard.path, place.members, place.crc32)
        record = decode_record(fields)
        return SourceSample(place.key, record, fields, check_fields(fields, record))
    except DAMAGE as error:
        raise damaged(shard, place.key, error) from error
