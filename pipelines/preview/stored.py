"""The samples of a data set where they lie: labels are read at once, pixels one sample at a time.

A damaged sample is left out and said so: the page is there to show what is wrong, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from pathlib import Path

from pipelines.errors import UserError
from shards.archive import Member, TarDamage, read_member, scan
from shards.codec import MAX_FIELD_BYTES, RECORD_FIELD, decode, decode_record
from shards.complaint import FieldError
from shards.reader import find_shards
from shards.record import MAX_RECORD_BYTES, SampleRecord
from shards.sample import Sample, check_key
from shards.storage import StoragePath


@dataclass(frozen=True)
class StoredSample:
    """One sample: its labels, and where its fields are."""

    key: str
    tar: StoragePath
    members: tuple[Member, ...]
    record: SampleRecord

    def fields(self) -> dict[str, bytes]:
        """The bytes of every field. Raises FieldError, TarDamage, OSError."""
        return _read(self.tar, self.members, MAX_FIELD_BYTES)


@dataclass(frozen=True)
class Unreadable:
    """A sample that is not shown, and why."""

    key: str
    reason: str


def find_stored(out: Path) -> tuple[list[StoredSample], list[Unreadable]]:
    """All samples by key, and those whose labels cannot be read.

    Raises UserError when nothing can be read, or a shard is not finished.
    """
    try:
        tars = [shard.path for shard in find_shards(out) if shard.samples]
    except ValueError as error:
        raise UserError(f"{error}; see `refocus-foundry verify {out}`", exit_code=1) from error
    samples: list[StoredSample] = []
    unreadable: list[Unreadable] = []
    for entry in (entry for tar in tars for entry in _samples_of(tar)):
        if isinstance(entry, StoredSample):
            samples.append(entry)
        else:
            unreadable.append(entry)
    if not samples:
        first = unreadable[0].reason if unreadable else "got none"
        raise UserError(f"{out} must hold readable samples: {first}; see `refocus-foundry verify {out}`", exit_code=1)
    return sorted(samples, key=attrgetter("key")), unreadable


def readable(stored: Sequence[StoredSample]) -> Iterator[tuple[StoredSample, Sample, dict[str, bytes]] | Unreadable]:
    """Decode one sample after the other; a damaged one becomes Unreadable."""
    yield from map(_decoded, stored)


def _decoded(stored: StoredSample) -> tuple[StoredSample, Sample, dict[str, bytes]] | Unreadable:
    try:
        fields = stored.fields()
        return stored, decode(stored.key, fields), fields
    except (FieldError, TarDamage, OSError) as error:
        return Unreadable(stored.key, str(error))


def _samples_of(tar: StoragePath) -> Iterator[StoredSample | Unreadable]:
    members, damage = scan(tar)
    for key, group in groupby(members, key=attrgetter("key")):
        mine = tuple(group)
        try:
            check_key(key)
            labels = tuple(member for member in mine if member.field == RECORD_FIELD)
            yield StoredSample(key, tar, mine, decode_record(_read(tar, labels, MAX_RECORD_BYTES)))
        except (FieldError, TarDamage, OSError) as error:
            yield Unreadable(key, f"{tar.name}: {error}")
    if damage:
        yield Unreadable("*", f"{tar.name}: {damage}")


def _read(tar: StoragePath, members: Sequence[Member], most: int) -> dict[str, bytes]:
    with tar.open("rb") as file:
        fields: dict[str, bytes] = {}
        for member in members:
            if member.size > most or member.field in fields:
                came = f"{member.size} bytes" if member.size > most else "it twice"
                raise FieldError(member.field, f"must be there once, of at most {most} bytes, got {came}")
            fields[member.field] = read_member(file, member)
        return fields
