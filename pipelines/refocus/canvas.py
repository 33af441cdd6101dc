"""At which size a photo is worked on: the trained one, or larger in tiles; and the way there and back.

Letters: L long side of the photo, T of the pictures trained on, b blur level in percent of the photo's long side.

A tile of T pixels out of a photo worked on at long side l sees the blur level b·l/T, as its own long side is the
shorter. The model knows levels up to b_max, so l = T·b_max/b is as large as it goes; beyond, the result is enlarged.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from pipelines.model.framing import Framing, to_bytes

WHOLE = 1.25
"""Up to this many times the trained long side a photo is worked on in one piece: positions carry that far."""


@dataclass(frozen=True)
class Canvas:
    """The photo as the model works on it: scaled to width x height, then padded to whole patches below and right."""

    width: int
    height: int
    padded_width: int
    padded_height: int

    @property
    def long_side(self) -> int:
        """Pixels."""
        return max(self.width, self.height)

    def picture(self, srgb: NDArray[np.uint8]) -> Tensor:
        """8 bits [h, w, 3] -> [3, H, W] in [-1, 1], padded by its mirror image."""
        height, width = srgb.shape[:2]
        scaled = Framing(0, 0, width, height, self.width, self.height).picture(srgb)  # [3, H, W] in [0, 1]
        return 2.0 * self._padded(torch.from_numpy(scaled)) - 1.0

    def disparity(self, values: NDArray[np.float32]) -> Tensor:
        """[h, w] -> [H, W], padded likewise."""
        height, width = values.shape
        scaled = Framing(0, 0, width, height, self.width, self.height).disparity(values)
        return self._padded(torch.from_numpy(scaled)[None])[0]

    def point(self, x: float, y: float) -> tuple[float, float]:
        """(x, y) in [0, 1] of the photo -> of the padded canvas."""
        return x * self.width / self.padded_width, y * self.height / self.padded_height

    def photo(self, display: Tensor, width: int, height: int) -> NDArray[np.uint8]:
        """[3, H, W] in [-1, 1] of the padded canvas -> 8 bits [height, width, 3]."""
        shown = to_bytes(display[:, : self.height, : self.width])
        if (self.width, self.height) == (width, height):
            return shown
        return np.asarray(cv2.resize(shown, (width, height), interpolation=cv2.INTER_CUBIC))

    def _padded(self, picture: Tensor) -> Tensor:
        """[C, h, w] -> [C, H, W]. Mirrored where there is enough to mirror, else the rim is drawn out."""
        right, below = self.padded_width - self.width, self.padded_height - self.height
        mode = "reflect" if right < self.width and below < self.height else "replicate"
        return functional.pad(picture[None], (0, right, 0, below), mode=mode)[0]


def canvas_of(size: tuple[int, int], long_side: int, patch_px: int) -> Canvas:
    """A photo of `size` (width, height) at a long side of at most `long_side` pixels, never enlarged."""
    scale = min(1.0, long_side / max(size))
    width, height = (max(patch_px, round(side * scale)) for side in size)
    whole = [-(-side // patch_px) * patch_px for side in (width, height)]
    return Canvas(width, height, *whole)


def working_long_side(photo: int, trained: int, blur_level: float, blur_level_max: float, in_tiles: bool) -> int:
    """L, T, b, b_max -> the long side to work at, pixels."""
    if photo <= WHOLE * trained:
        return photo
    largest = trained * blur_level_max / blur_level if in_tiles else trained
    return trained if largest <= WHOLE * trained else min(photo, int(largest))
