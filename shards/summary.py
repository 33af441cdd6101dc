"""What the side files and the card say of a data set, gathered marker by marker: no marker is kept.

Memory grows by one entry a shard and by one count for each different license and depth source.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from .marker import Marker, SampleRow
from .record import SPLITS


@dataclass(frozen=True)
class ShardEntry:
    """One shard without its samples; the attributes are those of its marker."""

    name: str
    split: str
    tar_bytes: int
    sha256: str
    config_sha256: str
    samples: int
    frames: int
    fields: tuple[str, ...]
    schema_version: int

    @classmethod
    def from_marker(cls, marker: Marker) -> ShardEntry:
        return cls(**{name: getattr(marker, name) for name in cls.__dataclass_fields__})


class DataSetSummary:
    """Shards and samples of a data set so far; `add` its markers in the order of their names.

    Attributes:
        entries: one a shard.
        licenses: number of samples by the license of their photo.
        scene_kinds: number of built-in scenes by their kind.
        disparity_sources: number of samples by kind, source and revision of their disparity.
        blur_levels: the smallest and the largest, in percent of the long side.
        largest_radius_px: of any blur.
    """

    def __init__(self, markers: Iterable[Marker] = ()) -> None:
        self.entries: list[ShardEntry] = []
        self.licenses: Counter[str] = Counter()
        self.scene_kinds: Counter[str] = Counter()
        self.disparity_sources: Counter[tuple[str, str, str]] = Counter()
        self.blur_levels = (float("inf"), 0.0)
        self.largest_radius_px = 0.0
        for marker in markers:
            self.add(marker)

    def add(self, marker: Marker) -> None:
        """Count one more shard."""
        self._append(ShardEntry.from_marker(marker))
        for row in marker.rows:
            self.count(row)

    def count(self, row: SampleRow) -> None:
        """Count one sample."""
        self.licenses[row.license] += 1
        self.scene_kinds.update([row.scene_kind] * bool(row.scene_kind))
        self.disparity_sources[row.disparity_kind, row.disparity_source, row.disparity_source_revision] += 1
        low, high = self.blur_levels
        self.blur_levels = (min([low, *row.blur_levels]), max([high, *row.blur_levels]))
        self.largest_radius_px = max(self.largest_radius_px, row.radius_max_px)

    def merge(self, other: DataSetSummary) -> None:
        """Count the shards of another summary behind those of this one."""
        for entry in other.entries:
            self._append(entry)
        self.licenses.update(other.licenses)
        self.scene_kinds.update(other.scene_kinds)
        self.disparity_sources.update(other.disparity_sources)
        (low, high), (other_low, other_high) = self.blur_levels, other.blur_levels
        self.blur_levels = (min(low, other_low), max(high, other_high))
        self.largest_radius_px = max(self.largest_radius_px, other.largest_radius_px)

    def _append(self, entry: ShardEntry) -> None:
        if self.entries and self.entries[-1].fields == entry.fields:  # keep one copy of names that all shards share
            entry = replace(entry, fields=self.entries[-1].fields)
        self.entries.append(entry)

    @property
    def full(self) -> list[ShardEntry]:
        """Shards that hold samples; the others have no tar."""
        return [entry for entry in self.entries if entry.samples]

    @property
    def samples(self) -> int:
        return self.licenses.total()

    @property
    def config_sha256(self) -> str:
        """Hash of the settings that made the first shard that names them; "" without one."""
        return next((entry.config_sha256 for entry in self.entries if entry.config_sha256), "")

    @property
    def of_other_settings(self) -> list[str]:
        """Names of the shards that were not made by the settings of the first one."""
        return [entry.name for entry in self.entries if entry.config_sha256 not in ("", self.config_sha256)]

    def counts(self, *splits: str) -> dict[str, int]:
        """Shards with samples, samples and frames of these splits; of all without any."""
        entries = [entry for entry in self.full if entry.split in (splits or SPLITS)]
        return {
            "shards": len(entries),
            "samples": sum(entry.samples for entry in entries),
            "frames": sum(entry.frames for entry in entries),
        }
