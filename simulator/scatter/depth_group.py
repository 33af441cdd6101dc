"""A depth group: neighbouring disparity bins of a scene, blurred as one.

A group keeps what falls into its bins; spectra are made when a frame asks for them, their inner parts octave by octave.
Letters: L bins; N surfaces in the same pixel grid; h, w their size, margin included; n lenses.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from simulator.layers.bins import BinPictures, bin_disparities, depth_groups
from simulator.layers.layering import Layers
from simulator.layers.surfaces import Surfaces
from simulator.optics.aperture import Aperture, narrowed_radius_px
from simulator.optics.lens import ThinLens
from simulator.scatter.convolve import BlurredGroup, spectra
from simulator.scatter.direct_taps import DIRECT_PX
from simulator.scatter.inner_spectrum import inner
from simulator.scatter.near_focus import FINE_GAP_PX, NearFocus, near_focus, near_radius_px
from simulator.scatter.octave import OctaveGrid, drawn_radius, octave_of
from simulator.scatter.spot_spectra import SpotSpectra, spot_spectra
from simulator.scatter.spread_bin import SpreadBin

FEWEST_BINS, MOST_BINS = 16, 48
GROUP_PX, FEWEST_GROUPS, MOST_GROUPS = 4.0, 4, 6
"""Radii within a group differ by as many pixels at most, as long as four to six groups do for it."""
HIDDEN_BINS, HIDDEN_GROUPS = 8, 2
GUESSED_BINS = 4
_LEAST_SKEW = 5e-4
_DISPLAY_WHITE = 1.001
_GUESSED_WHITE = 1.25  # what was taken apart at a rim may exceed white by a little


class Bin(NamedTuple):
    """number: among the scene's bins. glows: has light above white, which draws the rim of its disc. rows: of the
    pictures, those that hold anything. variance: in disparity², what sharing pixels with its neighbors adds."""

    number: int
    disparity: float
    glows: bool
    rows: slice
    variance: float = 0.0
    slope2: float = 0.0


class DepthGroup:
    """Bins of one depth range, nearest first, none of them empty."""

    def __init__(self, bins: Sequence[Bin], pictures: BinPictures, margin: int, frame: OctaveGrid) -> None:
        self.bins = bins
        self._size = frame.height, frame.width
        self._pictures, self._margin = pictures, margin
        self._grid = frame.strip(*self._rows_held())
        self._spectra: dict[int, list[Tensor]] = {}
        self._skews: dict[tuple[int, int], Tensor] = {}

    def octave(self, lens: ThinLens, aperture: Aperture) -> int:
        """How coarse a grid will do for a lens."""
        return min(self._octaves(lens, aperture))

    def defocus_px(self, lens: ThinLens) -> list[float]:
        """Signed blur radius of each bin, positive in front of the plane in focus."""
        return [lens.blur_scale_px * (b.disparity - lens.focus_disparity) for b in self.bins]

    def blurred(self, lenses: Sequence[ThinLens], aperture: Aperture) -> BlurredGroup:
        """Light and coverage of n lenses, all of one octave, on the grid of that."""
        octaves = [self._octaves(lens, aperture) for lens in lenses]
        octave = min(octaves[0])
        near = [[self._near(color, aperture) for color in aperture.lenses_of_channels(lens)] for lens in lenses]
        drawn = [self._radii(*of_lens, aperture, octave) for of_lens in zip(lenses, octaves, near, strict=True)]
        nodes = self._node_bins(near, aperture)
        table = self._spots(aperture)
        parts = self._grid.parts
        spread = []
        for of_lens, own in zip(drawn, octaves, strict=True):
            coarsenesses = [2 ** (bin_octave - self._grid.octave) for bin_octave in own]
            bins = [
                SpreadBin(self._spectra_at(coarseness)[number], table.of(radii, coarseness, parts), coarseness)
                for number, (radii, coarseness) in enumerate(zip(of_lens, coarsenesses, strict=True))
                if len(lenses) > 1 or any(radius is not None for radius in radii)
            ]
            bins += self._skewed(lenses[len(spread)], of_lens, own, aperture, octave)
            spread.append(bins + nodes[len(spread)])
        reach = max([DIRECT_PX, *(abs(s) for of_lens in drawn for radii in of_lens for s in radii if s is not None)])
        reach = max([reach, *(abs(node.defocus_px) for of_lens in near for zone in of_lens for node in zone.nodes)])
        rows = self._grid.rows_reached(*self._rows_held(), reach, octave)
        return BlurredGroup(spread, self._grid, 2 ** (octave - self._grid.octave), rows, near)

    def _near(self, lens: ThinLens, aperture: Aperture) -> NearFocus:
        """What lies near the plane in focus. Guessed surfaces, on a coarse grid, are never in focus."""
        if self._grid.octave:
            return NearFocus()
        numbers = [bin_.number for bin_ in self.bins]
        return near_focus(self._pictures, numbers, self._size, self._margin, lens, aperture.pupil)

    def _radii(
        self, lens: ThinLens, octaves: Sequence[int], near: Sequence[NearFocus], aperture: Aperture, octave: int
    ) -> list[list[float | None]]:
        """For each bin, the signed radius of its spot for each color, in cells of the grid; None: not drawn as a bin."""
        colors = [self.defocus_px(color) for color in aperture.lenses_of_channels(lens)]
        return [
            [
                None
                if bin_.number in zone.bins
                else self._drawn(defocus[place], lens.blur_scale_px**2 * bin_.variance, aperture, octave, octaves[place])
                for defocus, zone in zip(colors, near, strict=True)
            ]
            for place, bin_ in enumerate(self.bins)
        ]

    def _skewed(
        self, lens: ThinLens, radii: Sequence[Sequence[float | None]], octaves: Sequence[int], aperture: Aperture, octave: int
    ) -> list[SpreadBin]:
        """What slopes add: a disc whose light is skewed by 1 + u·∇s has its middle s ∇s / 4 off.

        Content − ∇·(content d), d = s ∇s / 4.
        """
        found = []
        for place, bin_ in enumerate(self.bins):
            if all(radius is None for radius in radii[place]) or lens.blur_scale_px**2 * bin_.slope2 < 4 * _LEAST_SKEW:
                continue
            own = min(max(octaves[place], self._grid.octave + 1), self._grid.octave + self._grid.divisor.bit_length() - 1)
            own = max(own, octave)
            coarseness = 2 ** (own - self._grid.octave)
            if (place, coarseness) not in self._skews:
                if (place, 1) not in self._skews:
                    picture = self._pictures.flux_divergence(bin_.number)
                    self._skews[place, 1] = spectra(picture[None], self._grid, self._margin, self._rows)[0]
                self._skews[place, coarseness] = inner(self._skews[place, 1], coarseness).contiguous()
            colors = aperture.lenses_of_channels(lens)
            shifts = [lens.blur_scale_px**2 * (bin_.disparity - color.focus_disparity) / 4 for color in colors]
            scales = [shifts[c % len(shifts)] for c in range(3)] + [sum(shifts) / len(shifts)]
            moved = self._skews[place, coarseness] * torch.tensor(scales, device=self._device)[:, None, None].neg()
            drawn = [
                None if r is None else self._drawn(
                    lens.blur_scale_px * (bin_.disparity - color.focus_disparity), lens.blur_scale_px**2 * bin_.variance, aperture, octave, own
                )
                for r, color in zip(radii[place], colors, strict=True)
            ]
            found.append(SpreadBin(moved, self._spots(aperture).of(drawn, coarseness, self._grid.parts), coarseness))
        return found

    def _node_bins(self, near: Sequence[Sequence[NearFocus]], aperture: Aperture) -> list[list[SpreadBin]]:
        """The nodes of all lenses, as bins: each lens has all of them, with a dark spot where it is not its own."""
        found: list[list[SpreadBin]] = [[] for _ in near]
        for lens, zones in enumerate(near):
            for color, zone in enumerate(zones):
                for node in zone.nodes:
                    spectrum = spectra(node.content[None], self._grid, self._margin, self._rows)[0]
                    for other, bins in enumerate(found):
                        is_own = [other == lens and color == place for place in range(len(zones))]
                        radii = [node.defocus_px if own else None for own in is_own]
                        bins.append(SpreadBin(spectrum, self._spots(aperture).of(radii, 1, self._grid.parts), 1))
        return found

    def _spots(self, aperture: Aperture) -> SpotSpectra:
        parts, height = self._grid.parts, self._grid.padded_height
        return spot_spectra(aperture.pupil, parts * height, self._grid.padded_width, self._device)

    def release(self) -> None:
        """Forget spectra; they are made anew when asked for."""
        self._spectra.clear()
        self._skews.clear()

    @property
    def spectra_bytes(self) -> int:
        """What the spectra take, in bytes; their inner parts, a third more, left out."""
        return len(self.bins) * 4 * (self._grid.padded_width // 2 + 1) * self._grid.padded_height * 8

    @property
    def _rows(self) -> slice:
        return slice(min(b.rows.start for b in self.bins), max(b.rows.stop for b in self.bins))

    def _rows_held(self) -> tuple[int | None, int | None]:
        """First and end row with content, in cells of the frame; None where they are the picture's own."""
        rows = self._rows
        first = rows.start - self._margin if rows.start else None
        return first, rows.stop - self._margin if rows.stop < self._pictures.height else None

    @property
    def _device(self) -> torch.device:
        return self._pictures.bins.device

    def _octaves(self, lens: ThinLens, aperture: Aperture) -> list[int]:
        """For each bin, that of its smallest radius: light above white takes the finest."""
        channels = [self.defocus_px(channel) for channel in aperture.lenses_of_channels(lens)]
        smallest_px = [min(map(abs, of_bin)) for of_bin in zip(*channels, strict=True)]
        finest = self._grid.octave
        near_px = near_radius_px(self._pictures.gap * lens.blur_scale_px)
        return [
            finest if b.glows or r <= near_px else max(finest, octave_of(r * aperture.fineness))
            for b, r in zip(self.bins, smallest_px, strict=True)
        ]

    def _drawn(self, defocus_px: float, less_px2: float, aperture: Aperture, octave: int, own: int) -> float:
        """The signed radius of a bin's spot, in cells of the group's grid. less_px2: what sharing pixels adds to r²."""
        moment = aperture.moment(1 if defocus_px > 0 else -1)
        radius_px = narrowed_radius_px(abs(defocus_px), less_px2, moment) if less_px2 else abs(defocus_px)
        return math.copysign(drawn_radius(radius_px, self._grid.octave, octave, own, moment), defocus_px)

    def _spectra_at(self, coarseness: int) -> list[Tensor]:
        """Of each bin, [4, X, 2 H']."""
        if coarseness not in self._spectra:
            finest = self._whole() if coarseness == 1 else [inner(bin_, coarseness) for bin_ in self._spectra_at(1)]
            self._spectra[coarseness] = finest
        return self._spectra[coarseness]

    def _whole(self) -> list[Tensor]:
        """On a CPU one by one: large pieces leave its caches, and are cleared page by page."""
        if self._device.type == "cuda":
            pictures = self._pictures.of([b.number for b in self.bins])
            return list(spectra(pictures, self._grid, self._margin, self._rows))
        return [spectra(self._pictures.of([b.number]), self._grid, self._margin, b.rows)[0] for b in self.bins]


def group_count(max_radius_px: float) -> int:
    """Number of depth groups for the visible surfaces."""
    return min(max(math.ceil(2 * max_radius_px / GROUP_PX), FEWEST_GROUPS), MOST_GROUPS)


def visible_groups(layers: Layers, max_radius_px: float) -> list[DepthGroup]:
    """Depth groups of what a pinhole sees, nearest first: bins lie at most two pixels of blur apart up to R = 48 px.

    With the focus in the middle of the scene, radii differ by up to twice the largest.
    """
    bins = min(max(math.ceil(2 * max_radius_px / FINE_GAP_PX) + 1, FEWEST_BINS), MOST_BINS)
    return _cut(layers.visible, layers.size, max_radius_px, bins, group_count(max_radius_px))


def hidden_groups(layers: Layers, max_radius_px: float) -> list[DepthGroup]:
    """Depth groups of the hidden surfaces, nearest first: few bins, since they are seen only through others' blur.

    A guess is smooth, so it is blurred on the coarse grid that it was made on. Only where a lamp shines through to it,
    it needs the frame's pixels.
    """
    bins, groups = (GUESSED_BINS, 1) if layers.known is None else (HIDDEN_BINS, HIDDEN_GROUPS)
    found: list[DepthGroup] = []
    for surfaces in layers.hidden:
        if surfaces.octave and bool(surfaces.light.amax() > _GUESSED_WHITE):
            surfaces = surfaces.in_pixels(*layers.size)
        found += _cut(surfaces, layers.size, max_radius_px, bins, groups)
    return found


def _cut(surfaces: Surfaces, size: tuple[int, int], max_radius_px: float, bins: int, groups: int) -> list[DepthGroup]:
    """Surfaces cut into at most `bins` disparity bins, and these into at most `groups` depth groups."""
    coverage, octave = surfaces.coverage, surfaces.octave
    if not bool((coverage > 0).any()):
        return []
    centres = bin_disparities(surfaces.disparity, bins, where=coverage > 0)
    pictures = BinPictures(torch.cat([surfaces.light, coverage[:, None]], dim=1), surfaces.disparity, centres)
    glows = [False] * centres.numel() if octave else pictures.brighter(_DISPLAY_WHITE)
    numbered = [Bin(i, *of_bin) for i, of_bin in enumerate(zip(centres.tolist(), glows, pictures.rows(), pictures.variance, pictures.slope2, strict=True))]
    frame = OctaveGrid.around(*size, max_radius_px, octave, max(octave, octave_of(max_radius_px)))
    runs = ([b for b in numbered[run] if b.rows.stop > b.rows.start] for run in depth_groups(centres, groups))
    return [DepthGroup(run, pictures, surfaces.margin, frame) for run in runs if run]
