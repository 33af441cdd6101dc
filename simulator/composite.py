"""Blurred depth groups -> frame, nearest first, by coverage.

A pixel of the sensor sees the scene through the whole lens. Coverage A of a group is the share of the lens through
which the group is in the way; T is the share that nothing nearer has taken yet. A group takes t = min(A, T). Pieces of
one slanted surface in neighbouring groups add up to one, as their shares of the lens do; "over" with independent
alphas would leave 1 − (1 − a)(1 − b) and turn the surface translucent.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

_LEAST_COVERAGE = 1e-4  # below it the transforms' rounding exceeds the content


class Film:
    """Collects the light of one frame, group by group.

    light: [3, H, W]; free: [k, H, W] the share of the lens not taken yet, from 1 down to 0: k = 1, or 3 where each
    colour sees the scene through a lens of its own.
    """

    def __init__(self, height: int, width: int, device: torch.device, coverages: int = 1) -> None:
        self.light = torch.zeros(3, height, width, device=device)
        self.free = torch.ones(coverages, height, width, device=device)

    def expose(self, group: Float[Tensor, "n h w"]) -> None:
        """Lay a blurred group (light [3], coverage [k]) behind all that came before."""
        coverage = group[3:]
        share = torch.minimum(coverage, self.free).div_(coverage.clamp(min=_LEAST_COVERAGE))
        share *= coverage > _LEAST_COVERAGE
        self.light.addcmul_(group[:3], share)
        self.free.addcmul_(coverage, share, value=-1.0)

    def as_group(self) -> Float[Tensor, "n h w"]:
        """What was collected, as one group (light, coverage) for another film."""
        return torch.cat([self.light, 1.0 - self.free])

    def developed(self) -> Float[Tensor, "3 h w"]:
        """The frame: light over the share of the lens that saw anything, never negative."""
        return (self.light / (1.0 - self.free).clamp(min=_LEAST_COVERAGE)).clamp_(min=0.0)
