"""Morphology of disparity maps and of masks."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor


def dilate(x: Float[Tensor, "h w"], radius: int) -> Float[Tensor, "h w"]:
    """Largest value within a square of side 2·radius + 1 around each pixel, clipped at the border: [h, w].

    Erosion is `-dilate(-x, radius)`. It is separable, in steps whose reaches add up to the radius, so its time
    grows with the logarithm of the radius.
    """
    for axis in (1, 0):
        reach, dilation = 0, 1
        while reach < radius:
            dilation = min(dilation, radius - reach)
            x = _max_of_three(x, axis, dilation)
            reach += dilation
            dilation = 2 * reach + 1  # windows of 2·reach + 1 pixels touch at this distance
    return x


def dilate_mask(mask: Bool[Tensor, "h w"], radius: int) -> Bool[Tensor, "h w"]:
    """The mask, dilated by a square of side 2·radius + 1."""
    return dilate(mask.float(), radius) > 0


def _max_of_three(x: Tensor, axis: int, dilation: int) -> Tensor:
    """Largest of each value and its two neighbors `dilation` pixels away along the axis."""
    sides = (dilation, dilation, 0, 0) if axis == 1 else (0, 0, dilation, dilation)
    padded = F.pad(x[None, None], sides, value=-torch.inf)[0, 0]
    before, center, after = (padded.narrow(axis, k * dilation, x.shape[axis]) for k in range(3))
    return torch.maximum(torch.maximum(before, after), center)
