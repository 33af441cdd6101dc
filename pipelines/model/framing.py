"""Crop, scale and mirror image of a photo: pictures, points and blur change together.

Letters: K blur scale in pixels, s = output pixels per source pixel. A crop that is enlarged by s has K' = s·K; its
blur level, in percent of the crop's long side, is 100·K'/long side: cropping to half the side doubles the level.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipelines.pictures.resizing import resized
from pipelines.pictures.srgb8 import codes_of_linear, linear_of_code
from simulator.optics.color import linear_to_srgb


@dataclass(frozen=True)
class Framing:
    """A window of the source in source pixels, and the size of the picture made from it."""

    left: int
    top: int
    crop_width: int
    crop_height: int
    width: int
    height: int
    is_mirrored: bool = False

    def __post_init__(self) -> None:
        sides = (self.crop_width, self.crop_height, self.width, self.height)
        if min(sides) < 1 or min(self.left, self.top) < 0:
            raise ValueError(f"a framing needs a window inside the photo and sides of at least 1 px, got {self}")

    @property
    def scale(self) -> float:
        """s: output pixels per source pixel, along the long side."""
        return self.width / self.crop_width if self.width >= self.height else self.height / self.crop_height

    def point(self, x_px: float, y_px: float) -> tuple[float, float]:
        """Source pixel coordinates (column + 0.5, row + 0.5) -> output coordinates, in [0, 1] inside the window."""
        x = (x_px - self.left) / self.crop_width
        y = (y_px - self.top) / self.crop_height
        return (1.0 - x if self.is_mirrored else x), y

    def picture(self, srgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Display values [h, w, 3] -> [3, H, W] in [0, 1]; scaling mixes pixels in linear light."""
        window = self._window(srgb)
        if window.shape[:2] == (self.height, self.width):
            return np.ascontiguousarray(window.transpose(2, 0, 1), np.float32) / 255.0
        linear = torch.from_numpy(self._resized(linear_of_code()[window]))  # [H, W, 3]
        display: NDArray[np.float32] = linear_to_srgb(linear).clamp(0.0, 1.0).permute(2, 0, 1).contiguous().numpy()
        return display

    def codes(self, srgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The same in 8 bits, [3, H, W]."""
        window = self._window(srgb)
        if window.shape[:2] != (self.height, self.width):
            window = codes_of_linear(self._resized(linear_of_code()[window]))
        return np.ascontiguousarray(window.transpose(2, 0, 1))

    def disparity(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """[h, w] -> [H, W]; values are not rescaled."""
        return np.ascontiguousarray(self._resized(self._window(values)))

    def _window(self, pixels: NDArray[np.generic]) -> NDArray[np.generic]:
        window = pixels[self.top : self.top + self.crop_height, self.left : self.left + self.crop_width]
        if window.shape[:2] != (self.crop_height, self.crop_width):
            raise ValueError(f"the window must lie inside {pixels.shape[1]}x{pixels.shape[0]} px, got {self}")
        return window[:, ::-1] if self.is_mirrored else window

    def _resized(self, pixels: NDArray[np.generic]) -> NDArray[np.float32]:
        return resized(np.ascontiguousarray(pixels, np.float32), self.height, self.width)


def to_bytes(display: Tensor) -> NDArray[np.uint8]:
    """[3, H, W] display values in [-1, 1] -> uint8 [H, W, 3]; values beyond are clipped."""
    scaled = ((display.clamp(-1.0, 1.0) + 1.0) * 127.5).round().to(torch.uint8)
    return np.ascontiguousarray(scaled.permute(1, 2, 0).cpu().numpy())
