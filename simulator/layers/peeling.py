"""Depth peeling: what a pinhole sees first, what it would see with that gone, and so on.

Source of the idea: Everitt, "Interactive Order-Independent Transparency" (2001).
Letters: N surfaces; α coverage; k a surface, counted from the nearest; m a peel, counted from 0.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from simulator.layers.morphology import dilate


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
        nearer = [
            exactly * (1.0 - covers) + (nearer[m - 1] * covers if m else 0.0) for m, exactly in enumerate(nearer)
        ]
    return peels


import os
TOL=float(os.environ.get('TOL','.003'))
_LEVELS = int(os.environ.get('LEV','16'))
_STEP = 1 / 64


def revealed(
    disparity: Float[Tensor, "n h w"], visible: Float[Tensor, "n h w"], blur_scale_px: float, unit: float
) -> Tensor:
    """Where a lens may see a surface behind what hides it.

    A ray through a surface at D' passes K (D - D') |u| beside it at a disparity D.
    """
    seen = visible >= 0.02
    high = dilate(torch.where(seen, disparity, -torch.inf).amax(0), 1)
    low = -dilate(torch.where(seen, -disparity, -torch.inf).amax(0), 1)
    step = _STEP * unit
    is_step = high - low > step
    floor = float(disparity.min())
    level_of = ((disparity - floor) / unit * _LEVELS).long().clamp(0, _LEVELS - 1)
    result = torch.zeros_like(disparity, dtype=torch.bool)
    for level in range(_LEVELS):
        here = level_of == level
        nearest, farthest = floor + unit * (level + 1) / _LEVELS, floor + unit * level / _LEVELS
        opens = is_step & (low <= nearest + step) & (high > farthest)
        reach = torch.where(opens, blur_scale_px * (high - farthest), 0.0).ceil()
        mask = torch.zeros_like(opens)
        radius = 1
        while bool((reach > radius / 2).any()):
            some = (reach > radius / 2) & (reach <= radius) if radius > 1 else (reach > 0) & (reach <= 1)
            if bool(some.any()):
                mask |= dilate(some.float(), radius) > 0
            radius *= 2
        result |= here & mask
    top = torch.where(seen, disparity, -torch.inf).amax(0)
    needed = blur_scale_px * (top - disparity)
    bottom = -torch.where(seen, -disparity, -torch.inf).amax(0)
    radius, open_ = 1, torch.zeros_like(result)
    while True:
        of_reach = (needed <= radius) & ((needed > radius / 2) | (radius == 1))
        open_ |= of_reach & (-dilate(-bottom, radius) <= disparity + TOL * unit)
        if radius >= float(needed.max()):
            return result & open_
        radius *= 2
