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
    """Collects the light of F frames, group by group.

    light: [F, 3, H, W]; free: [F, 1, H, W] the share of the lens not taken yet, from 1 down to 0.
    """

    def __init__(self, frames: int, height: int, width: int, device: torch.device) -> None:
        self.light = torch.zeros(frames, 3, height, width, device=device)
        self.free = torch.ones(frames, 1, height, width, device=device)

    def expose(self, group: Float[Tensor, "f 4 h w"]) -> None:
        """Lay a blurred group (light, coverage) behind all that came before."""
        coverage = group[:, 3:]
        taken = torch.minimum(coverage, self.free)
        taken = torch.where(coverage > _LEAST_COVERAGE, taken, 0.0)
        self.light.addcmul_(group[:, :3], taken / coverage.clamp(min=_LEAST_COVERAGE))
        self.free -= taken

    def developed(self) -> Float[Tensor, "f 3 h w"]:
        """The frames: light over the share of the lens that saw anything, never negative."""
        seen = (1.0 - self.free).clamp(min=_LEAST_COVERAGE)
        return (self.light / seen).clamp_(min=0.0)
