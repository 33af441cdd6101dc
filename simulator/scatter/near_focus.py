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
from jaxtyping import Float
from torch import Tensor

from simulator.layers.bins import BinnedSurfaces
from simulator.layers.covered_pixels import CoveredPixels
from simulator.optics.aperture import Aperture
from simulator.optics.lens import ThinLens
from simulator.optics.pupil_modes import PupilModes
from simulator.scatter.direct_taps import DIRECT_PX, FIELD_PARTS, TAP_REACH_PX, TapTable, field_tap_table, tap_table

FINE_GAP_PX = 1.0
"""From DIRECT_PX on, discs of bins this close blend into one. Chosen when sharing left g²/12r of the radius (0.035 px
or less); second moments are exact now, and the bound is kept for the look of the disc."""
NEGLIGIBLE_SLOPE2 = 1.2e-2
"""|∇s|² below which slopes are neglected: a slope of 0.11, whose error |∇s|²/4 of the light is 0.3 %."""
_FINEST_GAP_PX = 0.35  # of bins that are exact everywhere: content within half a pixel of blur is not spread at all
_GAPS_TO_EXACT = 2.9  # likewise: g²/12r was below 1 % of r from here on
_NODES_PX = (DIRECT_PX, 3.5, 5.0, 7.0, 10.0, 14.0, 20.0, 28.0, 40.0)


@dataclass(frozen=True)
class Node:
    """Content [4, h, w] to be blurred like a bin at one signed radius; it lies within some rows."""

    content: Float[Tensor, "4 h w"]
    defocus_px: float
    rows: slice


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
    modes: PupilModes | None = None,
) -> NearFocus:
    """The content of neighboring bins near the plane in focus. numbers: of the bins. size: of the frame.

    modes: of a pupil that varies over the frame; `pupil` is then that of its middle.
    """
    zone = _Zone.from_bins(surfaces, numbers, lens, pupil.moment())
    if zone is None:
        return NearFocus()
    height, width = size[0] + 2 * margin, size[1] + 2 * margin
    bins, near = frozenset(zone.held), (zone.held[0], zone.held[-1])
    rows, pixels = surfaces.rows_around(*near), surfaces.around(*near)
    if not pixels.pixel.numel():
        return NearFocus(bins)
    part = zone.sources(surfaces, lens).shifted(zone.shift(pixels, lens), (height, width))
    if part.pixel.numel() > pixels.pixel.numel():
        rows = slice(max(rows.start - 1, 0), min(rows.stop + 1, height))
    light, nodes = part.light, {}
    if zone.radius_px > DIRECT_PX:
        light, beyond = _shared_by_nodes(part, zone.radius_px, modes is not None or pupil.is_two_sided)
        for defocus_px, content in sorted(beyond.items()):
            nodes[defocus_px] = torch.zeros(4, height, width, device=light.device)
            nodes[defocus_px].flatten(1).index_add_(1, part.pixel, content)
    if modes is None:
        table = tap_table(pupil, light.device)
        weights = table.weights(part.q, part.is_in_front if pupil.is_two_sided else None)
    else:
        table = field_tap_table(modes, light.device)
        weights = table.weights(part.q, part.is_in_front, _field_part(part.pixel, size, margin))
    direct, top = _spread(part.pixel, light, weights, table, _Rows(rows, height, width, margin))
    return NearFocus(bins, direct, top, tuple(Node(content, s, rows) for s, content in nodes.items()))


def _field_part(pixel: Tensor, size: tuple[int, int], margin: int) -> Tensor:
    """Which of FIELD_PARTS of the frame each pixel of its padded grid lies in; beyond the frame, the nearest."""
    width = size[1] + 2 * margin
    place = torch.div(pixel, width, rounding_mode="floor") - margin, pixel % width - margin
    row, column = (
        (at.clamp(0, side - 1) * parts).div_(side, rounding_mode="floor")
        for at, side, parts in zip(place, size, FIELD_PARTS, strict=True)
    )
    return row * FIELD_PARTS[1] + column


@dataclass(frozen=True)
class _Sources:
    """P pixels to be spread: flat index, light and coverage [4, P], squared radius q, side of the focus."""

    pixel: Tensor
    light: Tensor
    q: Tensor
    is_in_front: Tensor

    def shifted(self, shift: Float[Tensor, "2 p"], size: tuple[int, int]) -> _Sources:
        """The same light with its centroid moved by `shift`, in pixels: some of it moves to the next pixels."""
        moved = shift.any(0).nonzero()[:, 0]
        if not moved.numel():
            return self
        height, width = size
        shift, pixel, light = shift[:, moved], self.pixel[moved], self.light[:, moved]
        share = shift.abs()
        share = share / share.sum(0).clamp(min=1.0)
        row, column = torch.div(pixel, width, rounding_mode="floor"), pixel % width
        down = (row + shift[0].sign().long()).clamp(0, height - 1) * width + column
        right = row * width + (column + shift[1].sign().long()).clamp(0, width - 1)
        left_over = self.light.index_copy(1, moved, light * (1.0 - share.sum(0)))
        return _Sources(
            torch.cat([self.pixel, down, right]),
            torch.cat([left_over, light * share[0], light * share[1]], 1),
            torch.cat([self.q, self.q[moved].repeat(2)]),
            torch.cat([self.is_in_front, self.is_in_front[moved].repeat(2)]),
        )


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

    def sources(self, surfaces: BinnedSurfaces, lens: ThinLens) -> _Sources:
        """The group's share of the pixels, with the squared radius that makes their total second moment exact.

        Bins are drawn with q_i = s_i² − K² v, and Σ share_i q_i = r². So the zone's part of a pixel has the squared
        radius (r² − Σ share_i q_i) / (1 − Σ share_i), sums over the bins outside the zone.
        """
        numbers, bins = surfaces.entries(self.held[0], self.held[-1]), surfaces.bins
        pixels = surfaces.around(self.held[0], self.held[-1])
        s = (pixels.disparity - lens.focus_disparity) * lens.blur_scale_px
        q, zone_share, held_share = s * s, torch.ones_like(s), torch.ones_like(s)
        next_bins = (self.held.start - 2, self.held.start - 1, self.held.stop, self.held.stop + 1)
        for number in (number for number in next_bins if 0 <= number < len(surfaces.centers)):
            entries = surfaces.entries(number, number)
            common = slice(max(entries.start - numbers.start, 0), min(entries.stop, numbers.stop) - numbers.start)
            share = bins.share(pixels.disparity[common], number)
            held_share[common] -= share
            if number not in self.whole:
                defocus_px = lens.blur_scale_px * (surfaces.centers[number] - lens.focus_disparity)
                zone_share[common] -= share
                q[common] -= share * (defocus_px**2 - lens.blur_scale_px**2 * bins.variance)
        q = q.div_(zone_share.clamp_(min=1e-9)).clamp_(min=0.0)
        return _Sources(pixels.pixel, pixels.content * held_share, q, s > 0)

    def shift(self, pixels: CoveredPixels, lens: ThinLens) -> Float[Tensor, "2 p"]:
        """By how many pixels slopes move the light of each pixel, down and right; 0 where slopes are negligible."""
        scale = lens.blur_scale_px
        slope = pixels.slope * (scale * ((pixels.slope * scale).square().sum(0) >= NEGLIGIBLE_SLOPE2))
        return slope * ((pixels.disparity - lens.focus_disparity) * (0.5 * self.moment * scale))


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


@dataclass(frozen=True)
class _Rows:
    """The rows of a picture that hold all sources. height, width: of the picture, with `margin` beyond the frame."""

    rows: slice
    height: int
    width: int
    margin: int

    @property
    def repeats(self) -> tuple[int, int]:
        """Rows above and below that repeat the edge of the picture, where the rows reach it."""
        return TAP_REACH_PX * (self.rows.start == 0), TAP_REACH_PX * (self.rows.stop == self.height)


def _spread(
    pixel: Tensor, light: Float[Tensor, "4 p"], weights: Float[Tensor, "o p"], table: TapTable, held: _Rows
) -> tuple[Float[Tensor, "4 reached framewidth"], int]:
    """The taps added up on the frame's rows that they reach, and the first of these rows.

    One channel after the other, which stays in a CPU's caches.
    """
    reach, rows, (above, below) = TAP_REACH_PX, held.rows, held.repeats
    padded_width = held.width + 2 * reach
    row = torch.div(pixel, held.width, rounding_mode="floor")
    place = pixel + row * (2 * reach) + (reach - (rows.start - above) * padded_width)
    channels = []
    for channel in light:
        pictures = light.new_zeros(len(weights), rows.stop - rows.start + above + below, padded_width)
        pictures.flatten(1).index_add_(1, place, channel * weights)
        channels.append(table.spread(_with_edges(pictures, above, below)))
    first = rows.start - above - reach - held.margin  # row of the frame
    start, stop = max(0, -first), min(len(channels[0]), held.height - 2 * held.margin - first)
    columns = slice(held.margin, held.width - held.margin)
    return torch.stack([channel[start:stop, columns] for channel in channels]), first + start


def _with_edges(pictures: Float[Tensor, "o h w"], above: int, below: int) -> Float[Tensor, "o h w"]:
    """The pictures with their outermost content repeated in the columns and rows around it, in place."""
    reach = TAP_REACH_PX
    pictures[..., :reach], pictures[..., -reach:] = pictures[..., reach, None], pictures[..., -reach - 1, None]
    if above:
        pictures[:, :above] = pictures[:, above, None]
    if below:
        pictures[:, -below:] = pictures[:, -below - 1, None]
    return pictures
