"""Blurred share of a photo: of its tiles with contrast, those without a steep edge.

A focal stack can only be rendered from a photo that is sharp throughout; blur of the camera stays at every plane. A
tile without contrast (sky, a wall) does not count. Where there is contrast, the slope of its steepest edges, as a
share of that contrast a pixel, tells a sharp edge (1 / a few pixels) from a disc of radius r, which stretches every
edge over 2·r pixels. docs/vetting.md has the ROC behind the numbers.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

TILES = 16
"""Along the longer side: small enough that a blurred subject fills several, large enough to hold a blurred edge."""
MIN_TILE_PX = 16
MIN_CONTRAST = 0.12
"""Of display range, between the 2nd and 98th percentile of a tile: less is flat. A clear sky stays below 0.05."""
MIN_SLOPE = 0.18
"""1/px. A disc of radius r leaves 1 / (2·r); so tiles of r >= 3 px are blurred, those of r <= 2 px mostly sharp."""
NOISE_SIGMA_PX = 0.7  # smooths sensor noise and JPEG's ringing, which would pass for edges
_STEEP = 0.99  # quantile of the slopes: a tile's steepest edges rather than its worst pixel


def blurred_share(srgb: NDArray[np.uint8]) -> float:
    """Share of the tiles with contrast whose edges are all soft, in [0, 1]; 0 when no tile has contrast.

    Args:
        srgb: [H, W, 3], the photo at the size at which it is rendered: blur below its pixels is no blur.
    """
    light = cv2.cvtColor(srgb, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255  # [H, W]
    light = cv2.GaussianBlur(light, (0, 0), NOISE_SIGMA_PX)
    across, down = (cv2.Sobel(light, cv2.CV_32F, *axis, ksize=3) / 8 for axis in ((1, 0), (0, 1)))
    side = max(MIN_TILE_PX, max(light.shape) // TILES)
    low, high = np.quantile(_tiles(light, side), [0.02, 0.98], axis=1)  # [T]
    slope = np.quantile(_tiles(np.hypot(across, down), side), _STEEP, axis=1)  # [T]
    contrast = high - low
    contrasty = contrast >= MIN_CONTRAST
    soft = contrasty & (slope < MIN_SLOPE * contrast)
    return float(soft.sum() / max(1, contrasty.sum()))


def _tiles(image: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """[H, W] -> [T, side²]: T complete tiles; the remainder is left out, half at either edge."""
    rows, columns = (length // side for length in image.shape)
    if not rows or not columns:
        return image.reshape(1, -1)
    top, left = ((length - count * side) // 2 for length, count in zip(image.shape, (rows, columns), strict=True))
    covered = image[top : top + rows * side, left : left + columns * side]
    return covered.reshape(rows, side, columns, side).swapaxes(1, 2).reshape(rows * columns, side * side)
