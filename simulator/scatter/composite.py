"""Blurred depth groups -> frame, nearest first, by coverage.

A pixel of the sensor sees the scene through the whole lens. Coverage A of a group is the share of the lens through
which the group is in the way; T is the share that nothing nearer has taken yet. A group takes t = min(A, T). Pieces of
one slanted surface in neighbouring groups add up to one, as their shares of the lens do; "over" with independent
alphas would leave 1 − (1 − a)(1 − b) and turn the surface translucent.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

LEAST_COVERAGE = 1e-4  # below it the transforms' rounding exceeds the content


def chosen(frames: Sequence[int], device: torch.device) -> slice | Tensor:
    """Index of some frames, in the order of their numbers: of neighbours a slice, which is a view.

    Others' numbers are sent without waiting for the device, as an index made of a list would.
    """
    first, end = frames[0], frames[-1] + 1
    if end - first == len(frames):
        return slice(first, end)
    index = torch.tensor(list(frames))
    return index.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else index


class Film:
    """Collects the light of n frames, group by group.

    light: [n, 3, H, W]; free: [n, k, H, W] the share of the lens not taken yet, from 1 down to 0: k = 1, or 3 where
    each colour sees the scene through a lens of its own.
    """

    def __init__(self, light: Float[Tensor, "n 3 h w"], free: Float[Tensor, "n k h w"]) -> None:
        self.light, self.free = light, free

    @classmethod
    def unexposed(cls, frames: int, height: int, width: int, device: torch.device, coverages: int = 1) -> Film:
        """Dark, and free everywhere."""
        light = torch.zeros(frames, 3, height, width, device=device)
        return cls(light, torch.ones(frames, coverages, height, width, device=device))

    def strip(self, rows: slice) -> Film:
        """Some rows, in the same memory."""
        return Film(self.light[..., rows, :], self.free[..., rows, :])

    def of(self, frames: Sequence[int]) -> Film:
        """The film of some frames; of neighbours, the same memory."""
        some = chosen(frames, self.free.device)
        return Film(self.light[some], self.free[some])

    def keep(self, frames: Sequence[int], film: Film) -> None:
        """Put back what `of` took apart."""
        some = chosen(frames, self.free.device)
        if isinstance(some, Tensor):
            self.light[some], self.free[some] = film.light, film.free

    def expose(self, group: Float[Tensor, "n c h w"]) -> None:
        """Lay a blurred group (light [3], coverage [k]) behind all that came before. Overwrites the coverage."""
        self.light.addcmul_(group[:, :3], self.taken(group[:, 3:]))

    def taken(self, coverage: Float[Tensor, "n m h w"], lenses: slice = slice(None)) -> Float[Tensor, "n m h w"]:
        """Take from what is free as much as is covered, as some of the k lenses see it: t / A. Overwrites the coverage.

        What light is to be multiplied by that reaches the film through a group.
        """
        F.threshold(coverage, LEAST_COVERAGE, 0.0, inplace=True)
        free = self.free[:, lenses]
        share = torch.minimum(coverage, free).div_(coverage.clamp(min=LEAST_COVERAGE))
        free.addcmul_(coverage, share, value=-1.0)
        return share

    def as_group(self) -> Float[Tensor, "n c h w"]:
        """What was collected, as one group (light, coverage) for another film."""
        return torch.cat([self.light, 1.0 - self.free], dim=1)

    def developed(self) -> Float[Tensor, "n 3 h w"]:
        """The frames: light over the share of the lens that saw anything, never negative. Uses up the film."""
        return self.light.div_((1.0 - self.free).clamp_(min=LEAST_COVERAGE)).clamp_(min=0.0)
