"""Small bright spots: lamps, glints, stars. Blurred, each is a disc whose rim is visible.

Up to a number they are taken out of their surface and drawn one by one, each at its own radius. Others stay, and the
bins that hold them are blurred on the finest grid. Letters: N surfaces on one pixel grid; P spots.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from simulator.layers.covered_pixels import CoveredPixels

_DISPLAY_WHITE = 1.001
_SURROUND_PX, _CONTRAST, _DIMMEST = 8, 8.0, 0.05  # reach, contrast, and linear light of a spot
_LEAST_AROUND = 1e-3  # mean coverage of the surroundings: below it, light over coverage is rounding
_PIXELS_TO_A_SPOT = 256  # of the picture: bounds the time that this takes


@dataclass(frozen=True)
class BrightSpots:
    """P spots of N surfaces. All but `light` lies on the CPU, where radii are computed.

    pixel:     [P] index in the flat grid.
    light:     [c, P], c colors, times the share of the pixel that the surface covers.
    disparity: [P] float64.
    slope:     [2, P] float64, change of disparity from pixel to pixel, down and right.
    """

    pixel: Int[Tensor, "p"]
    light: Float[Tensor, "c p"]
    disparity: Float[Tensor, "p"]
    slope: Float[Tensor, "2 p"]

    @classmethod
    def taken_from(cls, pixels: CoveredPixels, index: Int[Tensor, "p"]) -> BrightSpots:
        """The pixels with these numbers as spots. Their light is taken out of `pixels`; they cover what they cover."""
        light = pixels.content[:-1, index]
        pixels.content[:-1, index] = 0.0
        disparity, slope = (values[..., index].double().cpu() for values in (pixels.disparity, pixels.slope))
        return cls(pixels.pixel[index].cpu(), light, disparity, slope)

    @property
    def count(self) -> int:
        return self.pixel.numel()

    def shared(self, share: Float[Tensor, "p"]) -> BrightSpots:
        """These shares of the spots; those without any are left out. share: on the CPU."""
        kept = share.nonzero()[:, 0]
        index = kept.to(self.light.device)
        light = self.light[:, index] * share[kept].to(self.light)
        return BrightSpots(self.pixel[kept], light, self.disparity[kept], self.slope[:, kept])


def is_above_white(content: Float[Tensor, "n c h w"]) -> Bool[Tensor, "n h w"]:
    """Pixels brighter than a display can show. content: light, and coverage in the last channel."""
    return content[:, :-1].amax(1) > _DISPLAY_WHITE


def stands_out(content: Float[Tensor, "n c h w"]) -> Bool[Tensor, "n h w"]:
    """Pixels eight times as bright as the mean of their surroundings, and not dark. content: as above.

    The surroundings are those of all surfaces together, and what none of them covers does not count: the far parts of
    mixed pixels have nothing of their own surface beside them.
    """
    brightness = content[:, :-1].amax(1)
    around = _window_mean(_window_mean(torch.stack([brightness.sum(0), content[:, -1].sum(0)]), 1), 2)
    surroundings = around[0] / around[1].clamp(min=_LEAST_AROUND)
    return (brightness > _CONTRAST * surroundings) & (brightness > _DIMMEST)


def drawn_singly(content: Float[Tensor, "n c h w"]) -> tuple[Bool[Tensor, "n h w"], Bool[Tensor, "n h w"]]:
    """(pixels that are drawn one by one, other pixels so bright that a soft rim of their disc would show).

    content: light, and coverage in the last channel. Both kinds stand out or are above white. One to 256 pixels of the
    grid is drawn singly at most. Where that does not suffice for all, it is the brightest of those that stand out. None
    lies on the grid's edge, which is repeated beyond it.
    """
    outstanding, most = stands_out(content), content.shape[-2] * content.shape[-1] // _PIXELS_TO_A_SPOT
    bright = outstanding | is_above_white(content)
    inner = torch.zeros_like(bright)
    inner[:, 1:-1, 1:-1] = bright[:, 1:-1, 1:-1]
    if int(inner.sum()) > most:
        inner &= outstanding
    if int(inner.sum()) > most:
        brightness = content[:, :-1].amax(1) * inner
        inner = brightness > brightness.flatten().topk(most + 1).values[-1]
    return inner, bright & ~inner


def _window_mean(x: Float[Tensor, "n h w"], axis: int) -> Float[Tensor, "n h w"]:
    """Mean within _SURROUND_PX of each pixel along an axis, clipped at the border.

    The sums of 1, 2, 4, 8, 16 neighbors and one more take a fifth of the time of torch's pooling.
    """
    reach, count = _SURROUND_PX, x.shape[axis]
    padded = F.pad(x, (0, 0, reach, reach) if axis == 1 else (reach, reach))
    sums = padded
    for width in (1 << power for power in range(reach.bit_length())):  # up to twice the reach, a power of two
        length = sums.shape[axis] - width
        sums = sums.narrow(axis, 0, length) + sums.narrow(axis, width, length)
    place = torch.arange(count, device=x.device)
    inside = (place + reach).clamp(max=count - 1) - (place - reach).clamp(min=0) + 1
    total = sums.narrow(axis, 0, count) + padded.narrow(axis, 2 * reach, count)
    return total / (inside[:, None] if axis == 1 else inside)
