"""A scene in 1/m as the test set has it: disparity becomes relative, D = (D_m − low) / range, and K grows by the range.

The blur of a lens stays the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipelines.benchmark.tasks import DISPARITY_SCALE, Frame
from simulator import ThinLens


@dataclass(frozen=True)
class MetricScale:
    """codes uint16 [H, W] of disparity in [0, 1]; low, range in 1/m."""

    codes: npt.NDArray[np.uint16]
    low: float
    range: float

    @classmethod
    def of(cls, disparity: npt.NDArray[np.float32]) -> MetricScale:
        """The scale of a map [H, W] in 1/m."""
        low, depth_range = float(disparity.min()), float(np.ptp(disparity.astype(np.float64)))
        codes = np.rint((disparity.astype(np.float64) - low) / depth_range * DISPARITY_SCALE).astype(np.uint16)
        return cls(codes, low, depth_range)

    @property
    def size(self) -> tuple[int, int]:
        """(H, W)."""
        return self.codes.shape[0], self.codes.shape[1]

    def frame(self, name: str, file: str, lens: ThinLens) -> Frame:
        """The frame of a metric lens, its focus point on the pixel whose disparity is nearest to the plane in focus."""
        focus = (lens.focus_disparity - self.low) / self.range
        off_plane = np.abs(self.codes / DISPARITY_SCALE - focus)
        row, column = np.unravel_index(int(off_plane.argmin()), off_plane.shape)
        level = 100 * lens.blur_scale_px * self.range / max(self.size)
        return Frame(name, file, int(row), int(column), focus, level)
