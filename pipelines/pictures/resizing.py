"""Pictures and maps at another size: area averages where they shrink, bilinear where they grow."""

from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

Number = TypeVar("Number", bound=np.generic)


def resized(pixels: NDArray[Number], height: int, width: int) -> NDArray[Number]:
    """[h, w] or [h, w, C] -> [height, width] or [height, width, C]; the same array when it has that size.

    An area average mixes light as a coarser sensor would, so a picture should be in linear light. No value leaves the
    range of those it is made of.
    """
    if pixels.shape[:2] == (height, width):
        return pixels
    interpolation = cv2.INTER_AREA if width <= pixels.shape[1] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=interpolation), pixels.dtype)


def size_within(height: int, width: int, long_side: int) -> tuple[int, int]:
    """(height, width) scaled down, with the same aspect, to at most `long_side` pixels on the longer side."""
    scale = min(1.0, long_side / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def shrunk(pixels: NDArray[Number], long_side: int) -> NDArray[Number]:
    """[h, w, C], at most `long_side` on the longer side; the same array when it is no longer than that."""
    return resized(pixels, *size_within(pixels.shape[0], pixels.shape[1], long_side))
