"""The footprint of a ray: the part of a surface that the ray's cell of the lens covers; a ray reads its mean.

Letters: x, y where the ray meets the surface, in pixels of a window; w width of the footprint in pixels.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def footprint_mean(content: Tensor, y: Tensor, x: Tensor, width_px: Tensor, parts: int) -> Float[Tensor, "c 4 th tw"]:
    """Means over footprints of width w around (y, x), each split into parts × parts footprints within a pixel."""
    if parts <= 1:
        return interpolated(content, footprint(y, width_px), footprint(x, width_px))
    width_px = width_px / parts
    steps = [k - (parts - 1) / 2 for k in range(parts)]
    rows = [footprint(torch.add(y, width_px, alpha=step), width_px) for step in steps]
    columns = [footprint(torch.add(x, width_px, alpha=step), width_px) for step in steps]
    total = torch.zeros(())
    for row in rows:
        for column in columns:
            total = interpolated(content, row, column).add_(total)
    return total.div_(parts * parts)


def footprint(x: Tensor, width_px: Tensor) -> Tensor:
    """Coordinate at which linear interpolation returns the mean over a footprint of width w <= 1 around x.

    Pixels are squares of one value: with t the distance of x from the pixel center before it, the pixel after it has
    the share clamp((t − ½) / w + ½, 0, 1).
    """
    before = x.floor()
    share = x.sub_(before).sub_(0.5).div_(width_px).add_(0.5).clamp_(0.0, 1.0)
    return share.add_(before)


def interpolated(window: Float[Tensor, "k kh kw"], y: Tensor, x: Tensor) -> Float[Tensor, "c k th tw"]:
    """Linear interpolation at rows y and columns x of a window. Its sides are 2^i + 1, so pixel centers are exact."""
    grid = torch.empty(*x.shape, 2, device=x.device, dtype=x.dtype)
    torch.mul(x, 2.0 / (window.shape[-1] - 1), out=grid[..., 0])
    torch.mul(y, 2.0 / (window.shape[-2] - 1), out=grid[..., 1])
    grid.sub_(1.0)
    shared = window.expand(x.shape[0], *window.shape)
    return F.grid_sample(shared, grid, mode="bilinear", padding_mode="border", align_corners=True)
