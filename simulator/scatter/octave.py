"""Octaves: the pixel grid of the frame, and grids two, four and eight times coarser.

A wide disc passes no high frequencies (|2 J₁(x)/x| < 0.06 for x > 9), so only the inner part of the spectrum
of a widely blurred bin is kept, faded to 0 at its rim, and inverted on a coarser grid. A group's grid is padded
once, for the largest radius, to sides that every octave divides. Doubling uses the tent [1 3 3 1] in quarters of a
pixel: it keeps the position of every point exactly, has a double zero at each frequency that would alias onto zero,
and widens a spot by a known variance. A filled-in hidden
surface, which lies on a coarse grid from the start, is treated as if it had been halved by the same tent.
Letters: q = 2^octave pixels of the frame to a cell of the octave's grid; r radius in pixels of the frame.
"""

from __future__ import annotations

import bisect
import math
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from simulator.scatter.fft_length import fft_friendly_length

_THRESHOLD_PX = (8.0, 20.0, 40.0)  # smallest radius at which a bin may move to octave 1, 2, 3
_MOST_PARTS = 4  # of the frame's padded height
RING = 1  # cells kept around the frame, since enlarging reads neighbors
_RIM = 2.0  # cells beyond the radius that a spot reaches: a pixel, and the next larger spot that it is mixed with
TAIL = 4  # coarse cells more where the spectrum was cut: less than 0.002 of an edge lies beyond


def coarsest_octave(smallest_radius_px: float) -> int:
    """Octave of the coarsest grid that suffices for a bin whose blur radius is at least `smallest_radius_px`."""
    return bisect.bisect_right(_THRESHOLD_PX, smallest_radius_px)


def rendered_radius(radius_px: float, source_octave: int, octave: int, bin_octave: int, moment: float = 0.5) -> float:
    """The spot's radius in cells of `source_octave`, with which a point in the frame measures `radius_px`.

    The bin's picture lies on `source_octave`; its spectrum is cut to the frequencies of `bin_octave`; its group is
    inverted on `octave`, which is no coarser.

    Along each axis a pixel-integrated spot has the variance m r²/2 + 1/12, m = ½ for a disc; the halvings that led to a
    grid of cells of q pixels add (q² − 1)/4 px², the doublings from one of Q pixels as much, (Q² − 1)/4:
    q² (m r_c²/2 + 1/12) + (q² − 1)/4 + (Q² − 1)/4 = m r²/2 + 1/12.
    """
    q2, wide2 = 4.0**source_octave, 4.0**octave
    added = (q2 - 1.0) / 3.0 + (wide2 - 1.0) / 4.0 + q2 * cut_variance(2 ** (bin_octave - source_octave))
    return math.sqrt(max(radius_px**2 - 2.0 / moment * added, 0.0) / q2)


def cut_variance(coarseness: int) -> float:
    """Variance that the cut of its spectrum adds to a spot, along each axis, in cells².

    The cut ends in a window, cos²(π f c) of the frequency f in cycles a cell: 1 − (π f c)² near zero, 1 − 2 π² f² σ² of
    a variance σ². Without one, spots ring: what is clipped below black makes them brighter (1.7 %) and wider (6 %).
    """
    return coarseness**2 / 2.0 if coarseness > 1 else 0.0


@dataclass(frozen=True)
class OctaveGrid:
    """The frame's cells on one octave, with padding for discs that reach into it from outside; all in cells.

    Padded sides are even and have only the factors 2, 3, 5 and 7, at which transforms are cheap.
    Coarser grids, up to `divisor` times, divide it.

    A strip of the frame, `height` rows from `top` on, has a padded height `parts` times smaller than the frame's, and
    `above` rows of padding before it: its frequencies along y are every parts-th of the frame's.
    """

    octave: int
    height: int
    width: int
    padding: int
    padded_height: int
    padded_width: int
    divisor: int
    top: int
    above: int
    parts: int = 1

    @classmethod
    def around(cls, height_px: int, width_px: int, reach_px: float, octave: int, coarsest: int) -> OctaveGrid:
        """The smallest grid for a frame of this size and radii up to `reach_px`, that divides up to octave `coarsest`.

        It need not reach further than the largest spot, a cell of octave `coarsest` wider than the largest radius
        when its spectrum is cut: light that leaves one side wraps into the padding of the opposite side.
        """
        q, divisor = 2**octave, 2 ** (coarsest - octave)
        height, width = math.ceil(height_px / q), math.ceil(width_px / q)
        padding = divisor * (math.ceil(max(math.ceil(reach_px) / q, RING) / divisor) + (divisor > 1))
        padded_height = fft_friendly_length(height + 2 * padding, 4 * divisor)  # half of it is a strip's
        padded_width = fft_friendly_length(width + 2 * padding, 2 * divisor)
        return cls(octave, height, width, padding, padded_height, padded_width, divisor, 0, padding)

    @property
    def coarsest(self) -> int:
        """The coarsest octave whose grid divides this one."""
        return self.octave + self.divisor.bit_length() - 1

    def strip(self, first: int | None, end: int | None) -> OctaveGrid:
        """The smallest part of the frame that all light of the rows first … end − 1 falls into, or the frame.

        None: up to the edge of the picture, beyond which it is repeated. Content within the frame needs no padding:
        its light ends within the strip.
        """
        top = 0 if first is None else min(max(first - self.padding, 0), self.height - 1) // self.divisor * self.divisor
        bottom = self.height if end is None else max(min(end + self.padding, self.height), top + 1)
        above, needed = self.padding, bottom - top + 2 * self.padding
        if first is not None and end is not None and first >= 0 and end <= self.height:
            above = self.divisor
            needed = max(
                bottom - top + 2 * above, end - first + 2 * self.padding
            )  # also for light that leaves the frame
        for parts in range(_MOST_PARTS, 1, -1):
            padded, rest = divmod(self.padded_height, parts)
            if not rest and padded % (2 * self.divisor) == 0 and padded >= needed:
                return replace(self, height=bottom - top, padded_height=padded, top=top, above=above, parts=parts)
        return self

    def coarser(self, octave: int) -> OctaveGrid:
        """The same frame and padding on a coarser octave."""
        if octave == self.octave:
            return self
        f = 2 ** (octave - self.octave)
        return replace(
            self,
            octave=octave,
            height=math.ceil(self.height / f),
            width=math.ceil(self.width / f),
            padding=self.padding // f,
            padded_height=self.padded_height // f,
            padded_width=self.padded_width // f,
            divisor=self.divisor // f,
            top=self.top // f,
            above=self.above // f,
        )

    def rows_reached(self, first: int | None, end: int | None, reach: float, octave: int) -> slice:
        """Rows of a coarser octave, counted from its ring, that content of the rows first … end − 1 can spread to.

        `reach` is the largest rendered radius. first, end and reach are in cells of this grid; None: up to the edge,
        beyond which the content is repeated. For a strip, these are rows of the strip. At least one row.
        """
        coarse, q = self.coarser(octave), 2 ** (octave - self.octave)
        ring = RING if octave else 0
        count = coarse.height + 2 * ring
        spread = reach + _RIM + (TAIL * q if q > 1 else 0)
        start = 0 if first is None else math.floor((first - self.top - spread) / q) + ring
        stop = count if end is None else math.ceil((end - self.top + spread) / q) + ring
        start = min(max(start, 0), count - 1)
        return slice(start, max(min(stop, count), start + 1))

    @property
    def rows(self) -> slice:
        """The frame's rows in a padded picture; on coarse octaves with a ring around."""
        ring = RING if self.octave else 0
        return slice(self.above - ring, self.above + self.height + ring)

    @property
    def columns(self) -> slice:
        """The frame's columns in a padded picture; on coarse octaves with a ring around."""
        ring = RING if self.octave else 0
        return slice(self.padding - ring, self.padding + self.width + ring)


def enlarged(image: Float[Tensor, "*n h w"], height: int, width: int, ring: int) -> Float[Tensor, "*n hd wd"]:
    """Twice the size by [1 3 3 1]/4, and the part of it that is height × width with a `ring` around.

    The image has a ring of RING cells.
    """
    return enlarged_rows(image, 0, height, width, ring)[0]


def enlarged_rows(
    image: Float[Tensor, "*n h w"], start: int, height: int, width: int, ring: int
) -> tuple[Float[Tensor, "*n hd wd"], int]:
    """`enlarged`, of an image that holds the rows from `start` on and is empty elsewhere: the rows that it reaches.

    Second, the number of the first of them, counted from the ring. Written out, since torch's resize takes four times
    the time.
    """
    count = math.ceil(height / 2) + 2 * RING
    above, below = int(start > 0), int(start + image.shape[-2] < count)
    double = _doubled_rows(_doubled_columns(F.pad(image, (0, 0, above, below))))
    offset, top = RING - ring, 2 * (start - above)  # of the part, and of `double`, in rows of the doubled grid
    first = max(offset - top, 0)
    rows = double[..., first : height + 2 * ring + offset - top, offset : offset + width + 2 * ring]
    return rows, top + first - offset


def _doubled_columns(x: Tensor) -> Tensor:
    """Twice as wide, without the outer halves of the first and last cell, which lack a neighbor."""
    before, after = x[..., :-1], x[..., 1:]
    pairs = torch.complex(torch.lerp(before, after, 0.25), torch.lerp(after, before, 0.25))  # interleaves them fastest
    return torch.view_as_real(pairs).flatten(-2)


def _doubled_rows(x: Tensor) -> Tensor:
    """Twice as high, likewise."""
    before, after = x[..., :-1, :], x[..., 1:, :]
    pairs = x.new_empty(*x.shape[:-2], x.shape[-2] - 1, 2, x.shape[-1])
    torch.lerp(before, after, 0.25, out=pairs[..., 0, :])
    torch.lerp(after, before, 0.25, out=pairs[..., 1, :])
    return pairs.flatten(-3, -2)
