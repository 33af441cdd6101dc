"""Which photo is which sample of which shard, frozen before any work: `OUT/.meta/plan.jsonl`.

A plan is a pure function of the plan before it, the new photos, their perceptual hashes and two settings. Samples
never move: new ones go into new shards, numbered after the old ones of their split. In memory a plan is columns, and
on disk lines: neither holds all records at once.
"""

from __future__ import annotations

import hashlib
import json
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from io import BufferedIOBase
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import UserError, refusing
from pipelines.render.photos.content import ContentHashes
from pipelines.render.photos.photo import PhotoSource
from pipelines.render.photos.photo_list import LABELS
from pipelines.render.photos.table import PhotoTable
from shards.durable import open_durably
from shards.foreign_file import open_foreign
from shards.marker import check_shard_name
from shards.record import SPLITS
from shards.storage import StoragePath

PLAN_VERSION = 4
MAX_SAMPLES = 10**8  # keys have 8 digits
MAX_LINE_BYTES = 1 << 20  # of a sample whose labels are as long as they may be
_TEXTS = ("key", "name", "location", "sha256", *LABELS, "near_hash")


@dataclass(frozen=True)
class PlannedSample:
    """One photo and the key of its sample: 8 digits, its index in the order in which photos were planned."""

    key: str
    photo: PhotoSource
    near_hash: str  # perceptual hash, 16 hex digits or "": later near-duplicates join this photo's split


@dataclass(frozen=True)
class PlannedShard:
    """The samples of one tar, all of one split. The name is that of the tar, `train-000000`."""

    name: str
    split: str
    samples: tuple[PlannedSample, ...]


class Plan:
    """Every shard of a data set, in the order in which they are rendered.

    A scene is planned once, and once more each time its rejection is tried again: its last sample is the one that
    counts.
    """

    def __init__(
        self,
        photos: PhotoTable | None = None,
        shard_of: NDArray[np.int32] | None = None,
        shard_names: Sequence[str] = (),
        file_sha256: str = "",
    ) -> None:
        """
        Args:
            photos: of all samples, by key.
            shard_of: [n], index of each sample's shard.
            shard_names: of all shards.
            file_sha256: of the file that the plan was read from; "" for a plan that is not on disk.
        """
        self.tries = photos if photos is not None else PhotoTable()
        self.shard_of = shard_of if shard_of is not None else np.empty(0, np.int32)
        self.shard_names = tuple(shard_names)
        self.file_sha256 = file_sha256

    def __eq__(self, other: object) -> bool:
        """Equal samples in equal shards, wherever they were read from."""
        if not isinstance(other, Plan):
            return NotImplemented
        same = self.shard_names == other.shard_names and np.array_equal(self.shard_of, other.shard_of)
        return same and self.tries == other.tries

    __hash__ = None  # type: ignore[assignment]

    @property
    def samples(self) -> int:
        return len(self.tries)

    @property
    def shards(self) -> PlannedShards:
        return PlannedShards(self, range(len(self.shard_names)))

    def unfinished(self, finished: set[str]) -> PlannedShards:
        """The shards with other names than these."""
        return PlannedShards(self, [i for i, name in enumerate(self.shard_names) if name not in finished])

    @cached_property
    def places(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Samples sorted by shard [n], and where each shard begins in them [shards + 1]."""
        order = np.argsort(self.shard_of, kind="stable")
        return order, np.searchsorted(self.shard_of[order], np.arange(len(self.shard_names) + 1))

    @cached_property
    def _by_scene(self) -> NDArray[np.int64]:
        """Samples sorted by scene, tries of one scene in their order. [n]"""
        return np.argsort(self.tries.scene_ids, kind="stable")

    @cached_property
    def last_tries(self) -> NDArray[np.int64]:
        """The last sample of each scene, in the order in which the scenes were planned first. [scenes]"""
        ids = self.tries.scene_ids[self._by_scene]
        begins = np.append(True, ids[1:] != ids[:-1])[: len(ids)]
        ends = np.append(begins[1:], True)[: len(ids)]
        first, last = self._by_scene[begins], self._by_scene[ends]
        return last[np.argsort(first)]

    @property
    def photos(self) -> PhotoTable:
        """Each photo once, in the order in which they were planned first."""
        return self.tries.select(self.last_tries)

    @property
    def splits(self) -> NDArray[np.int8]:
        """The index in SPLITS of each of `photos`. [scenes]"""
        of_shard = [SPLITS.index(_split(name)) for name in self.shard_names]
        return np.array(of_shard, np.int8)[self.shard_of[self.last_tries]]

    def is_last_try(self, shard: PlannedShard, scene_id: str) -> bool:
        """Whether the scene was not planned again in a later shard."""
        if len(self.last_tries) == self.samples:
            return True
        ids = self.tries.scene_ids
        place = np.searchsorted(ids, np.uint64(int(scene_id, 16)), side="right", sorter=self._by_scene) - 1
        return self.shard_names[self.shard_of[self._by_scene[place]]] == shard.name

    def with_locations(self, photos: PhotoTable) -> Plan:
        """The plan with the present locations of these photos; this very plan if they lie where they lay."""
        moved = self.tries.with_locations(photos)
        return self if moved is self.tries else Plan(moved, self.shard_of, self.shard_names)

    def with_photos(self, photos: PhotoTable, splits: NDArray[np.int8], shard_size: int) -> Plan:
        """The plan with samples for these photos in new shards; `splits` [m] are indices in SPLITS.

        Raises UserError beyond 10^8 samples, and ValueError when two photos are the same scene.
        """
        total = self.samples + len(photos)
        if total > MAX_SAMPLES:
            raise UserError(f"--photos: a data set holds at most {MAX_SAMPLES} samples, got {total}; use --limit")
        if len(np.unique(photos.scene_ids)) != len(photos):
            raise ValueError("photos must be different scenes, got a scene_id twice")
        before = Counter(map(_split, self.shard_names))
        names, shard_of = list(self.shard_names), np.empty(len(photos), np.int32)
        for index, split in enumerate(SPLITS):
            members = np.flatnonzero(splits == index)
            shard_of[members] = len(names) + np.arange(len(members)) // shard_size
            shards = -(-len(members) // shard_size)
            names += [f"{split}-{number:06d}" for number in range(before[split], before[split] + shards)]
        return Plan(self.tries.extended(photos), np.concatenate([self.shard_of, shard_of]), names)


class PlannedShards(Sequence[PlannedShard]):
    """Some shards of a plan; each is made when it is asked for."""

    def __init__(self, plan: Plan, indices: Sequence[int]) -> None:
        self._plan, self._indices = plan, indices

    def __len__(self) -> int:
        return len(self._indices)

    @overload
    def __getitem__(self, place: int) -> PlannedShard: ...

    @overload
    def __getitem__(self, place: slice) -> PlannedShards: ...

    def __getitem__(self, place: int | slice) -> PlannedShard | PlannedShards:
        if isinstance(place, slice):
            return PlannedShards(self._plan, self._indices[place])
        index, photos = self._indices[place], self._plan.tries
        order, begins = self._plan.places
        samples = (
            PlannedSample(f"{i:08d}", photos[i], photos.near_hash(i))
            for i in order[begins[index] : begins[index + 1]].tolist()
        )
        name = self._plan.shard_names[index]
        return PlannedShard(name, _split(name), tuple(samples))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and len(self) == len(other) and all(map(PlannedShard.__eq__, self, other))

    __hash__ = None  # type: ignore[assignment]

    @property
    def samples(self) -> int:
        """Number of samples in all of them."""
        _, begins = self._plan.places
        return int(sum(begins[i + 1] - begins[i] for i in self._indices))


def _split(shard_name: str) -> str:
    return shard_name.partition("-")[0]


def plan_lines(plan: Plan) -> Iterator[bytes]:
    """A plan as JSON lines: counts, then each shard followed by its samples. The same bytes for the same plan."""
    yield _line({"plan_version": PLAN_VERSION, "shards": len(plan.shard_names), "samples": plan.samples})
    for shard in plan.shards:
        yield _line({"shard": shard.name, "samples": len(shard.samples)})
        for sample in shard.samples:
            photo = sample.photo
            labels = {label: getattr(photo, label) for label in LABELS}
            where = {"key": sample.key, "name": photo.name, "location": photo.location, "sha256": photo.sha256}
            yield _line(where | labels | {"near_hash": sample.near_hash, "holds_depth": photo.holds_depth})


def _line(content: dict[str, Any]) -> bytes:
    return (json.dumps(content, ensure_ascii=False) + "\n").encode()


def write_plan(path: StoragePath, plan: Plan) -> None:
    """Write a plan; readers see the old one or the new. Raises OSError as the system does."""
    with open_durably(path) as file:
        file.writelines(plan_lines(plan))


def read_plan(path: StoragePath) -> Plan:
    """The plan of a data set. Raises UserError when the file cannot be one, or is not there."""
    if not path.is_file():  # before version 4, a plan was one JSON object in plan.json
        raise UserError(
            f"the plan {path} is not there: another version planned this data set; begin anew with --overwrite"
        )
    with refusing(f"the plan {path}", "choose another --out"), open_foreign(path) as file:
        return _parsed(_Lines(file))


class _Lines:
    """The JSON objects of a file, one a line, and the hash of what was read."""

    def __init__(self, file: BufferedIOBase) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def __iter__(self) -> Iterator[dict[str, Any]]:
        while line := self._file.readline(MAX_LINE_BYTES):
            if not line.endswith(b"\n"):
                raise ValueError("it ends within a line, or a line is too long")
            self.digest.update(line)
            content = json.loads(line)
            if not isinstance(content, dict):
                raise ValueError(f"each line must be a JSON object, got {type(content).__name__}")
            yield content


def _parsed(lines: _Lines) -> Plan:
    objects = iter(lines)
    head = next(objects, {})
    if head.get("plan_version") != PLAN_VERSION:
        raise ValueError(f"plan_version is {head.get('plan_version')}, this program reads {PLAN_VERSION}")
    photos, names = PhotoTable(), list[str]()
    keys, shard_of = array("q"), array("i")
    for shard in objects:
        for _ in range(shard["samples"]):
            sample = next(objects, {})
            _append(photos, sample)
            keys.append(int(sample["key"]))
            shard_of.append(len(names))
        check_shard_name(shard["shard"])
        names.append(shard["shard"])
    by_key = np.argsort(np.array(keys, np.int64), kind="stable")
    counts = {"shards": len(names), "samples": len(keys)}
    if any(head[name] != count for name, count in counts.items()) or len(set(names)) != len(names):
        raise ValueError(f"its first line must count its shards and samples, {counts}; it is cut, or holds one twice")
    if not np.array_equal(np.array(keys, np.int64)[by_key], np.arange(len(keys))):
        raise ValueError("keys must count from 0, each once")
    table = photos.select(by_key)
    return Plan(table, np.array(shard_of, np.int32)[by_key], names, lines.digest.hexdigest())


def _append(photos: PhotoTable, sample: dict[str, Any]) -> None:
    holds_depth = sample.pop("holds_depth", None)
    if sample.keys() != set(_TEXTS) or set(map(type, sample.values())) != {str} or type(holds_depth) is not bool:
        raise ValueError(f"each sample must have the texts {', '.join(_TEXTS)} and holds_depth")
    hashes = ContentHashes(bytes.fromhex(sample["sha256"]), sample["near_hash"], holds_depth)
    photos.append_row(sample["name"], sample["location"], tuple(sample[label] for label in LABELS), hashes)


def check_same_photos(path: StoragePath, plan: Plan, photos: PhotoTable) -> None:
    """Raise UserError when the photos are not those of the plan at `path`.

    Locations may differ: a shard stores everything else that the record says of a photo.
    """
    before = plan.photos
    was, now = before.record_hashes, photos.record_hashes
    gone, new = before.select(~np.isin(was, now)), photos.select(~np.isin(now, was))
    if gone or new:
        examples = ", ".join(dict.fromkeys([*sorted(gone.names), *sorted(new.names)][:3]))
        raise UserError(
            f"{path.parent.parent} was planned for {len(before)} photos; now {len(gone)} of them are gone or changed "
            f"and {len(new)} are new ({examples}); pass --append to add new ones in shards of their own, put the "
            "photos back to resume, or choose another --out"
        )
