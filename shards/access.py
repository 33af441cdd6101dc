"""Any sample of any shard, by its place: what the tar's own headers say, read in contiguous pieces of bytes.

A stored field is read when it is asked for: a trainer that needs three frames of twelve reads three.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from .archive import Member, TarDamage, read_member, scan
from .codec import MAX_FIELD_BYTES
from .complaint import EVERY, Complaint, FieldError
from .storage import StoragePath

T = TypeVar("T")
_OPEN_SHARDS = 64  # whose headers are remembered

DAMAGE = (FieldError, TarDamage, OSError)
"""What reading one sample may raise: it is the sample's fault, and others can still be read."""


@dataclass(frozen=True)
class ShardFile:
    """One shard to read: where it is and how many samples it holds."""

    path: StoragePath
    samples: int


class StoredFields(Mapping[str, bytes]):
    """The fields of one sample in a tar; each is read from the disk when it is looked up.

    Raises FieldError when built of members that are there twice or too large.
    """

    def __init__(self, tar: StoragePath, members: Sequence[Member]) -> None:
        self._tar = tar
        self._members: dict[str, Member] = {}
        for member in members:
            if member.size > MAX_FIELD_BYTES or member.field in self._members:
                came = f"{member.size} bytes" if member.size > MAX_FIELD_BYTES else "it twice"
                raise FieldError(member.field, f"must be there once, below {MAX_FIELD_BYTES} bytes, got {came}")
            self._members[member.field] = member

    def __getitem__(self, field: str) -> bytes:
        member = self._members[field]
        with self._tar.open("rb") as file:
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
        decode: turns key and fields into what is given out; raises FieldError for a damaged sample.
    """

    def __init__(self, shards: Sequence[ShardFile], decode: Callable[[str, Mapping[str, bytes]], T]) -> None:
        self._shards, self._decode = shards, decode
        self._members = functools.lru_cache(_OPEN_SHARDS)(samples_of)

    def read(self, shard: int, index: int) -> T:
        """Sample `index` of shard number `shard`. Raises one of DAMAGE."""
        path = self._shards[shard].path
        samples, damage = self._members(path)
        whole = len(samples) - (damage is not None)  # the sample in which the damage lies may lack its rest
        if index >= whole:
            raise damage or TarDamage(path.stat().st_size, f"must hold {index + 1} samples, got {len(samples)}")
        key, members = samples[index]
        return self._decode(key, StoredFields(path, members))

    def complaint(self, shard: int, index: int, error: Exception) -> Complaint:
        """What was wrong with a sample that `read` raised for."""
        key, field = (error.key or EVERY, error.field) if isinstance(error, FieldError) else (EVERY, "tar")
        message = error.message if isinstance(error, FieldError) else f"sample {index}: {error}"
        return Complaint(self._shards[shard].path.stem, key, field, message)


def samples_of(tar: StoragePath) -> tuple[list[tuple[str, list[Member]]], TarDamage | None]:
    """Key and members of every sample of a tar, in order, and what is wrong with the tar."""
    members, damage = scan(tar)
    samples: list[tuple[str, list[Member]]] = []
    for member in members:
        if not samples or samples[-1][0] != member.key:
            samples.append((member.key, []))
        samples[-1][1].append(member)
    return samples, damage
