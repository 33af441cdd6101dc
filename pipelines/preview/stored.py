"""The samples of a data set where they lie: labels are read at once, pixels one sample at a time.

A damaged sample is left out and said so: the page is there to show what is wrong, too.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

from pipelines.errors import UserError
from shards.access import DAMAGE, StoredFields, list_samples
from shards.archive import Member
from shards.codec import decode, decode_record
from shards.reader import find_shards
from shards.record import SampleRecord
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
        return dict(StoredFields(self.tar, self.members))


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
    except DAMAGE as error:
        return Unreadable(stored.key, str(error))


def _samples_of(tar: StoragePath) -> Iterator[StoredSample | Unreadable]:
    samples, damage = list_samples(tar)
    yield from (_labeled(tar, key, members) for key, members in samples)
    if damage:
        yield Unreadable("*", f"{tar.name}: {damage}")


def _labeled(tar: StoragePath, key: str, members: Sequence[Member]) -> StoredSample | Unreadable:
    try:
        check_key(key)
        return StoredSample(key, tar, tuple(members), decode_record(StoredFields(tar, members)))
    except DAMAGE as error:
        return Unreadable(key, f"{tar.name}: {error}")
