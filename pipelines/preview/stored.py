"""The samples of a data set where they lie: labels are read at once, pixels one sample at a time.

A damaged sample is left out and said so: the page is there to show what is wrong, too.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter

from pipelines.errors import UserError
from shards.access import DAMAGE, SamplePlace, ShardFile, sample_places
from shards.archive import Member
from shards.codec import check_fields, decode, decode_record
from shards.reader import find_shards
from shards.record import SampleRecord
from shards.sample import Sample, check_key
from shards.storage import StoragePath
from shards.stored_fields import StoredFields


@dataclass(frozen=True)
class StoredSample:
    """One sample: its labels, and where its fields are."""

    key: str
    tar: StoragePath
    members: tuple[Member, ...]
    record: SampleRecord

    def fields(self) -> dict[str, bytes]:
        """The bytes of every field. Raises FieldError, OSError, StoreError."""
        stored = StoredFields(self.tar, self.members)
        return stored.read(check_fields(stored, self.record))


@dataclass(frozen=True)
class Unreadable:
    """A sample that is not shown, and why."""

    key: str
    reason: str


def find_stored(out: StoragePath) -> tuple[list[StoredSample], list[Unreadable]]:
    """All samples by key, and those whose labels cannot be read.

    Raises UserError when nothing can be read, or a shard is not finished.
    """
    try:
        shards = [shard for shard in find_shards(out) if shard.samples]
    except ValueError as error:
        raise UserError(f"{error}; see `refocus-foundry verify {out}`", exit_code=1) from error
    entries = [entry for shard in shards for entry in _samples_of(shard)]
    samples = [entry for entry in entries if isinstance(entry, StoredSample)]
    unreadable = [entry for entry in entries if isinstance(entry, Unreadable)]
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


def _samples_of(shard: ShardFile) -> Iterator[StoredSample | Unreadable]:
    places, damage = sample_places(shard)
    yield from (_labeled(shard.path, place) for place in places)
    if damage:
        yield Unreadable("*", f"{shard.path.name}: {damage}")


def _labeled(tar: StoragePath, place: SamplePlace) -> StoredSample | Unreadable:
    try:
        check_key(place.key)
        return StoredSample(place.key, tar, tuple(place.members), decode_record(StoredFields(tar, place.members)))
    except DAMAGE as error:
        return Unreadable(place.key, f"{tar.name}: {error}")
