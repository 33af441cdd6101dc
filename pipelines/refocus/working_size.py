"""The size at which the model works on a photo, and scaling to it and back.

Letters: T long side of the pictures trained on, b blur level in percent of the photo's long side, b_max the strongest
blur level trained on, l working long side.

A tile of T pixels out of a photo at long side l has the blur level b·l/T, as its own long side is shorter. That level
must not exceed b_max, so l = T·b_max/b is the largest working size; a photo beyond it is enlarged from there.
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

MAX_ONE_PIECE = 1.25
"""Photos up to this many times the trained long side need no tiles: rotary positions carry that far."""


@dataclass(frozen=True)
class WorkingSize:
    """Pixels of the scaled photo, and with the padding to whole patches at its bottom and right."""

    width: int
    height: int
    padded_width: int
    padded_height: int

    @classmethod
    def for_photo(cls, size: tuple[int, int], long_side: int, patch_px: int) -> WorkingSize:
        """A photo of `size` (width, height) at a long side of at most `long_side` pixels, never enlarged."""
        scale = min(1.0, long_side / max(size))
        width, height = (max(patch_px, round(side * scale)) for side in size)
        padded = [-(-side // patch_px) * patch_px for side in (width, height)]
        return cls(width, height, *padded)

    @property
    def long_side(self) -> int:
        """Long side of the scaled photo without padding, pixels."""
        return max(self.width, self.height)

    @property
    def padded(self) -> tuple[int, int]:
        """Height and width with padding, pixels."""
        return self.padded_height, self.padded_width

    def picture(self, srgb: NDArray[np.uint8]) -> Tensor:
        """The photo, uint8 [h, w, 3] -> [3, H, W] display values in [-1, 1], padded by reflection."""
        height, width = srgb.shape[:2]
        scaled = Framing(0, 0, width, height, self.width, self.height).picture(srgb)  # [3, H, W] in [0, 1]
        return 2.0 * self._padded(torch.from_numpy(scaled)) - 1.0

    def disparity(self, values: NDArray[np.float32]) -> Tensor:
        """[h, w] -> [H, W], scaled and padded like the picture."""
        height, width = values.shape
        scaled = Framing(0, 0, width, height, self.width, self.height).disparity(values)
        return self._padded(torch.from_numpy(scaled)[None])[0]

    def point_px(self, x: float, y: float) -> tuple[float, float]:
        """(x, y) in [0, 1] of the photo -> working pixels."""
        return x * self.width, y * self.height

    def photo(self, display: Tensor, width: int, height: int) -> NDArray[np.uint8]:
        """The padded picture [3, H, W] in [-1, 1] -> uint8 [height, width, 3]."""
        cropped = to_bytes(display[:, : self.height, : self.width])
        if (self.width, self.height) == (width, height):
            return cropped
        return np.asarray(cv2.resize(cropped, (width, height), interpolation=cv2.INTER_CUBIC))

    def _padded(self, picture: Tensor) -> Tensor:
        """[C, h, w] -> [C, H, W], by reflection, or by replicating the border where too little is there to reflect."""
        right, below = self.padded_width - self.width, self.padded_height - self.height
        mode = "reflect" if right < self.width and below < self.height else "replicate"
        return functional.pad(picture[None], (0, right, 0, below), mode=mode)[0]


def working_long_side(photo: int, trained: int, blur_level: float, blur_level_max: float, in_tiles: bool) -> int:
    """The long side l to work at, pixels, from that of the photo, T, b and b_max."""
    if photo <= MAX_ONE_PIECE * trained:
        return photo
    largest = trained * blur_level_max / blur_level if in_tiles else trained
    return trained if largest <= MAX_ONE_PIECE * trained else min(photo, int(largest))
