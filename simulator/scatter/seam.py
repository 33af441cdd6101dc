"""Seams: where a surface passes from a depth slab to the next.

Both slabs are shifted by the blur radius of their middle, which opens a crack between them that a lamp behind would
shine through.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from simulator.layers.morphology import dilate
from simulator.layers.surfaces import Surfaces
from simulator.scatter.covering import Box, Covering, common, extent, grown, shifted

_STEPS = 1.9  # between the middles of two slabs that touch, at most


@dataclass(frozen=True)
class Seam:
    """near, far:  coverage of both slabs.
    touches:    pixels of either next to one of the other at nearly the same disparity.
    disparity:  of the boundary between the slabs.
    step:       range of disparity of a slab.
    """

    near: Float[Tensor, "h w"]
    far: Float[Tensor, "h w"]
    margin: int
    touches: Bool[Tensor, "h w"]
    box: Box
    disparity: float
    step: float

    @classmethod
    def between(cls, near: Surfaces, far: Surfaces, step: float) -> Seam | None:
        """The seam of two slabs; None where they do not touch: D changes by less than `step` there."""
        near_covered, far_covered = near.coverage[0] > 0, far.coverage[0] > 0
        lowest = -dilate(torch.where(near_covered, -near.disparity[0], -torch.inf), 1)
        highest = dilate(torch.where(far_covered, far.disparity[0], -torch.inf), 1)
        touches = (near_covered & (near.disparity[0] - highest < step)) | (
            far_covered & (lowest - far.disparity[0] < step)
        )
        box = extent(touches)
        if box is None:
            return None
        boundary = 0.5 * (near.disparity[near.coverage > 0].min() + far.disparity[far.coverage > 0].max())
        return cls(near.coverage[0], far.coverage[0], near.margin, touches, box, float(boundary), step)

    def near_side(self, reach_px: int) -> Covering | None:
        return self._covering(self.near, reach_px)

    def both_sides(self, reach_px: int) -> Covering | None:
        return self._covering((self.near + self.far).clamp(max=1.0), reach_px)

    def _covering(self, coverage, reach_px):
        box = common(grown(self.box, reach_px), tuple(slice(0, n) for n in coverage.shape))
        content = torch.zeros_like(coverage)[None]
        content[0, box[0], box[1]] = coverage[box] * dilate(self.touches[box].float(), reach_px)
        return Covering(content, self.margin, shifted(box, -self.margin))
