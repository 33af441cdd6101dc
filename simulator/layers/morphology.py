"""The largest value around each pixel: where disparity steps are, and how far they reach."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def local_max(x: Float[Tensor, "h w"], radius: int) -> Float[Tensor, "h w"]:
    """Largest value within a square of side 2·radius + 1, clipped at the border.

    Separable, and in steps whose reaches add up to the radius: time grows with its logarithm.
    """
    for kernel, padding in (((1, 3), (0, 1)), ((3, 1), (1, 0))):
        reach, dilation = 0, 1
        while reach < radius:
            dilation = min(dilation, radius - reach)
            spaced = (padding[0] * dilation, padding[1] * dilation)
            x = _max_of_three(x, kernel, dilation, spaced)
            reach += dilation
            dilation = 2 * reach + 1  # windows of 2·reach + 1 this far apart still touch
    return x


def _max_of_three(x: Tensor, kernel: tuple[int, int], dilation: int, padding: tuple[int, int]) -> Tensor:
    """Largest of each value and its two neighbours `dilation` away along the kernel's axis."""
    vertical = kernel[0] == 3
    padded = F.pad(x[None, None], (padding[1], padding[1], padding[0], padding[0]), value=-torch.inf)[0, 0]
    length = x.shape[0] if vertical else x.shape[1]
    parts = [padded.narrow(0 if vertical else 1, k * dilation, length) for k in range(3)]
    return torch.maximum(torch.maximum(parts[0], parts[2]), parts[1])
