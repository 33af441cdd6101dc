"""Statistics over the pixels of a photo from its distinct disparities: a twelfth of the time for a stack of twelve."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class DistinctDepths:
    """Disparities that occur, ascending [n], and how many pixels have each [n]."""

    values: npt.NDArray[np.float64]
    pixels: npt.NDArray[np.int64]

    @classmethod
    def of(cls, disparity: npt.NDArray[np.float32]) -> DistinctDepths:
        """Those of any array of disparities."""
        values, pixels = np.unique(disparity, return_counts=True)
        return cls(values.astype(np.float64), pixels)

    def share(self, mask: npt.NDArray[np.bool_]) -> float:
        """Share of the pixels whose disparity [n] is in the mask."""
        return float(self.pixels[mask].sum() / self.pixels.sum())

    def percentile(self, quantity: npt.NDArray[np.float64], percent: float) -> float:
        """`np.percentile` over the pixels, bit for bit, of a quantity [n] that depends on their disparity."""
        order = np.argsort(quantity)
        ends = np.cumsum(self.pixels[order])
        place = (ends[-1] - 1) * (percent / 100)
        index = math.floor(place)
        below, above = quantity[order[np.searchsorted(ends, (index, min(index + 1, ends[-1] - 1)), side="right")]]
        t = place - index
        return float(above - (above - below) * (1 - t) if t >= 0.5 else below + (above - below) * t)
