"""What lies near the plane in focus: spread at each pixel's own radius, where bins would be too coarse.

A pixel between two bins is drawn with two radii; its second moment is too large by w (1 − w) g², w its share of one
bin and g the bins' gap in pixels. Far from focus that is little against r²; near focus it is as large. So the bins
around the plane in focus are not drawn as bins: what they hold of a pixel is spread at the radius that makes the
pixel's whole second moment true. Up to DIRECT_PX tap by tap; beyond, where bins are far apart, between a few nodes that
are blurred like bins of this one lens.
Letters: s signed blur radius; q = r² squared radius; v variance of a bin, in disparity²; g gap of bins, px; P pixels.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from simulator.layers.bins import BinnedSurfaces, CoveredPixels
from simulator.optics.aperture import Aperture
from simulator.optics.lens import ThinLens
from simulator.scatter.direct_taps import DIRECT_PX, TAP_REACH_PX, TapTable, tap_table

FINE_GAP_PX = 1.0
"""Bins as close as this are true to 0.03 px from DIRECT_PX on: g²/12 r, the half-width of what the mean variance of a
bin leaves of w (1 − w) g²."""
_FINEST_GAP_PX = 0.35  # of bins that are true everywhere: what lies within half a pixel is not spread at all
_GAPS_TO_TRUE = 2.9  # from as many gaps on, g²/12 r is below 1 % of r
_NODES_PX = (DIRECT_PX, 3.5, 5.0, 7.0, 10.0, 14.0, 20.0, 28.0, 40.0)


@dataclass(frozen=True)
class Node:
    """Content [4, h, w] to be spread like a bin at one signed radius."""

    content: Float[Tensor, "4 h w"]
    defocus_px: float


@dataclass(frozen=True)
class NearFocus:
    """What a group holds near the plane in focus of one lens.

    bins:   numbers of the bins that are not to be drawn as bins.
    direct: [4, rows, width] light and coverage as spread tap by tap, on rows of the frame from `top` on; None: nothing.
    nodes:  what is to be spread like bins.
    """

    bins: frozenset[int] = frozenset()
    direct: Float[Tensor, "4 rows w"] | None = None
    top: int = 0
    nodes: tuple[Node, ...] = ()


def near_radius_px(gap_px: float) -> float:
    """Radius from which on bins this far apart are true to max(1 %, 0.03 px); within it, they are not drawn as bins."""
    if gap_px < _FINEST_GAP_PX:
        return 0.0
    if gap_px <= FINE_GAP_PX:
        return min(max(gap_px**2 / 0.36, 0.75), DIRECT_PX)
    return max(_GAPS_TO_TRUE * gap_px, DIRECT_PX)


def near_focus(
    surfaces: BinnedSurfaces,
    numbers: Sequence[int],
    size: tuple[int, int],
    margin: int,
    lens: ThinLens,
    pupil: Aperture,
) -> NearFocus:
    """What the bins with these numbers, neighbors, hold near the plane in focus. size: of the frame."""
    zone = _Zone.of(surfaces, numbers, lens)
    if zone is None:
        return NearFocus()
    wide = size[0] + 2 * margin, size[1] + 2 * margin
    held = [zone.shared(pixels, lens, wide) for pixels in surfaces.between(zone.low, zone.high)]
    bins = frozenset(zone.numbers)
    if not held:
        return NearFocus(bins)
    width = size[1] + 2 * margin
    rows = slice(min(part.top(width) for part in held), max(part.bottom(width) for part in held))
    table = tap_table(pupil, surfaces.bins.device)
    maps = torch.zeros(len(table.offsets), 4, rows.stop - rows.start, width, device=surfaces.bins.device)
    nodes: dict[float, Tensor] = {}
    for part in held:
        light = part.light
        if zone.radius_px > DIRECT_PX:
            light, beyond = _dealt_to_nodes(part, zone.radius_px, pupil.is_two_sided)
            for defocus_px, content in beyond.items():
                if defocus_px not in nodes:
                    nodes[defocus_px] = torch.zeros(4, size[0] + 2 * margin, width, device=light.device)
                nodes[defocus_px].flatten(1).index_add_(1, part.pixel, content)
        weights = table.weights(part.q, part.is_in_front if pupil.is_two_sided else None)
        pixel = part.pixel - rows.start * width
        for map_, weight in zip(maps.flatten(2), weights, strict=True):
            map_.index_add_(1, pixel, light * weight)
    direct, top = _spread(maps, table, rows, size, margin)
    return NearFocus(bins, direct, top, tuple(Node(content, s) for s, content in sorted(nodes.items())))


@dataclass(frozen=True)
class _Part:
    """Of some pixels, what is to be spread here: flat index, light and coverage [4, P], squared radius, side."""

    pixel: Tensor
    light: Tensor
    q: Tensor
    is_in_front: Tensor

    def moved(self, shift: Tensor, size: tuple[int, int]) -> _Part:
        """Content shared with the next pixels, so that its middle lies `shift` [2, P] off."""
        if not shift.numel() or float(shift.abs().amax()) < 0.01:
            return self
        height, width = size
        share = shift.abs()
        share = share / share.sum(0).clamp(min=1.0)
        row, column = torch.div(self.pixel, width, rounding_mode="floor"), self.pixel % width
        down = (row + shift[0].sign().long()).clamp(0, height - 1) * width + column
        right = row * width + (column + shift[1].sign().long()).clamp(0, width - 1)
        light = [self.light * (1.0 - share.sum(0)), self.light * share[0], self.light * share[1]]
        return _Part(
            torch.cat([self.pixel, down, right]), torch.cat(light, 1), self.q.repeat(3), self.is_in_front.repeat(3)
        )

    def top(self, width: int) -> int:
        return int(self.pixel.min()) // width

    def bottom(self, width: int) -> int:
        return int(self.pixel.max()) // width + 1


@dataclass(frozen=True)
class _Zone:
    """Neighboring bins near focus, and the next ones on both sides, with which they share pixels.

    first, last: disparities of the zone's own outermost bins, nearest first. before, after: of the next bins, None at
    the scene's ends. before_q, after_q: squared radius that those are drawn with; None where they are near focus, too
    (in another group).
    """

    numbers: range
    radius_px: float
    first: float
    last: float
    before: float | None
    after: float | None
    before_q: float | None
    after_q: float | None

    @classmethod
    def of(cls, surfaces: BinnedSurfaces, numbers: Sequence[int], lens: ThinLens) -> _Zone | None:
        """None where no bin is near focus, or all bins are true."""
        centers, scale = surfaces.centers, lens.blur_scale_px
        radius_px = near_radius_px(scale * surfaces.gap)
        if not radius_px:
            return None
        defocus = [scale * (center - lens.focus_disparity) for center in centers]
        near = [number for number in numbers if abs(defocus[number]) <= radius_px]
        if not near:
            return None
        ends = near[0] - 1, near[-1] + 1
        inside = [0 <= end < len(centers) for end in ends]
        q = [
            max(defocus[end] ** 2 - scale**2 * surfaces.variance[end], 0.0)
            if is_inside and abs(defocus[end]) > radius_px
            else None
            for end, is_inside in zip(ends, inside, strict=True)
        ]
        before, after = (centers[end] if is_inside else None for end, is_inside in zip(ends, inside, strict=True))
        return cls(range(near[0], near[-1] + 1), radius_px, centers[near[0]], centers[near[-1]], before, after, *q)

    @property
    def low(self) -> float:
        """Disparities of the pixels that the zone has a share of lie above this …"""
        return -math.inf if self.after is None else self.after

    @property
    def high(self) -> float:
        """… and below this."""
        return math.inf if self.before is None else self.before

    def shared(self, pixels: CoveredPixels, lens: ThinLens, size: tuple[int, int]) -> _Part:
        """The zone's share of the pixels, and the squared radius that makes their whole second moment true.

        With W of a pixel here and 1 − W in a bin drawn with q': W q + (1 − W) q' = r².
        """
        s = (pixels.disparity - lens.focus_disparity) * lens.blur_scale_px
        r2 = s * s
        share, q = torch.ones_like(s), r2
        for edge, beyond, other_q in ((self.first, self.before, self.before_q), (self.last, self.after, self.after_q)):
            if beyond is None:
                continue
            here = ((pixels.disparity - beyond) / (edge - beyond)).clamp_(0.0, 1.0)
            if other_q is not None:
                q = torch.where(here < 1.0, (r2 - (1.0 - here) * other_q) / here.clamp(min=1e-3), q)
            share = torch.minimum(share, here)
        shift = pixels.slope * (s * (0.25 * lens.blur_scale_px))
        return _Part(pixels.pixel, pixels.content * share, q.clamp_(min=0.0), s > 0).moved(shift, size)


def _dealt_to_nodes(part: _Part, radius_px: float, is_two_sided: bool) -> tuple[Tensor, dict[float, Tensor]]:
    """The light to be spread tap by tap, and that of each node by its signed radius: linear in q between the nodes."""
    nodes = _NODES_PX[: bisect.bisect_left(_NODES_PX, radius_px) + 1]
    q = [node**2 for node in nodes]
    sides = ((1.0, part.is_in_front), (-1.0, ~part.is_in_front)) if is_two_sided else ((-1.0, None),)
    dealt: dict[float, Tensor] = {}
    for number in range(1, len(nodes)):
        share = ((part.q - q[number - 1]) / (q[number] - q[number - 1])).clamp_(0.0, 1.0)
        if number + 1 < len(nodes):
            share = torch.minimum(share, ((q[number + 1] - part.q) / (q[number + 1] - q[number])).clamp_(0.0, 1.0))
        for sign, side in sides:
            of_side = share if side is None else share * side
            if bool((of_side > 0).any()):
                dealt[sign * nodes[number]] = part.light * of_side
    return part.light * ((q[1] - part.q) / (q[1] - q[0])).clamp_(0.0, 1.0), dealt


def _spread(
    maps: Float[Tensor, "o 4 rows w"], table: TapTable, rows: slice, size: tuple[int, int], margin: int
) -> tuple[Float[Tensor, "4 reached framewidth"], int]:
    """Taps gathered on the frame's rows that the content reaches. What lies at the picture's edge goes on beyond it."""
    reach, bottom = TAP_REACH_PX, size[0] + 2 * margin
    wide = F.pad(maps, (reach, reach, 0, 0), mode="replicate")
    for is_edge, side in ((rows.start == 0, slice(0, 1)), (rows.stop == bottom, slice(-1, None))):
        edge = wide[:, :, side].expand(-1, -1, reach, -1)
        parts = (edge if is_edge else torch.zeros_like(edge), torch.zeros_like(edge))
        wide = torch.cat([*parts[::-1], wide] if side.start == 0 else [wide, *parts], dim=2)
    spread = table.gathered(wide)[:, :, margin : margin + size[1]]  # [4, rows + 2 reach, w]
    first = rows.start - reach - margin  # row of the frame
    start, stop = max(0, -first), min(spread.shape[1], size[0] - first)
    return spread[:, start:stop], first + start
