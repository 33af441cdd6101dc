"""Depth peeling: what a pinhole sees first, what it would see with that gone, and so on.

Source of the idea: Everitt, "Interactive Order-Independent Transparency" (2001).
Letters: N surfaces; α coverage; k a surface, counted from the nearest; m a peel, counted from 0.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def peeled(
    coverage: Float[Tensor, "n h w"], disparity: Float[Tensor, "n h w"], count: int
) -> list[Float[Tensor, "n h w"]]:
    """Share of each pixel that each surface takes, for `count` peels: the visible one first.

    Coverages are independent, as for "over": surface k is in peel m where it covers the pixel and exactly m of the
    nearer ones do, α_k P(m of the first k). So all peels of a surface add up to its coverage, also at its
    anti-aliased rim and at that of what hides it.
    """
    near_first = torch.where(coverage > 0, -disparity, torch.inf).sort(dim=0, stable=True).indices
    alpha = coverage.gather(0, near_first)
    peels = [torch.zeros_like(coverage) for _ in range(count)]
    nearer = [torch.ones_like(alpha[0]), *(torch.zeros_like(alpha[0]) for _ in range(count - 1))]  # P(m of the first k)
    for surface, covers in zip(near_first, alpha, strict=True):
        for peel, exactly in zip(peels, nearer, strict=True):
            peel.scatter_(0, surface[None], (covers * exactly)[None])
        nearer = [exactly * (1.0 - covers) + (nearer[m - 1] * covers if m else 0.0) for m, exactly in enumerate(nearer)]
    return peels
