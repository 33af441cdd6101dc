"""Random access to samples: each field is one contiguous piece of bytes, where the marker or the tar's headers say.

A field is read on lookup: a trainer that needs three frames of twelve reads three.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from .archive import Member, TarDamage, scan
from .complaint import ALL, Complaint, FieldError
from .marker import read_marker
from .storage import StoragePath
from .stored_fields import StoredFields

T = TypeVar("T")
_CACHED_SHARDS = 64  # whose places of members are kept in memory

DAMAGE = (FieldError, TarDamage, OSError)
"""Errors of one damaged sample; other samples can still be read. StoreError, of a store that fails, is none of them."""


@dataclass(frozen=True)
class ShardFile:
    """One shard to read: where it is, how many samples it holds, and the data set whose marker describes it, if any."""

    path: StoragePath
    samples: int
    data_set: StoragePath | None = None


@dataclass(frozen=True)
class SamplePlace:
    """Where a sample's fields lie, and the crc32 of each where a marker says it."""

    key: str
    members: Sequence[Member]
    crc32: Sequence[str] | None


class SampleAccess(Generic[T]):
    """Reads single samples of a list of shards.

    Args:
        shards: from `find_shards`.
        decode: turns key and fields into the value to return; raises FieldError for a damaged sample.
    """

    def __init__(self, shards: Sequence[ShardFile], decode: Callable[[str, Mapping[str, bytes]], T]) -> None:
        self._shards, self._decode = shards, decode
        self._places = functools.lru_cache(_CACHED_SHARDS)(sample_places)

    def read(self, shard: int, index: int, *, verify: bool = False) -> T:
        """Sample `index` of shard number `shard`.

        Args:
            shard, index: which sample.
            verify: compare each field that is read with its crc32, in shards that have a marker.

        Raises one of DAMAGE; StoreError.
        """
        file = self._shards[shard]
        places, damage = self._places(file)
        complete = len(places) - (damage is not None)  # the last sample before the damage may lack fields
        if index >= complete:
            raise damage or TarDamage(file.path.stat().st_size, f"must hold {index + 1} samples, got {len(places)}")
        place = places[index]
        fields = StoredFields(file.path, place.members, place.crc32 if verify else None)
        return self._decode(place.key, fields)

    def complaint(self, shard: int, index: int, error: Exception) -> Complaint:
        """The complaint about a sample for which `read` raised `error`."""
        key, field = (error.key or ALL, error.field) if isinstance(error, FieldError) else (ALL, "tar")
        message = error.message if isinstance(error, FieldError) else f"sample {index}: {error}"
        return Complaint(self._shards[shard].path.stem, key, field, message)


def list_samples(tar: StoragePath) -> tuple[list[tuple[str, list[Member]]], TarDamage | None]:
    """Key and members of every sample of a tar, in order, and the damage that ended the reading, if any."""
    members, damage = scan(tar)
    samples: list[tuple[str, list[Member]]] = []
    seen: set[str] = set()
    for member in members:
        if not samples or samples[-1][0] != member.key:
            if member.key in seen:
                message = f"members of sample {member.key} must stand together: pack them by `tar --sort=name`"
                return samples, TarDamage(member.offset, message)
            seen.add(member.key)
            samples.append((member.key, []))
        samples[-1][1].append(member)
    return samples, damage


def sample_places(file: ShardFile) -> tuple[list[SamplePlace], TarDamage | None]:
    """Every sample of a shard by its marker, which is one small read, or by the headers of a tar that has none; and the
    damage that ended the reading, if any."""
    if file.data_set is None:
        samples, damage = list_samples(file.path)
        return [SamplePlace(key, members, None) for key, members in samples], damage
    try:
        marker = read_marker(file.data_set, file.path.stem)
    except ValueError as error:
        raise TarDamage(0, f"its marker must be sound, got: {error}") from error
    members, count = marker.layout(), len(marker.fields)
    places = (
        SamplePlace(row.key, members[i * count : (i + 1) * count], row.crc32) for i, row in enumerate(marker.rows)
    )
    return list(places), None
