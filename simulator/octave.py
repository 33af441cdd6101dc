"""Octaves: the frame's own pixel grid, and grids two, four and eight times coarser.

A wide disc passes no high frequencies (|2 J₁(x)/x| < 0.06 for x > 9), so what is blurred widely is blurred on a coarser
grid. Halving and doubling use the same tent, [1 3 3 1] in quarters of a pixel: it keeps the place of every point to
the bit, has a double zero at each frequency that would alias onto zero, and widens a spot by a known variance.
Each octave is padded for the radii that are blurred on it, not for the largest of all.
Letters: q = 2^octave pixels of the frame to a cell of the octave's grid; r radius in pixels of the frame.
"""

from __future__ import annotations

import bisect
import math
from dataclasses import dataclass

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

COARSEST = 3
CELL_PX = 2**COARSEST
"""A margin of a whole number of these is a whole number of cells on every octave."""
_THRESHOLD_PX = (8.0, 18.0, 38.0)  # smallest radius at which a group may move to octave 1, 2, 3
RING = 1  # cells kept around the frame: enlarging looks at neighbours


def octave_of(smallest_radius_px: float) -> int:
    """How coarse a grid a group may be blurred on, by its smallest radius."""
    return bisect.bisect_right(_THRESHOLD_PX, smallest_radius_px)


def largest_radius_px(octave: int, spread_px: float, max_radius_px: float, fineness: float = 1.0) -> float:
    """The largest radius blurred on an octave: of a group whose radii lie at most `spread_px` apart.

    fineness: that of the aperture; the octave is chosen by the smallest radius times it.
    """
    return max_radius_px if octave == COARSEST else min(max_radius_px, _THRESHOLD_PX[octave] / fineness + spread_px)


def drawn_radius(radius_px: float, octave: int, moment: float = 0.5) -> float:
    """The spot's radius in cells, so that after halving and enlarging the point measures `radius_px`.

    Along each axis a pixel-integrated spot has the variance m r²/2 + 1/12, m = ½ for a disc; o halvings add (q² − 1)/4
    px², o doublings as much: q² (m r_c²/2 + 1/12) + (q² − 1)/2 = m r²/2 + 1/12.
    """
    q2 = 4.0**octave
    return math.sqrt(max(radius_px**2 - 7.0 / (6.0 * moment) * (q2 - 1.0), 0.0) / q2)


@dataclass(frozen=True)
class OctaveGrid:
    """The frame's cells on one octave, with padding for discs that reach into it from outside; all in cells.

    Padded sides are even and have only the factors 2, 3 and 5, at which transforms are cheap.
    """

    octave: int
    height: int
    width: int
    padding: int
    padded_height: int
    padded_width: int

    @classmethod
    def around(cls, height_px: int, width_px: int, reach_px: float, octave: int) -> OctaveGrid:
        """The smallest grid for a frame of this size and radii up to `reach_px`."""
        q = 2**octave
        height, width = math.ceil(height_px / q), math.ceil(width_px / q)
        padding = math.ceil(reach_px / q) + RING + 1
        return cls(octave, height, width, padding, _cheap(height + 2 * padding), _cheap(width + 2 * padding))

    def padded(self, content: Float[Tensor, "*n h w"], margin: int) -> Float[Tensor, "*n hp wp"]:
        """Content with `margin` cells beyond the frame, on this grid: edges repeated, or cut where there is more."""
        trim = max(0, margin - self.padding)
        content = content[..., trim : content.shape[-2] - trim, trim : content.shape[-1] - trim]
        before = self.padding - (margin - trim)
        below = self.padded_height - content.shape[-2] - before
        right = self.padded_width - content.shape[-1] - before
        return F.pad(content, (before, right, before, below), mode="replicate")

    @property
    def rows(self) -> slice:
        """The frame's rows in a padded picture; on coarse octaves with a ring around."""
        ring = RING if self.octave else 0
        return slice(self.padding - ring, self.padding + self.height + ring)

    @property
    def columns(self) -> slice:
        """The frame's columns, likewise."""
        ring = RING if self.octave else 0
        return slice(self.padding - ring, self.padding + self.width + ring)


def halved(content: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c hh wh"]:
    """Half the size, by [1 3 3 1]/8 along both axes; an odd last row or column is repeated first."""
    h, w = content.shape[-2:]
    if h % 2 or w % 2:
        content = F.pad(content, (0, w % 2, 0, h % 2), mode="replicate")
    return F.interpolate(content, scale_factor=0.5, mode="bilinear", align_corners=False, antialias=True)


def enlarged(image: Float[Tensor, "c h w"], height: int, width: int, ring: int) -> Float[Tensor, "c hd wd"]:
    """Twice the size, and the part of it that is height × width with a `ring` around."""
    double = F.interpolate(image[None], scale_factor=2, mode="bilinear", align_corners=False)[0]
    first = 2 * RING - ring
    return double[:, first : first + height + 2 * ring, first : first + width + 2 * ring]


def _cheap(length: int) -> int:
    n = math.ceil(length / 2)
    while _without_small_factors(n) != 1:
        n += 1
    return 2 * n


def _without_small_factors(n: int) -> int:
    for factor in (2, 3, 5):
        while n % factor == 0:
            n //= factor
    return n
