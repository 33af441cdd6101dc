"""What every way to refocus offers: a photo is prepared once, then refocused as often as asked."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import UserError
from pipelines.refocus.reference_lens import PhotoLens
from simulator import ThinLens

UNKNOWN_LENS = PhotoLens()


@dataclass(frozen=True)
class FocusRequest:
    """One frame asked for. Raises UserError for a point outside the photo, or a level that is not positive.

    focus_point: (x, y) in [0, 1]; the plane at this point becomes sharp.
    blur_level: percent of the photo's long side: blur radius one whole depth range off the plane in focus.
    """

    focus_point: tuple[float, float]
    blur_level: float

    def __post_init__(self) -> None:
        x, y = self.focus_point
        if not (0.0 <= x <= 1.0 and 0.0 <= y <= 1.0):  # false for NaN
            raise UserError(f"the focus point must lie in [0, 1] x [0, 1] (0,0 is top left); got {x:g},{y:g}")
        level = self.blur_level
        if not (math.isfinite(level) and level > 0):
            raise UserError(f"the blur level must be a number above 0 (percent of the long side); got {level}")


@dataclass(frozen=True)
class PreparedPhoto:
    """A photo with everything done that does not depend on the frame asked for.

    frames: requests and a seed -> uint8 [H, W, 3] each, one by one. The seed is that of the noise, where there is any.
    sharp: the all-in-focus picture [H, W, 3], where this way makes one.
    lens, lens_source: what the photo was taken with, None for sharp everywhere; "unused" where nothing asks for it.
    """

    frames: Callable[[Sequence[FocusRequest], int], Iterator[NDArray[np.uint8]]]
    sharp: NDArray[np.uint8] | None = None
    lens: ThinLens | None = None
    lens_source: Literal["estimated", "given", "unused"] = "unused"


class Refocuser(ABC):
    """A way to refocus: photo, disparity, focus point and blur level in, photo out."""

    @abstractmethod
    def prepare(
        self, photo_srgb: NDArray[np.uint8], disparity: NDArray[np.float32] | None, photo_lens: PhotoLens = UNKNOWN_LENS
    ) -> PreparedPhoto:
        """Photo [H, W, 3] and disparity [H, W] in [0, 1], bigger is nearer (None: unknown); what is known of its lens.

        Raises UserError for arguments that are none, or that this way cannot do with.
        """

    def refocus(
        self,
        photo_srgb: NDArray[np.uint8],
        disparity: NDArray[np.float32] | None,
        focus_point: tuple[float, float],
        blur_level: float,
        *,
        photo_lens: PhotoLens = UNKNOWN_LENS,
        seed: int = 0,
    ) -> NDArray[np.uint8]:
        """One frame, uint8 [H, W, 3]. Raises UserError as `prepare` and FocusRequest do."""
        request = FocusRequest(focus_point, blur_level)
        return next(self.prepare(photo_srgb, disparity, photo_lens).frames([request], seed))


def check_photo(photo_srgb: NDArray[np.uint8], disparity: NDArray[np.float32] | None) -> None:
    """Raises UserError unless they are uint8 [H, W, 3] and, where known, [H, W] in [0, 1]."""
    if photo_srgb.dtype != np.uint8 or photo_srgb.ndim != 3 or photo_srgb.shape[2] != 3:
        raise UserError(f"the photo must be uint8 [H, W, 3]; got {photo_srgb.dtype} {list(photo_srgb.shape)}")
    if disparity is None:
        return
    if disparity.shape != photo_srgb.shape[:2]:
        size, got = list(photo_srgb.shape[:2]), list(disparity.shape)
        raise UserError(f"disparity must be {size} like the photo; got {got}")
    low, high = float(disparity.min()), float(disparity.max())
    if not (low >= -1e-3 and high <= 1.0 + 1e-3):  # false for NaN
        raise UserError(f"disparity must lie in [0, 1]; got [{low:g}, {high:g}]; stretch it over the photo's own range")


def disparity_at(disparity: NDArray[np.float32], focus_point: tuple[float, float]) -> float:
    """D [H, W] at the pixel under the point."""
    height, width = disparity.shape
    column, row = min(width - 1, int(focus_point[0] * width)), min(height - 1, int(focus_point[1] * height))
    return float(disparity[row, column])
