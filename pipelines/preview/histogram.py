"""Counts to be drawn: histograms on straight or logarithmic axes, and maps of two values at once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

BINS = 24


@dataclass(frozen=True)
class Histogram:
    """Counts of a value between `edges`; one edge more than counts."""

    title: str
    unit: str
    edges: tuple[float, ...]
    counts: tuple[int, ...]
    note: str = ""

    def __post_init__(self) -> None:
        if len(self.edges) != len(self.counts) + 1:
            raise ValueError(f"edges must be one more than counts, got {len(self.edges)} and {len(self.counts)}")

    @property
    def most(self) -> int:
        """The highest count, at least 1."""
        return max(1, *self.counts)

    def bin(self, value: float) -> int:
        """Number of the bar in which a value is counted; values beyond the ends are in the outermost."""
        place = int(np.searchsorted(self.edges, value, side="right")) - 1
        return min(max(place, 0), len(self.counts) - 1)


@dataclass(frozen=True)
class CountMap:
    """Counts over two values: `counts[row][column]`, the first row on top."""

    title: str
    across: str
    down: str
    counts: tuple[tuple[int, ...], ...]
    note: str = ""

    @property
    def most(self) -> int:
        """The highest count, at least 1."""
        return max(1, *(count for row in self.counts for count in row))

    @property
    def covered(self) -> float:
        """Share of the cells that hold anything."""
        cells = [count for row in self.counts for count in row]
        return sum(count > 0 for count in cells) / len(cells)


def histogram(
    title: str, values: Sequence[float], unit: str = "", *, span: tuple[float, float] | None = None, log: bool = False
) -> Histogram:
    """Count values into BINS bins over `span`, or over their own range; `log` takes positive values only."""
    low, high = span or (min(values), max(values))
    if not high > low:
        low, high = (low / 1.1, high * 1.1) if log and low > 0 else (low - 0.5, high + 0.5)
    edges = np.geomspace(low, high, BINS + 1) if log else np.linspace(low, high, BINS + 1)
    edges[0], edges[-1] = low, high  # geomspace may round the ends inwards
    counts, _ = np.histogram(np.clip(values, low, high), edges)
    return Histogram(title, unit, tuple(edges.tolist()), tuple(counts.tolist()))


def count_map(
    labels: tuple[str, str, str], x: Sequence[float], y: Sequence[float], *, columns: int, rows: int
) -> CountMap:
    """Count points (x, y) of the unit square; `labels`: title, across, down. y = 0 is the top row."""
    counts, _, _ = np.histogram2d(np.clip(y, 0, 1), np.clip(x, 0, 1), bins=(rows, columns), range=((0, 1), (0, 1)))
    return CountMap(*labels, counts=tuple(tuple(int(c) for c in row) for row in counts))
