"""Seams: where a surface passes from a depth slab to the next.

Both slabs are shifted by the blur radius of their middle, which opens a crack between them that a lamp behind would
shine through.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from simulator.layers.box import Box, common, extent, grown, is_empty, shifted, whole
from simulator.layers.morphology import dilate
from simulator.layers.surfaces import Surfaces
from simulator.scatter.covering import Covering

_REACH_PX = 24  # pixels kept around: a strip is no wider for any radius up to 500 px


@dataclass(frozen=True)
class Seam:
    """The boundary of two slabs: where D changes by less than a step from a pixel to the next.

    touches:   pixels of either next to one of the other at nearly the same disparity, in a part of the picture.
    near, far: coverage of both slabs in that part.
    origin:    row and column of the frame in its first pixel.
    disparity: of the boundary.
    """

    touches: Bool[Tensor, "h w"]
    near: Float[Tensor, "h w"]
    far: Float[Tensor, "h w"]
    origin: tuple[int, int]
    disparity: float

    @classmethod
    def between(cls, near: Surfaces, far: Surfaces, step: float, boxes: tuple[Box, Box]) -> Seam | None:
        """The seam of two slabs; None where they do not touch. step: range of a slab. boxes: of the frame, covered."""
        in_picture = [grown(shifted(box, near.margin, near.margin), 1) for box in boxes]
        part = common(common(*in_picture), whole(near.coverage))
        if is_empty(part):
            return None
        part = common(grown(part, _REACH_PX), whole(near.coverage))
        near_coverage, far_coverage = near.coverage[0][part], far.coverage[0][part]
        near_disparity, far_disparity = near.disparity[0][part], far.disparity[0][part]
        near_covered, far_covered = near_coverage > 0, far_coverage > 0
        lowest = -dilate(torch.where(near_covered, -near_disparity, -torch.inf), 1)
        highest = dilate(torch.where(far_covered, far_disparity, -torch.inf), 1)
        touches = (near_covered & (near_disparity - highest < step)) | (far_covered & (lowest - far_disparity < step))
        if not bool(touches.any()):
            return None
        boundary = 0.5 * (near_disparity[near_covered].min() + far_disparity[far_covered].max())
        origin = part[0].start - near.margin, part[1].start - near.margin
        return cls(touches, near_coverage, far_coverage, origin, float(boundary))

    def near_side(self, reach_px: int) -> Covering:
        """Coverage of the near slab up to `reach_px` from where they touch."""
        return self._strip(self.near, reach_px)

    def both_sides(self, reach_px: int) -> Covering:
        """Coverage of both slabs up to `reach_px` from where they touch."""
        return self._strip((self.near + self.far).clamp(max=1.0), reach_px)

    def _strip(self, coverage: Float[Tensor, "h w"], reach_px: int) -> Covering:
        strip = coverage * dilate(self.touches.float(), reach_px)
        box = extent(strip > 0) or (slice(0, 0), slice(0, 0))
        return Covering(strip[None], shifted(box, *self.origin), self.origin)
