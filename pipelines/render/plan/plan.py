"""Which photo is which sample of which shard, frozen before any work: `OUT/.meta/plan.json`.

A plan is a pure function of the plan before it, the new photos, their perceptual hashes and two settings. Samples
never move: new ones go into new shards, numbered after the old ones of their split.
"""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pipelines.errors import UserError, refusing
from pipelines.render.photos.photo import PhotoSource
from shards.foreign_file import read_foreign
from shards.record import SPLITS
from shards.storage import StoragePath

PLAN_VERSION = 3
MAX_SAMPLES = 10**8  # keys have 8 digits
MAX_PLAN_BYTES = 1 << 34  # of ten million samples, with all their labels


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


@dataclass(frozen=True)
class Plan:
    """Every shard of a data set, in the order in which they are rendered.

    A scene is planned once, and once more each time its rejection is tried again: its last sample is the one that
    counts.
    """

    shards: tuple[PlannedShard, ...]

    @property
    def samples(self) -> int:
        return sum(len(shard.samples) for shard in self.shards)

    def in_key_order(self) -> list[tuple[PlannedShard, PlannedSample]]:
        """Every sample with its shard, in the order in which they were planned."""
        pairs = ((shard, sample) for shard in self.shards for sample in shard.samples)
        return sorted(pairs, key=lambda pair: pair[1].key)

    @cached_property
    def latest(self) -> dict[str, tuple[PlannedShard, PlannedSample]]:
        """scene_id -> shard and sample of its last try."""
        return {sample.photo.scene_id: (shard, sample) for shard, sample in self.in_key_order()}

    @property
    def photos(self) -> list[PhotoSource]:
        """Each photo once, in the order in which they were planned first."""
        return list({sample.photo.scene_id: sample.photo for _, sample in self.in_key_order()}.values())

    def is_last_try(self, shard: PlannedShard, scene_id: str) -> bool:
        """Whether the scene was not planned again in a later shard."""
        return self.latest[scene_id][0].name == shard.name

    def with_locations(self, photos: Sequence[PhotoSource]) -> Plan:
        """The same plan with the present locations of these photos; the locations of others stay."""
        location = {photo.scene_id: photo.location for photo in photos}
        return Plan(
            tuple(
                dataclasses.replace(shard, samples=tuple(_with_location(sample, location) for sample in shard.samples))
                for shard in self.shards
            )
        )

    def with_photos(
        self, photos: Sequence[PhotoSource], splits: Mapping[str, str], hashes: Mapping[str, str], shard_size: int
    ) -> Plan:
        """The plan with samples for these photos in new shards; `splits` and `hashes` by scene_id.

        Raises UserError beyond 10^8 samples, and ValueError when two photos are the same scene.
        """
        total = self.samples + len(photos)
        if total > MAX_SAMPLES:
            raise UserError(f"--photos: a data set holds at most {MAX_SAMPLES} samples, got {total}; use --limit")
        if len({photo.scene_id for photo in photos}) != len(photos):
            raise ValueError("photos must be different scenes, got a scene_id twice")
        by_split: dict[str, list[PlannedSample]] = {split: [] for split in SPLITS}
        for index, photo in enumerate(photos, start=self.samples):
            sample = PlannedSample(f"{index:08d}", photo, hashes.get(photo.scene_id, ""))
            by_split[splits[photo.scene_id]].append(sample)
        shards_before = Counter(shard.split for shard in self.shards)
        new = [
            PlannedShard(f"{split}-{number:06d}", split, tuple(samples[start : start + shard_size]))
            for split, samples in by_split.items()
            for number, start in enumerate(range(0, len(samples), shard_size), start=shards_before[split])
        ]
        return Plan((*self.shards, *new))


def _with_location(sample: PlannedSample, location: Mapping[str, str]) -> PlannedSample:
    present = location.get(sample.photo.scene_id, sample.photo.location)
    return dataclasses.replace(sample, photo=dataclasses.replace(sample.photo, location=present))


def plan_to_json(plan: Plan) -> bytes:
    """Readable, and the same bytes for the same plan."""
    content = {"plan_version": PLAN_VERSION, "shards": [dataclasses.asdict(shard) for shard in plan.shards]}
    return (json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def read_plan(path: StoragePath) -> Plan:
    """The plan of a data set. Raises UserError when the file cannot be one."""
    with refusing(f"the plan {path}", "choose another --out"):
        content = json.loads(read_foreign(path, max_bytes=MAX_PLAN_BYTES))
        if content["plan_version"] != PLAN_VERSION:
            raise ValueError(f"plan_version is {content['plan_version']}, this program reads {PLAN_VERSION}")
        return Plan(tuple(_shard(**shard) for shard in content["shards"]))


def check_same_photos(path: StoragePath, plan: Plan, photos: Sequence[PhotoSource]) -> None:
    """Raise UserError when the photos are not those of the plan at `path`.

    Locations may differ: a shard stores everything else that the record says of a photo.
    """
    before, found = ({dataclasses.replace(p, location="") for p in each} for each in (plan.photos, photos))
    if before != found:
        gone, new = (sorted(each, key=lambda photo: photo.name) for each in (before - found, found - before))
        examples = ", ".join(dict.fromkeys(photo.name for photo in (gone + new)[:3]))
        raise UserError(
            f"{path.parent.parent} was planned for {len(before)} photos; now {len(gone)} of them are gone or changed "
            f"and {len(new)} are new ({examples}); pass --append to add new ones in shards of their own, put the "
            "photos back to resume, or choose another --out"
        )


def _shard(name: str, split: str, samples: list[dict[str, Any]]) -> PlannedShard:
    planned = (PlannedSample(sample["key"], PhotoSource(**sample["photo"]), sample["near_hash"]) for sample in samples)
    return PlannedShard(name, split, tuple(planned))
