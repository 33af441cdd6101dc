"""Content near the plane in focus, spread at the radius of each pixel, where bins would be too coarse.

A pixel is shared by three bins and rendered with their three radii. Far from focus these differ little relative to r;
near focus they do not look like one disc. So the bins around the plane in focus, the "zone", are not blurred as bins.
Their share of a pixel is spread at the radius that makes the pixel's total second moment exact. Up to DIRECT_PX it is
spread tap by tap. Beyond, where bins are far apart, it is divided among a few "nodes", which are blurred like bins, for
this lens alone.
Letters: s signed blur radius; q = r² squared radius; v variance of sharing, in disparity²; g gap of bins, px; P pixels.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from simulator.layers.bins import BinnedSurfaces, DisparityBins
from simulator.layers.covered_pixels import CoveredPixels
from simulator.optics.aperture import Aperture
from simulator.optics.lens import ThinLens
from simulator.scatter.direct_taps import DIRECT_PX, TAP_REACH_PX, TapTable, tap_table

FINE_GAP_PX = 1.0
"""From DIRECT_PX on, bins this close are exact to 0.035 px: g²/12 r, what the mean of w (1 − w) g² leaves at most."""
_FINEST_GAP_PX = 0.35  # of bins that are exact everywhere: content within half a pixel of blur is not spread at all
_GAPS_TO_EXACT = 2.9  # from this many gaps on, g²/12 r is below 1 % of r
_NODES_PX = (DIRECT_PX, 3.5, 5.0, 7.0, 10.0, 14.0, 20.0, 28.0, 40.0)


@dataclass(frozen=True)
class Node:
    """Content [4, h, w] to be blurred like a bin at one signed radius."""

    content: Float[Tensor, "4 h w"]
    defocus_px: float


@dataclass(frozen=True)
class NearFocus:
    """A group's content near the plane in focus of one lens.

    bins:   numbers of the bins that are not blurred as bins.
    direct: [4, rows, width] light and coverage spread tap by tap, on rows of the frame from `top` on; None: nothing.
    nodes:  content to be blurred like bins.
    """

    bins: frozenset[int] = frozenset()
    direct: Float[Tensor, "4 rows w"] | None = None
    top: int = 0
    nodes: tuple[Node, ...] = ()


def near_radius_px(gap_px: float) -> float:
    """Radius of the zone: from it on, bins this far apart are exact to max(1 %, 0.035 px)."""
    if gap_px < _FINEST_GAP_PX:
        return 0.0
    if gap_px <= FINE_GAP_PX:
        return min(max(gap_px**2 / 0.36, 0.75), DIRECT_PX)
    return max(_GAPS_TO_EXACT * gap_px, DIRECT_PX)


def spread_near_focus(
    surfaces: BinnedSurfaces,
    numbers: Sequence[int],
    size: tuple[int, int],
    margin: int,
    lens: ThinLens,
    pupil: Aperture,
) -> NearFocus:
    """The content of neighboring bins near the plane in focus. numbers: of the bins. size: of the frame."""
    zone = _Zone.from_bins(surfaces, numbers, lens, pupil.moment())
    if zone is None:
        return NearFocus()
    height, width = size[0] + 2 * margin, size[1] + 2 * margin
    bins, pixels = frozenset(zone.held), surfaces.around(zone.held[0], zone.held[-1])
    if not pixels.pixel.numel():
        return NearFocus(bins)
    part = zone.sources(pixels, surfaces.bins, lens, (height, width))
    rows = slice(part.top(width), part.bottom(width))
    table = tap_table(pupil, surfaces.device)
    light, nodes = part.light, []
    if zone.radius_px > DIRECT_PX:
        light, beyond = _shared_by_nodes(part, zone.radius_px, pupil.is_two_sided)
        for defocus_px, share in sorted(beyond.items()):
            content = torch.zeros(4, height, width, device=light.device)
            content.flatten(1).index_add_(1, part.pixel, share)
            nodes.append(Node(content, defocus_px))
    weights = table.weights(part.q, part.is_in_front if pupil.is_two_sided else None)
    direct, top = _spread(part.pixel - rows.start * width, light, weights, table, rows, size, margin)
    return NearFocus(bins, direct, top, tuple(nodes))


@dataclass(frozen=True)
class _Sources:
    """P pixels to be spread: flat index, light and coverage [4, P], squared radius q, side of the focus."""

    pixel: Tensor
    light: Tensor
    q: Tensor
    is_in_front: Tensor

    def shifted(self, shift: Tensor, size: tuple[int, int]) -> _Sources:
        """The same light with its centroid moved by `shift` [2, P] pixels: some of it moves to the next pixels."""
        if not shift.numel() or float(shift.abs().amax()) < 0.01:
            return self
        height, width = size
        share = shift.abs()
        share = share / share.sum(0).clamp(min=1.0)
        row, column = torch.div(self.pixel, width, rounding_mode="floor"), self.pixel % width
        down = (row + shift[0].sign().long()).clamp(0, height - 1) * width + column
        right = row * width + (column + shift[1].sign().long()).clamp(0, width - 1)
        light = [self.light * (1.0 - share.sum(0)), self.light * share[0], self.light * share[1]]
        return _Sources(
            torch.cat([self.pixel, down, right]), torch.cat(light, 1), self.q.repeat(3), self.is_in_front.repeat(3)
        )

    def top(self, width: int) -> int:
        return int(self.pixel.min()) // width

    def bottom(self, width: int) -> int:
        return int(self.pixel.max()) // width + 1


@dataclass(frozen=True)
class _Zone:
    """The bins near focus, of which a group holds some: runs of neighbors, nearest first.

    whole: all of them.
    held:  those of the group.
    """

    whole: range
    held: range
    radius_px: float
    moment: float

    @classmethod
    def from_bins(cls, surfaces: BinnedSurfaces, numbers: Sequence[int], lens: ThinLens, moment: float) -> _Zone | None:
        """The zone; None where none of the bins with these numbers is near focus, or all bins are exact."""
        radius_px = near_radius_px(lens.blur_scale_px * surfaces.bins.gap)
        if not radius_px:
            return None
        defocus = [lens.blur_scale_px * (center - lens.focus_disparity) for center in surfaces.centers]
        whole, held = (
            [number for number in candidates if abs(defocus[number]) <= radius_px]
            for candidates in (range(len(defocus)), numbers)
        )
        if not held:
            return None
        return cls(range(whole[0], whole[-1] + 1), range(held[0], held[-1] + 1), radius_px, moment)

    def sources(self, pixels: CoveredPixels, bins: DisparityBins, lens: ThinLens, size: tuple[int, int]) -> _Sources:
        """The group's share of the pixels, with the squared radius that makes their total second moment exact.

        Bins are drawn with q_i = s_i² − K² v, and Σ share_i q_i = r². So the zone's part of a pixel, at the squared
        radius Σ share_i q_i / Σ share_i over the zone's bins, leaves the whole pixel with r².
        """
        number, share = bins.shares(pixels.disparity)  # [3, P]
        s = (bins.centers[number] - lens.focus_disparity) * lens.blur_scale_px
        near = share * ((number >= self.whole.start) & (number < self.whole.stop))
        held = (share * ((number >= self.held.start) & (number < self.held.stop))).sum(0)
        q = (near * (s * s - lens.blur_scale_px**2 * bins.variance)).sum(0) / near.sum(0).clamp(min=1e-9)
        own_s = (pixels.disparity - lens.focus_disparity) * lens.blur_scale_px
        shift = pixels.slope * (own_s * (0.5 * self.moment * lens.blur_scale_px))
        part = _Sources(pixels.pixel, pixels.content * held, q.clamp_(min=0.0), own_s > 0)
        return part.shifted(shift, size)


def _shared_by_nodes(part: _Sources, radius_px: float, is_two_sided: bool) -> tuple[Tensor, dict[float, Tensor]]:
    """The light to be spread tap by tap, and the light of each node by its signed radius. Shares are linear in q."""
    nodes = _NODES_PX[: bisect.bisect_left(_NODES_PX, radius_px) + 1]
    q = [node**2 for node in nodes]
    sides = ((1.0, part.is_in_front), (-1.0, ~part.is_in_front)) if is_two_sided else ((-1.0, None),)
    node_light: dict[float, Tensor] = {}
    for number in range(1, len(nodes)):
        share = ((part.q - q[number - 1]) / (q[number] - q[number - 1])).clamp_(0.0, 1.0)
        if number + 1 < len(nodes):
            share = torch.minimum(share, ((q[number + 1] - part.q) / (q[number + 1] - q[number])).clamp_(0.0, 1.0))
        for sign, side in sides:
            side_share = share if side is None else share * side
            if bool((side_share > 0).any()):
                node_light[sign * nodes[number]] = part.light * side_share
    return part.light * ((q[1] - part.q) / (q[1] - q[0])).clamp_(0.0, 1.0), node_light


def _spread(
    pixel: Tensor, light: Tensor, weights: Tensor, table: TapTable, rows: slice, size: tuple[int, int], margin: int
) -> tuple[Float[Tensor, "4 reached framewidth"], int]:
    """The taps added up on the frame's rows that they reach, and the first of these rows. One class after the other.

    pixel: of the picture of these rows. weights: of the classes of taps.
    """
    count, width = rows.stop - rows.start, size[1] + 2 * margin
    total = light.new_zeros(4, count + 2 * TAP_REACH_PX, width)
    for number in range(len(table.offsets)):
        picture = total.new_zeros(4, count, width)
        picture.flatten(1).index_add_(1, pixel, light * weights[number])
        table.add_shifted(total, number, _padded(picture, rows, size[0] + 2 * margin))
    first = rows.start - TAP_REACH_PX - margin  # row of the frame
    start, stop = max(0, -first), min(total.shape[1], size[0] - first)
    return total[:, start:stop, margin : margin + size[1]], first + start


def _padded(picture: Float[Tensor, "4 rows w"], rows: slice, bottom: int) -> Float[Tensor, "4 padded widew"]:
    """TAP_REACH_PX more columns and twice as many more rows on each side. The edge of the whole picture is repeated."""
    reach = TAP_REACH_PX
    wide = F.pad(picture, (reach, reach, 0, 0), mode="replicate")
    edges = [wide[:, side].expand(-1, reach, -1) for side in (slice(0, 1), slice(-1, None))]
    above, below = (
        edge if is_edge else torch.zeros_like(edge)
        for edge, is_edge in zip(edges, (rows.start == 0, rows.stop == bottom), strict=True)
    )
    return torch.cat([torch.zeros_like(above), above, wide, below, torch.zeros_like(below)], dim=1)
