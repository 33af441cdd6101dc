"""The pixels that surfaces cover, sorted by the bins that they belong to, with slopes and small bright spots.

Letters: N surfaces; P pixels; C channels, the last coverage; D disparity.
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
    """P covered pixels; a pixel of the grid may be covered by several surfaces.

    pixel:     [P] index in the flat grid.
    content:   [C, P], coverage last.
    disparity: [P].
    slope:     [2, P] change of disparity from pixel to pixel, down and right; 0 at silhouettes.
    is_spot:   [P] see `find_spots`.
    """

    pixel: Int[Tensor, "p"]
    content: Float[Tensor, "c p"]
    disparity: Float[Tensor, "p"]
    slope: Float[Tensor, "2 p"]
    is_spot: Bool[Tensor, "p"]

    @classmethod
    def from_surfaces(
        cls, content: Float[Tensor, "n c h w"], disparity: Float[Tensor, "n h w"], place: Int[Tensor, "p"]
    ) -> CoveredPixels:
        """The pixels at these places of the flat surfaces [N, h, w]. The last channel of content is coverage."""
        covered = content[:, -1] > 0
        slope = disparity_slope(disparity.where(covered, torch.nan))  # [2, n, h, w]
        is_spot = torch.stack([find_spots(surface[:-1]) for surface in content])
        return cls(
            place % covered[0].numel(),
            content.transpose(0, 1).flatten(1).index_select(1, place),
            disparity.flatten().index_select(0, place),
            slope.flatten(1).index_select(1, place),
            is_spot.flatten().index_select(0, place),
        )

    def part(self, entries: slice) -> CoveredPixels:
        """The pixels with these numbers, as views."""
        return CoveredPixels(
            self.pixel[entries],
            self.content[:, entries],
            self.disparity[entries],
            self.slope[:, entries],
            self.is_spot[entries],
        )


def disparity_slope(disparity: Float[Tensor, "*n h w"]) -> Float[Tensor, "2 *n h w"]:
    """∇D, change of disparity from pixel to pixel, down and right: the smaller of the differences to both neighbors.

    It is 0 where these differ in sign, and beside NaN, where there is nothing. So it is exact on planes, and a
    silhouette, whose two sides belong to different things, makes no slope.
    """
    slopes = []
    for axis in (-2, -1):
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
    surroundings = _window_mean(_window_mean(brightness, 0), 1)
    return (brightness > _DISPLAY_WHITE) | ((brightness > _SPOT_CONTRAST * surroundings) & (brightness > _DIMMEST_SPOT))


def _window_mean(x: Float[Tensor, "h w"], axis: int) -> Float[Tensor, "h w"]:
    """Mean within _SURROUND_PX of each pixel along an axis, clipped at the border.

    The sums of 1, 2, 4, 8, 16 neighbors and one more take a fifth of the time of torch's pooling.
    """
    reach, count = _SURROUND_PX, x.shape[axis]
    padded = F.pad(x, (0, 0, reach, reach) if axis == 0 else (reach, reach))
    sums = padded
    for width in (1 << power for power in range(reach.bit_length())):  # up to twice the reach, a power of two
        length = sums.shape[axis] - width
        sums = sums.narrow(axis, 0, length) + sums.narrow(axis, width, length)
    place = torch.arange(count, device=x.device)
    inside = (place + reach).clamp(max=count - 1) - (place - reach).clamp(min=0) + 1
    total = sums.narrow(axis, 0, count) + padded.narrow(axis, 2 * reach, count)
    return total / (inside[:, None] if axis == 0 else inside)
