"""Fills holes in a picture from the pixels around them: a weighted mean that favors near pixels.

Source: inverse distance weighting (Shepard 1968) computed as normalized convolution (Knutsson & Westin 1993) over the
octaves of an image pyramid. Letters: C channels; p exponent of the distance; s octave.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

_EXPONENT = 3.0
_LEAST_WEIGHT = 1e-10


def fill_holes(
    content: Float[Tensor, "c h w"], weight: Float[Tensor, "h w"], reach_px: int
) -> tuple[Float[Tensor, "c h w"], Bool[Tensor, "h w"]]:
    """The picture [C, h, w] with its holes filled, and the mask [h, w] of pixels that have a value now.

    weight:   [h, w] share of each pixel that is known, in [0, 1]; 0 in a hole.
    content:  [C, h, w] already multiplied by weight.
    reach_px: how far a known pixel reaches into a hole, to the next power of two.

    Each value is a mean with weights of about distance^-p: with content and weight for x, the quotient of two sums
    x + 2^-p Σ_s 2^(−p s) B_s ∗ x, where B_s is a binomial kernel of width 2^s.
    """
    known = torch.cat([content, weight[None]])[None]  # [1, C + 1, h, w]
    levels = [_binomial(known)]
    for _ in range(math.ceil(math.log2(max(reach_px, 1)))):
        levels.append(_binomial(mean_2x2(levels[-1])))
    total = levels.pop()
    while levels:  # coarsest level first, so that each sum is enlarged only once
        level = levels.pop()
        enlarged = F.interpolate(total, scale_factor=2, mode="bilinear", align_corners=False)
        total = level.add_(enlarged[..., : level.shape[-2], : level.shape[-1]], alpha=2.0**-_EXPONENT)
    total = torch.add(known, total, alpha=2.0**-_EXPONENT)
    total_weight = total[0, -1]
    return total[0, :-1] / total_weight.clamp(min=1e-12), total_weight > _LEAST_WEIGHT


def mean_2x2(x: Float[Tensor, "*n c h w"]) -> Float[Tensor, "*n c hh wh"]:
    """Means over blocks of 2 × 2 pixels; an odd last row or column is repeated."""
    h, w = x.shape[-2:]
    if h % 2 or w % 2:
        x = F.pad(x, (0, w % 2, 0, h % 2), mode="replicate")
    rows = x[..., 0::2, :] + x[..., 1::2, :]
    return (rows[..., 0::2] + rows[..., 1::2]).mul_(0.25)


def _binomial(x: Float[Tensor, "1 c h w"]) -> Float[Tensor, "1 c h w"]:
    """Blurred by [1 2 1]/4 along both axes; edges are repeated."""
    x = F.pad(x, (1, 1, 1, 1), mode="replicate")
    rows = (x[..., :-2, :] + x[..., 2:, :]).add_(x[..., 1:-1, :], alpha=2.0)
    return (rows[..., :-2] + rows[..., 2:]).add_(rows[..., 1:-1], alpha=2.0).mul_(1 / 16)
