"""The pixels that a surface covers, by ascending disparity, each with its slope and whether it is a small bright spot.

Letters: P pixels; C channels, the last coverage; D disparity.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

_DISPLAY_WHITE = 1.001
_SURROUND_PX, _SPOT_CONTRAST, _DIMMEST_SPOT = 8, 8.0, 0.05  # reach, contrast, and linear light of a spot


@dataclass(frozen=True)
class CoveredPixels:
    """P covered pixels of one surface, sorted by ascending disparity.

    pixel:     [P] index in the flat grid.
    content:   [C, P], coverage last.
    disparity: [P] ascending.
    slope:     [2, P] change of disparity from pixel to pixel, down and right; 0 at silhouettes.
    is_spot:   [P] see `find_spots`.
    """

    pixel: Int[Tensor, "p"]
    content: Float[Tensor, "c p"]
    disparity: Float[Tensor, "p"]
    slope: Float[Tensor, "2 p"]
    is_spot: Bool[Tensor, "p"]

    @classmethod
    def from_surface(cls, content: Float[Tensor, "c h w"], disparity: Float[Tensor, "h w"]) -> CoveredPixels:
        """The covered pixels of a surface; the last channel of its content is coverage."""
        pixel = content[-1].flatten().nonzero()[:, 0]
        ascending, order = disparity.flatten()[pixel].sort()
        pixel = pixel[order]
        slope, is_spot = (
            disparity_slope(disparity.where(content[-1] > 0, torch.nan)).flatten(1)[:, pixel],
            find_spots(content[:-1]).flatten()[pixel],
        )
        return cls(pixel, content.flatten(1)[:, pixel], ascending, slope, is_spot)

    def between(self, low: float, high: float) -> CoveredPixels:
        """The pixels with low <= disparity < high, as views."""
        ends = torch.tensor([low, high], device=self.disparity.device, dtype=self.disparity.dtype)
        first, end = torch.searchsorted(self.disparity, ends).tolist()
        span = slice(first, end)
        parts = (self.pixel[span], self.content[:, span], self.disparity[span], self.slope[:, span], self.is_spot[span])
        return CoveredPixels(*parts)


def disparity_slope(disparity: Float[Tensor, "h w"]) -> Float[Tensor, "2 h w"]:
    """∇D, change of disparity from pixel to pixel, down and right: the smaller of the differences to both neighbors.

    It is 0 where these differ in sign, and beside NaN, where there is nothing. So it is exact on planes, and a
    silhouette, whose two sides belong to different things, makes no slope.
    """
    slopes = []
    for axis in (0, 1):
        change = disparity.diff(dim=axis)
        if not change.numel():
            slopes.append(torch.zeros_like(disparity))
            continue
        first, last = change.narrow(axis, 0, 1), change.narrow(axis, change.shape[axis] - 1, 1)
        before, after = torch.cat([first, change], dim=axis), torch.cat([change, last], dim=axis)
        smaller = torch.where(before.abs() < after.abs(), before, after)
        slopes.append(torch.where(before * after > 0, smaller, 0.0))
    return torch.stack(slopes)


def find_spots(light: Float[Tensor, "c h w"]) -> Bool[Tensor, "h w"]:
    """Pixels so bright that the rim of their disc is visible when they are blurred: [h, w].

    They are brighter than display white, or eight times as bright as the mean of their surroundings: lamps (also those
    that a photo has clipped to white), glints, stars.
    """
    brightness = light.amax(0)
    surroundings, size = brightness[None, None], 2 * _SURROUND_PX + 1
    for kernel, padding in (((size, 1), (_SURROUND_PX, 0)), ((1, size), (0, _SURROUND_PX))):
        surroundings = F.avg_pool2d(surroundings, kernel, 1, padding, count_include_pad=False)
    surroundings = surroundings[0, 0]
    return (brightness > _DISPLAY_WHITE) | ((brightness > _SPOT_CONTRAST * surroundings) & (brightness > _DIMMEST_SPOT))
