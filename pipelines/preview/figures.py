"""The figures that the report draws as histograms, and where each sample stands in them.

A frame counts once; a plane counts once, not once a blur level.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pipelines.preview.histogram import Histogram, histogram
from shards.record import SampleRecord


@dataclass(frozen=True)
class Figure:
    """One value of the labels: what its histogram needs."""

    title: str
    unit: str
    values: Callable[[SampleRecord], list[float]]
    span: tuple[float, float] | None = None
    log: bool = False

    def histogram(self, records: Sequence[SampleRecord]) -> Histogram:
        """Counts over all samples."""
        values = [value for record in records for value in self.values(record)]
        return histogram(self.title, values, self.unit, span=self.span, log=self.log)


def figures_of(records: Sequence[SampleRecord]) -> tuple[Figure, ...]:
    """The figures for these samples: the axis of the planes depends on the kinds of disparity among them."""
    relative = all(record.disparity.kind == "relative" for record in records)
    units = {record.disparity.unit for record in records}
    unit = {"1": "", "1/m": "1/m"}[units.pop()] if len(units) == 1 else "1 or 1/m"
    return (
        Figure("Planes in focus, D_f", unit, _planes, (0.0, 1.0) if relative else None),
        Figure("Blur levels", "% of the long side", lambda record: [f.blur_level for f in record.frames], log=True),
        Figure("Radius, 95th percentile", "px", lambda record: [f.radius_p95_px for f in record.frames]),
        Figure("Radius, largest", "px", lambda record: [f.radius_max_px for f in record.frames]),
        Figure(
            "In focus", "% of the pixels", lambda record: [100 * f.in_focus_fraction for f in record.frames], (0, 100)
        ),
    )


def bins_of(record: SampleRecord, figures: Sequence[Figure], histograms: Sequence[Histogram]) -> list[list[int]]:
    """For each figure, the numbers of the bars that the sample counts in."""
    pairs = zip(figures, histograms, strict=True)
    return [sorted({counted.bin(value) for value in figure.values(record)}) for figure, counted in pairs]


def _planes(record: SampleRecord) -> list[float]:
    return [frame.focus_disparity for frame in record.frames[: record.planes]]
