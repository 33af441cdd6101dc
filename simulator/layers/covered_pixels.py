"""The pixels that surfaces cover, sorted by the bins that they belong to, with slopes.

Letters: N surfaces; P pixels; C channels, the last coverage; D disparity.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


@dataclass(frozen=True)
class CoveredPixels:
    """P covered pixels; a pixel of the grid may be covered by several surfaces.

    pixel:     [P] index in the flat grid.
    content:   [C, P], coverage last.
    disparity: [P].
    slope:     [2, P] change of disparity from pixel to pixel, down and right; 0 at silhouettes.
    is_sharp:  [P] whether it is so bright that a soft rim of its disc would show.
    """

    pixel: Int[Tensor, "p"]
    content: Float[Tensor, "c p"]
    disparity: Float[Tensor, "p"]
    slope: Float[Tensor, "2 p"]
    is_sharp: Bool[Tensor, "p"]

    @classmethod
    def from_surfaces(
        cls,
        content: Float[Tensor, "n c h w"],
        disparity: Float[Tensor, "n h w"],
        is_sharp: Bool[Tensor, "n h w"],
        place: Int[Tensor, "p"],
    ) -> CoveredPixels:
        """The pixels at these places of the flat surfaces [N, h, w]. The last channel of content is coverage."""
        covered = content[:, -1] > 0
        slope = disparity_slope(disparity.where(covered, torch.nan))  # [2, n, h, w]
        return cls(
            place % covered[0].numel(),
            content.transpose(0, 1).flatten(1).index_select(1, place),
            disparity.flatten().index_select(0, place),
            slope.flatten(1).index_select(1, place),
            is_sharp.flatten().index_select(0, place),
        )

    def part(self, entries: slice) -> CoveredPixels:
        """The pixels with these numbers, as views."""
        fields = (self.pixel, self.content, self.disparity, self.slope, self.is_sharp)
        return CoveredPixels(*(values[..., entries] for values in fields))


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
