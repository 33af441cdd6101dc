"""Highlights: light above white that a photo has clipped is estimated; tone rules map it back to a display's range.

A lamp of fifty times white and a sheet of paper are both 255 in a photo, but only the lamp makes a bright disc when it
is blurred. Small clipped spots are taken for lamps, wide clipped areas (a sky, a wall) for white.

Letters: M brightest channel of a pixel; k knee; p peak; A share of clipped pixels in the window around a pixel.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class HighlightCurve:
    """light · (1 + (p − 1) t² (1 − A)²), t = (M − k) / (1 − k) clamped to [0, 1]. The same factor for all channels.

    knee:   k, linear light from which a pixel may be clipped, in (0, 1); 0.87 is 240 of 255.
    peak:   p, factor of the middle of a small clipped spot, >= 1; 1 changes nothing.
    window: side of the window of A, as a share of the long side, in (0, 1].
    """

    knee: float = 0.87
    peak: float = 8.0
    window: float = 0.05

    def __post_init__(self) -> None:
        if not 0 < self.knee < 1:
            raise ValueError(f"highlight knee must lie in (0, 1), got {self.knee}")
        if not (math.isfinite(self.peak) and self.peak >= 1):
            raise ValueError(f"highlight peak must be finite and >= 1, got {self.peak}")
        if not 0 < self.window <= 1:
            raise ValueError(f"highlight window must lie in (0, 1], got {self.window}")

    def expanded(self, image: Float[Tensor, "3 h w"]) -> Float[Tensor, "3 h w"]:
        """A photo in linear light with its lamps above 1. Hues stay, and pixels below the knee are unchanged."""
        if self.peak == 1.0:
            return image
        clipped = ((image.amax(dim=0) - self.knee) / (1.0 - self.knee)).clamp(0.0, 1.0)  # [H, W] t
        reach = max(1, round(self.window * max(clipped.shape) / 2))
        return image * (1.0 + (self.peak - 1.0) * clipped**2 * (1.0 - _mean_around(clipped, reach)) ** 2)


def clipped_at_white(linear: Float[Tensor, ...]) -> Float[Tensor, ...]:
    """Light clipped to [0, 1] channel by channel, as a camera does: tone rule `clip`."""
    return linear.clamp(0.0, 1.0)


def soft_shoulder(linear: Float[Tensor, "*f 3 h w"], start: float = 0.8) -> Float[Tensor, "*f 3 h w"]:
    """Tone rule `shoulder`: M' = s + (1 − s)(1 − exp(−(M − s) / (1 − s))) above s; hues stay, white is never reached.

    It is smooth at s. A photo's own white comes out at 1 − (1 − s)/e, 0.93.
    """
    brightest = linear.clamp(min=0.0).amax(dim=-3, keepdim=True)
    above = (brightest - start).clamp(min=0.0) / (1.0 - start)
    toned = torch.where(brightest > start, start + (1.0 - start) * (1.0 - torch.exp(-above)), brightest)
    return linear.clamp(min=0.0) * (toned / brightest.clamp(min=1e-6))


def _mean_around(values: Float[Tensor, "h w"], reach: int) -> Float[Tensor, "h w"]:
    """Mean over a square window of 2·reach + 1, edges repeated: two passes of running sums."""
    for _ in range(2):
        padded = F.pad(values[None, None], (reach, reach, 0, 0), mode="replicate")[0, 0].double()
        sums = F.pad(padded.cumsum(dim=1), (1, 0))
        window = 2 * reach + 1
        values = ((sums[:, window:] - sums[:, :-window]) / window).to(values.dtype).T.contiguous()
    return values
