"""Random access to samples: the tar's headers give the offsets, and each field is one contiguous piece of bytes.

A field is read on lookup: a trainer that needs three frames of twelve reads three.
"""

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from .archive import Member, TarDamage, read_member, scan
from .codec import MAX_FIELD_BYTES
from .complaint import ALL, Complaint, FieldError
from .foreign_file import open_foreign
from .storage import StoragePath

T = TypeVar("T")
_CACHED_SHARDS = 64  # whose headers are kept in memory

DAMAGE = (FieldError, TarDamage, OSError)
"""Errors of one damaged sample; other samples can still be read."""


@dataclass(frozen=True)
class ShardFile:
    """One shard to read: where it is and how many samples it holds."""

    path: StoragePath
    samples: int


class StoredFields(Mapping[str, bytes]):
    """The fields of one sample in a tar; each is read from the disk when it is looked up.

    Raises FieldError on construction if a member appears twice or is too large.
    """

    def __init__(self, tar: StoragePath, members: Sequence[Member]) -> None:
        self._tar = tar
        self._members: dict[str, Member] = {}
        for member in members:
            if member.size > MAX_FIELD_BYTES or member.field in self._members:
                got = f"{member.size} bytes" if member.size > MAX_FIELD_BYTES else "it twice"
                raise FieldError(member.field, f"must be there once, below {MAX_FIELD_BYTES} bytes, got {got}")
            self._members[member.field] = member

    def __getitem__(self, field: str) -> bytes:
        member = self._members[field]
        with open_foreign(self._tar) as file:
            return read_member(file, member)

    def __contains__(self, field: object) -> bool:
        return field in self._members  # without reading it

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)


class SampleAccess(Generic[T]):
    """Reads single samples of a list of shards.

    Args:
        shards: from `find_shards`.
        decode: turns key and fields into the value to return; raises FieldError for a damaged sample.
    """

    def __init__(self, shards: Sequence[ShardFile], decode: Callable[[str, Mapping[str, bytes]], T]) -> None:
        self._shards, self._decode = shards, decode
        self._members = functools.lru_cache(_CACHED_SHARDS)(list_samples)

    def read(self, shard: int, index: int) -> T:
        """Sample `index` of shard number `shard`. Raises one of DAMAGE."""
        path = self._shards[shard].path
        samples, damage = self._members(path)
        complete = len(samples) - (damage is not None)  # the last sample before the damage may lack fields
        if index >= complete:
            raise damage or TarDamage(path.stat().st_size, f"must hold {index + 1} samples, got {len(samples)}")
        key, members = samples[index]
        return self._decode(key, StoredFields(path, members))

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
