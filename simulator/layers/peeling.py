"""Depth peeling: what a pinhole sees, what it would see with the first surface gone, and so on.

Source of the idea: Everitt, "Interactive Order-Independent Transparency" (2001).
Letters: N surfaces; α coverage; v share.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def peeled(
    coverage: Float[Tensor, "n h w"], disparity: Float[Tensor, "n h w"], count: int
) -> list[Float[Tensor, "n h w"]]:
    """Share of each pixel that each surface takes, for `count` peels: the visible one first.

    In a peel, nearest first, v_k = α_k Π_{j<k} (1 − α_j). The next peel begins behind the first surface that covers at
    least half of the pixel, so that an anti-aliased rim and the surface behind it stay one peel.
    """
    near_first = torch.where(coverage > 0, -disparity, torch.inf).sort(dim=0, stable=True).indices
    alpha = coverage.gather(0, near_first)
    peels = []
    for _ in range(count):
        behind = torch.cat([torch.ones_like(alpha[:1]), (1.0 - alpha).cumprod(dim=0)[:-1]])
        peels.append(torch.zeros_like(coverage).scatter_(0, near_first, alpha * behind))
        covers = (alpha >= 0.5).cumsum(dim=0)
        alpha = torch.where((covers >= 1) & ~((covers == 1) & (alpha >= 0.5)), alpha, 0.0)  # behind the first cover
    return peels
