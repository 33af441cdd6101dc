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
from simulator.optics.aperture import Aperture
from simulator.optics.lens import ThinLens
from simulator.scatter.convolve import BlurredGroup, spectra
from simulator.scatter.inner_spectrum import inner
from simulator.scatter.octave import OctaveGrid, octave_of, rendered_radius
from simulator.scatter.spot_spectra import SpotSpectra
from simulator.scatter.spread_bin import SpreadBin

FEWEST_BINS, MOST_BINS = 16, 48
GROUP_PX, FEWEST_GROUPS, MOST_GROUPS = 4.0, 4, 6
"""Radii within a group differ by as many pixels at most, as long as four to six groups do for it."""
HIDDEN_BINS, HIDDEN_GROUPS = 8, 2
GUESSED_BINS = 4
_DISPLAY_WHITE = 1.001
_GUESSED_WHITE = 1.25  # light of a pixel that was split at a silhouette may exceed white by a little


class Bin(NamedTuple):
    """One disparity bin of a scene.

    number:    of the scene's bins, nearest first.
    disparity: its center.
    glows:     it has light above white, whose disc needs a sharp rim and therefore the finest grid.
    rows:      rows of its picture between the first and the last with content.
    """

    number: int
    disparity: float
    glows: bool
    rows: slice


class DepthGroup:
    """Bins of one depth range, nearest first, none of them empty."""

    def __init__(self, bins: Sequence[Bin], pictures: BinPictures, margin: int, frame: OctaveGrid) -> None:
        self.bins = bins
        self._pictures, self._margin = pictures, margin
        self._grid = frame.strip(*self._rows_held())
        self._spectra: dict[int, list[Tensor]] = {}

    def octave(self, lens: ThinLens, aperture: Aperture) -> int:
        """Octave of the coarsest grid that suffices for a lens."""
        return min(self._octaves(lens, aperture))

    def defocus_px(self, lens: ThinLens) -> list[float]:
        """Signed blur radius of each bin, positive in front of the plane in focus."""
        return [lens.blur_scale_px * (b.disparity - lens.focus_disparity) for b in self.bins]

    def blurred(self, lenses: Sequence[ThinLens], aperture: Aperture) -> BlurredGroup:
        """Light and coverage blurred for n lenses, on the grid of the one octave that suffices for each of them."""
        octaves = [self._octaves(lens, aperture) for lens in lenses]
        octave = min(octaves[0])
        spread = [self._spread(lens, aperture, octave, of_bins) for lens, of_bins in zip(lenses, octaves, strict=True)]
        reach = max(abs(s) for _, rendered in spread for s in rendered)
        rows = self._grid.rows_reached(*self._rows_held(), reach, octave)
        return BlurredGroup([bins for bins, _ in spread], self._grid, 2 ** (octave - self._grid.octave), rows)

    def _spread(
        self, lens: ThinLens, aperture: Aperture, octave: int, octaves: Sequence[int]
    ) -> tuple[list[SpreadBin], list[float]]:
        """The bins, each of its own octave, with their spots; and the signed radii of these, in cells of the grid."""
        parts, height = self._grid.parts, self._grid.padded_height
        table = SpotSpectra(aperture.pupil, parts * height, self._grid.padded_width, self._device)
        channels = [self.defocus_px(channel) for channel in aperture.lenses_of_channels(lens)]
        spread: list[SpreadBin] = []
        all_rendered: list[float] = []
        for number, bin_octave in enumerate(octaves):
            coarseness = 2 ** (bin_octave - self._grid.octave)
            rendered = [self._rendered(defocus_px[number], aperture, octave, bin_octave) for defocus_px in channels]
            spread.append(
                SpreadBin(self._spectra_at(coarseness)[number], table.of(rendered, coarseness, parts), coarseness)
            )
            all_rendered += rendered
        return spread, all_rendered

    def release(self) -> None:
        """Free the spectra; they are computed again when needed."""
        self._spectra.clear()

    @property
    def spectra_bytes(self) -> int:
        """Size of the full spectra in bytes; their inner parts take a third more."""
        return len(self.bins) * 4 * (self._grid.padded_width // 2 + 1) * self._grid.padded_height * 8

    @property
    def _rows(self) -> slice:
        return slice(min(b.rows.start for b in self.bins), max(b.rows.stop for b in self.bins))

    def _rows_held(self) -> tuple[int | None, int | None]:
        """First and end row with content, in cells of the frame; None where content reaches the picture's edge."""
        rows = self._rows
        first = rows.start - self._margin if rows.start else None
        return first, rows.stop - self._margin if rows.stop < self._pictures.height else None

    @property
    def _device(self) -> torch.device:
        return self._pictures.bins.device

    def _octaves(self, lens: ThinLens, aperture: Aperture) -> list[int]:
        """Octave of each bin by its smallest radius; the finest for bins with light above white."""
        channels = [self.defocus_px(channel) for channel in aperture.lenses_of_channels(lens)]
        smallest_px = [min(map(abs, of_bin)) for of_bin in zip(*channels, strict=True)]
        finest = self._grid.octave
        return [
            finest if b.glows else max(finest, octave_of(r * aperture.fineness))
            for b, r in zip(self.bins, smallest_px, strict=True)
        ]

    def _rendered(self, defocus_px: float, aperture: Aperture, octave: int, bin_octave: int) -> float:
        """The signed radius of a bin's spot, in cells of the group's grid."""
        moment = aperture.moment(1 if defocus_px > 0 else -1)
        return math.copysign(
            rendered_radius(abs(defocus_px), self._grid.octave, octave, bin_octave, moment), defocus_px
        )

    def _spectra_at(self, coarseness: int) -> list[Tensor]:
        """The inner part of each bin's spectrum, [4, X/f, 2 H'/f], f = coarseness."""
        if coarseness not in self._spectra:
            finest = (
                self._full_spectra() if coarseness == 1 else [inner(bin_, coarseness) for bin_ in self._spectra_at(1)]
            )
            self._spectra[coarseness] = finest
        return self._spectra[coarseness]

    def _full_spectra(self) -> list[Tensor]:
        """Spectrum of each bin, [4, X, 2 H']. On a CPU one by one: large pieces leave its caches."""
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
    bins = min(max(round(max_radius_px), FEWEST_BINS), MOST_BINS)
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
    numbered = [Bin(i, *of_bin) for i, of_bin in enumerate(zip(centres.tolist(), glows, pictures.rows(), strict=True))]
    frame = OctaveGrid.around(*size, max_radius_px, octave, max(octave, octave_of(max_radius_px)))
    runs = ([b for b in numbered[run] if b.rows.stop > b.rows.start] for run in depth_groups(centres, groups))
    return [DepthGroup(run, pictures, surfaces.margin, frame) for run in runs if run]
