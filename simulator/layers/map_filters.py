"""Blur and differences of disparity maps, the same on every device; beyond its border a map goes on as a plane does."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def blurred(x: Float[Tensor, "h w"], sigma_px: float) -> Float[Tensor, "h w"]:
    """Gaussian blur as a sum of shifted images, which agrees on every device (cuDNN would use TF32)."""
    reach = math.ceil(3.0 * sigma_px)
    taps = [math.exp(-0.5 * (i / sigma_px) ** 2) for i in range(reach + 1)]
    total = taps[0] + 2.0 * sum(taps[1:])
    for axis in (0, 1):
        size, padded = x.shape[axis], _extended(x, reach, axis)
        x = padded.narrow(axis, reach, size) * (taps[0] / total)
        for i in range(1, reach + 1):
            pair = padded.narrow(axis, reach - i, size) + padded.narrow(axis, reach + i, size)
            x.add_(pair, alpha=taps[i] / total)
    return x


def gradient(x: Float[Tensor, "h w"]) -> Float[Tensor, "2 h w"]:
    """Central differences per pixel, down and right."""
    down, right = _extended(x, 1, 0), _extended(x, 1, 1)
    return torch.stack([(down[2:] - down[:-2]) / 2, (right[:, 2:] - right[:, :-2]) / 2])


def one_pixel_step(x: Float[Tensor, "h w"]) -> Float[Tensor, "h w"]:
    """The largest difference to a neighbor along each axis, as the length of the two."""
    squared = torch.zeros_like(x)
    for axis in (0, 1):
        size = x.shape[axis]
        steps = F.pad(x.diff(dim=axis).abs(), (0, 0, 1, 1) if axis == 0 else (1, 1, 0, 0))
        squared += torch.maximum(steps.narrow(axis, 0, size), steps.narrow(axis, 1, size)).square()
    return squared.sqrt()


def _extended(x: Float[Tensor, "h w"], count: int, axis: int) -> Tensor:
    """`count` more pixels at both ends along an axis: 2·edge − mirror image, so that planes stay planes."""
    size = x.shape[axis]
    index = torch.arange(1, count + 1, device=x.device).clamp(max=size - 1)
    first, last = x.narrow(axis, 0, 1), x.narrow(axis, size - 1, 1)
    before = 2.0 * first - x.index_select(axis, index.flip(0))
    after = 2.0 * last - x.index_select(axis, size - 1 - index)
    return torch.cat([before, x, after], dim=axis)
