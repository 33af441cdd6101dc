"""Lateral chromatic aberration: red, green and blue pictures of slightly different size.

Letters: m magnification of a channel; c middle of the frame; p pixel center.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def magnified(frames: Float[Tensor, "f 3 h w"], magnification: tuple[float, float, float]) -> Float[Tensor, "f 3 h w"]:
    """Each channel enlarged by its m about the middle: frame(p) = frame(c + (p − c) / m). Brightness stays.

    Interpolation is linear, so nothing is negative and highlights do not ring. A channel of m = 1 is unchanged.
    """
    if all(m == 1.0 for m in magnification):
        return frames
    channels = zip(frames.split(1, dim=1), magnification, strict=True)
    return torch.cat([channel if m == 1.0 else _enlarged(channel, m) for channel, m in channels], dim=1)


def _enlarged(channel: Float[Tensor, "f 1 h w"], m: float) -> Float[Tensor, "f 1 h w"]:
    scale = torch.tensor([[1.0 / m, 0.0, 0.0], [0.0, 1.0 / m, 0.0]], device=channel.device)
    grid = F.affine_grid(scale.expand(channel.shape[0], 2, 3), list(channel.shape), align_corners=False)
    return F.grid_sample(channel, grid, mode="bilinear", padding_mode="border", align_corners=False)
