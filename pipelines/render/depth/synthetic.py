"""Synthetic depth: a simple shape in place of a photo's depth, to try the pipeline without a depth model.

It knows nothing of the photo. Records, card and fingerprint name it `synthetic:SHAPE`; a data set of it trains nobody.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from pipelines.errors import Rejection, UserError
from pipelines.render.depth.disparity_map import UNITS, DisparityMap, Kind, PreparedDepth
from pipelines.render.depth.origin import DepthOrigin
from pipelines.render.photos.photo import Photo
from shards.licenses import SYNTHETIC_DEPTH

REVISION = "1"
"""Of the formulas below."""
_CENTER_RADIUS = 0.5  # standard deviation of the near thing, in halves of the short side


def check_synthetic(shape: str, *, kind: Kind | None) -> DepthOrigin:
    """The origin. Raises UserError when --depth-kind says metric."""
    if kind == "metric":
        raise UserError(f"--depth {shape} gives relative depth, --depth-kind says metric; leave it out")
    return DepthOrigin(SYNTHETIC_DEPTH + shape, REVISION, "", False, True, kind="relative")


@dataclass(frozen=True)
class SyntheticDepth:
    """Estimator that gives each photo the same shape."""

    shape: str

    def prepared(self, photo: Photo) -> DisparityMap:
        """The shape at the photo's size."""
        values = synthetic_disparity(self.shape, *photo.srgb.shape[:2])
        return DisparityMap(values, "relative", UNITS["relative"], SYNTHETIC_DEPTH + self.shape, REVISION)

    def maps(self, photos: Sequence[Photo], prepared: Sequence[PreparedDepth]) -> list[DisparityMap | Rejection]:
        """What is prepared: it needs no device."""
        return [one for one in prepared if not isinstance(one, Tensor)]


def synthetic_disparity(shape: str, height: int, width: int) -> NDArray[np.float32]:
    """Relative disparity [height, width]: a constant, near at the bottom, or near in the middle."""
    rows, columns = np.arange(height)[:, None] / (height - 1), np.arange(width) / (width - 1)  # [H, 1], [W] in [0, 1]
    if shape == "flat":
        return np.full((height, width), 0.5, np.float32)
    if shape == "gradient":
        return np.repeat(rows, width, 1).astype(np.float32)
    short = min(height, width)
    squared = ((2 * rows - 1) * height / short) ** 2 + ((2 * columns - 1) * width / short) ** 2  # 1: the nearer side
    near = np.exp(-squared / (2 * _CENTER_RADIUS**2))
    disparity: NDArray[np.float32] = ((near - near.min()) / np.ptp(near)).astype(np.float32)
    return disparity
