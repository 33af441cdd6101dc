"""Which photo is which sample of which shard, frozen before any work: `OUT/.meta/plan.json`.

A pure function of the photos and two settings. The split hangs on the scene alone (its content's hash), so that a
scene never changes sides, whatever else is in the data set and whatever its seed.
"""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.errors import UserError
from pipelines.render.config import StorageConfig
from pipelines.render.photos import PhotoSource
from pipelines.render.seeds import uniform
from shards.sample import SPLITS

PLAN_VERSION = 1
MAX_SAMPLES = 10**8  # keys have 8 digits


@dataclass(frozen=True)
class PlannedSample:
    """One photo and the key of its sample: 8 digits, its place in the order of the photos."""

    key: str
    photo: PhotoSource


@dataclass(frozen=True)
class PlannedShard:
    """The samples of one tar, all of one split. The name is that of the tar, `train-000000`."""

    name: str
    split: str
    samples: tuple[PlannedSample, ...]


@dataclass(frozen=True)
class Plan:
    """Every shard of a data set, in the order in which they are rendered."""

    shards: tuple[PlannedShard, ...]

    @property
    def samples(self) -> int:
        return sum(len(shard.samples) for shard in self.shards)

    @property
    def samples_by_split(self) -> dict[str, int]:
        counts = Counter(dict.fromkeys(SPLITS, 0))
        for shard in self.shards:
            counts[shard.split] += len(shard.samples)
        return dict(counts)

    @property
    def photos(self) -> list[PhotoSource]:
        """In the order of their keys."""
        planned = (sample for shard in self.shards for sample in shard.samples)
        return [sample.photo for sample in sorted(planned, key=lambda sample: sample.key)]


def make_plan(photos: Sequence[PhotoSource], storage: StorageConfig) -> Plan:
    """Number the photos, assign splits, cut each split into shards.

    Raises UserError beyond 10^8 photos, and ValueError when two photos are the same scene.
    """
    if len(photos) > MAX_SAMPLES:
        raise UserError(f"--photos: a data set holds at most {MAX_SAMPLES} samples, got {len(photos)}; use --limit")
    if len({photo.scene_id for photo in photos}) != len(photos):
        raise ValueError("photos must be different scenes, got a scene_id twice")
    by_split: dict[str, list[PlannedSample]] = {split: [] for split in SPLITS}
    for index, photo in enumerate(photos):
        split = split_of(photo.scene_id, storage.split_fractions)
        by_split[split].append(PlannedSample(f"{index:08d}", photo))
    size = storage.samples_per_shard
    return Plan(
        tuple(
            PlannedShard(f"{split}-{number:06d}", split, tuple(samples[start : start + size]))
            for split, samples in by_split.items()
            for number, start in enumerate(range(0, len(samples), size))
        )
    )


def split_of(scene_id: str, fractions: tuple[float, float, float]) -> str:
    """train, val or test: by the scene's own hash, with these expected shares."""
    place = uniform("split", scene_id)
    train, val, _ = fractions
    if place < train:
        return "train"
    return "val" if place < train + val else "test"


def plan_to_json(plan: Plan) -> bytes:
    """Readable, and the same bytes for the same plan."""
    content = {"plan_version": PLAN_VERSION, "shards": [dataclasses.asdict(shard) for shard in plan.shards]}
    return (json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def read_plan(path: Path) -> Plan:
    """The plan of a data set. Raises UserError when the file cannot be one."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["plan_version"] != PLAN_VERSION:
            raise ValueError(f"plan_version is {content['plan_version']}, this program reads {PLAN_VERSION}")
        return Plan(tuple(_shard(**shard) for shard in content["shards"]))
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} must be a plan of this program, got {error}; choose another --out") from error


def check_same_photos(path: Path, now: Plan) -> None:
    """Raise UserError when the photos are not those that the plan at `path` froze.

    Where they lie may have changed: what counts is what a shard says of them.
    """
    before, found = ({_without_location(photo) for photo in plan.photos} for plan in (read_plan(path), now))
    if before != found:
        gone, new = (sorted(some, key=lambda photo: photo.name) for some in (before - found, found - before))
        examples = ", ".join(dict.fromkeys(photo.name for photo in (gone + new)[:3]))
        raise UserError(
            f"{path.parent.parent} was planned for {len(before)} photos; now {len(gone)} of them are gone or changed "
            f"and {len(new)} are new ({examples}); put the photos back to resume it, or choose another --out"
        )


def _without_location(photo: PhotoSource) -> PhotoSource:
    return dataclasses.replace(photo, location="")


def _shard(name: str, split: str, samples: list[dict[str, Any]]) -> PlannedShard:
    planned = (PlannedSample(sample["key"], PhotoSource(**sample["photo"])) for sample in samples)
    return PlannedShard(name, split, tuple(planned))
