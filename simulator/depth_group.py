"""A depth group: neighbouring disparity bins of a scene, blurred as one.

A group keeps what falls into its bins; pictures and spectra are made when a frame asks for them, octave by octave.
Letters: L bins; N surfaces in the same pixel grid; h, w their size, margin included.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from simulator.aperture import Aperture
from simulator.layers import BinShares, bin_disparities, depth_groups
from simulator.lens import ThinLens
from simulator.octave import CELL_PX, OctaveGrid, drawn_radius, halved, largest_radius_px, octave_of
from simulator.scatter import blurred, blurred_by_channel, spectra, spot_spectra

FEWEST_BINS, MOST_BINS, GROUPS = 16, 48, 6
HIDDEN_BINS, HIDDEN_GROUPS = 8, 2
GUESSED_BINS = 4
_DISPLAY_WHITE = 1.001
_GUESSED_OCTAVE = 1
_LEAST_COVERED = 0.3  # below it the surface only grazes the cell


class Surfaces(NamedTuple):
    """light [N, 3, h, w] (times coverage), coverage [N, h, w], disparity [N, h, w]; margin beyond the frame, pixels."""

    light: Tensor
    coverage: Tensor
    disparity: Tensor
    margin_px: int = 0


class Blur(NamedTuple):
    """How far a scene's bins can be blurred: the largest radius, and radius per unit of disparity at most."""

    max_radius_px: float
    max_scale_px: float


class DepthGroup:
    """Bins of one depth range, nearest first: disparities [L], and the entries that fall into them."""

    def __init__(self, disparities: list[float], shares: BinShares, canvas: Canvas, blur: Blur, octave: int) -> None:
        self.disparities = disparities
        self._shares, self._canvas, self._blur, self._finest = shares, canvas, blur, octave
        self._glows = bool(shares.content[:3].amax() > _DISPLAY_WHITE)
        self._pictures: dict[int, Tensor] = {}
        self._spectra: dict[int, tuple[OctaveGrid, Tensor]] = {}

    def octave(self, lens: ThinLens, aperture: Aperture) -> int:
        """How coarse a grid will do. Light above white draws the rim of its disc: that takes the finest."""
        if self._glows:
            return 0
        radii_px = [abs(s) for channel in aperture.lenses_of_channels(lens) for s in self.defocus_px(channel)]
        return max(self._finest, octave_of(min(radii_px) * aperture.fineness))

    def defocus_px(self, lens: ThinLens) -> list[float]:
        """Signed blur radius of each bin, positive in front of the plane in focus."""
        return [lens.blur_scale_px * (d - lens.focus_disparity) for d in self.disparities]

    def blurred(self, lens: ThinLens, aperture: Aperture) -> Float[Tensor, "k h w"]:
        """Light and coverage on the grid of the lens's octave, with its ring; k = 4, with longitudinal colour 6."""
        grid = self._grid(self.octave(lens, aperture), aperture)
        spots = [self._spots(channel, aperture, grid) for channel in aperture.lenses_of_channels(lens)]
        bins = self._spectra_on(grid)
        if len(spots) == 1:
            return blurred(bins, spots[0], grid)
        return blurred_by_channel(bins, [torch.stack(of_bin) for of_bin in zip(*spots, strict=True)], grid)

    def _spots(self, lens: ThinLens, aperture: Aperture, grid: OctaveGrid) -> list[Tensor]:
        table = spot_spectra(aperture.pupil, grid.padded_height, grid.padded_width, self._shares.content.device)
        spots = []
        for s in self.defocus_px(lens):
            drawn = drawn_radius(abs(s), grid.octave, aperture.moment(1 if s > 0 else -1))
            spots.append(table.of(math.copysign(drawn, s)))
        return spots

    def release(self) -> None:
        """Forget pictures and spectra; they are made anew when asked for."""
        self._pictures.clear()
        self._spectra.clear()

    @property
    def spectra_bytes(self) -> int:
        """What the finest octave's spectra take, in bytes."""
        grid = self._grid(self._finest, Aperture())
        return len(self.disparities) * 4 * (grid.padded_width // 2 + 1) * grid.padded_height * 8

    def _grid(self, octave: int, aperture: Aperture) -> OctaveGrid:
        """Padded for the largest radius that this octave sees of this group."""
        spread_px = self._blur.max_scale_px * (self.disparities[0] - self.disparities[-1] + aperture.focus_spread)
        reach_px = self._blur.max_radius_px
        if not self._glows:
            reach_px = largest_radius_px(octave, spread_px, reach_px, aperture.fineness)
        return OctaveGrid.around(self._canvas.height, self._canvas.width, reach_px, octave)

    def _spectra_on(self, grid: OctaveGrid) -> Float[Tensor, "l 4 x twohp"]:
        made = self._spectra.get(grid.octave)
        if made is None or made[0] != grid:  # another aperture may need more room
            margin = self._canvas.margin_px // 2**grid.octave
            made = self._spectra[grid.octave] = grid, spectra(self._picture(grid.octave), grid, margin)
        return made[1]

    def _picture(self, octave: int) -> Float[Tensor, "l 4 hq wq"]:
        """The bins at 1/q of the size; only coarse ones are kept, as the next coarser is made from them."""
        if octave == 0:
            m = 2 * self._canvas.margin_px
            return self._shares.summed(len(self.disparities), self._canvas.height + m, self._canvas.width + m)
        if octave not in self._pictures:
            picture = halved(self._picture(octave - 1))
            self._pictures[octave] = _whole_cells(picture) if octave == self._finest else picture
        return self._pictures[octave]


class Canvas(NamedTuple):
    """Size of the frame, and what is drawn beyond it on every side: a whole number of the coarsest cells."""

    height: int
    width: int
    margin_px: int


def seen_groups(surfaces: Surfaces, blur: Blur) -> list[DepthGroup]:
    """Groups of what a pinhole sees, nearest first: bins at most two pixels of blur apart up to a radius of 48 px."""
    bins = min(max(round(blur.max_radius_px), FEWEST_BINS), MOST_BINS)
    return _cut(surfaces, blur, bins, GROUPS, octave=0)


def hidden_groups(surfaces: Surfaces, blur: Blur) -> list[DepthGroup]:
    """Groups of a known hidden surface, nearest first: few bins, since it is seen only through others' blur."""
    return _cut(surfaces, blur, HIDDEN_BINS, HIDDEN_GROUPS, octave=0)


def guessed_group(surface: Surfaces, blur: Blur) -> list[DepthGroup]:
    """The one group of a hidden surface that was guessed, and is smooth; none where it is empty."""
    return _cut(surface, blur, GUESSED_BINS, 1, octave=_GUESSED_OCTAVE)


def _cut(surfaces: Surfaces, blur: Blur, bins: int, groups: int, octave: int) -> list[DepthGroup]:
    light, coverage, disparity, margin_px = surfaces
    if not bool((coverage > 0).any()):
        return []
    canvas = Canvas(light.shape[-2] - 2 * margin_px, light.shape[-1] - 2 * margin_px, _whole_margin(margin_px))
    centres = bin_disparities(disparity, bins, where=coverage > 0)
    around = (canvas.margin_px - margin_px,) * 4
    content = F.pad(torch.cat([light, coverage[:, None]], dim=1), around, mode="replicate")  # [N, 4, h, w]
    shares = BinShares.of(content, F.pad(disparity, around, mode="replicate"), centres)
    made = []
    for run in depth_groups(centres, groups):
        entries = shares.of_run(run)
        if entries.index.numel():
            made.append(_without_empty_bins(entries, centres[run].tolist(), canvas, blur, octave))
    return made


def _without_empty_bins(
    entries: BinShares, disparities: Sequence[float], canvas: Canvas, blur: Blur, octave: int
) -> DepthGroup:
    occupied = torch.bincount(entries.index, minlength=len(disparities)) > 0
    number = occupied.cumsum(0) - 1
    kept = [d for d, some in zip(disparities, occupied.tolist(), strict=True) if some]
    return DepthGroup(kept, BinShares(number[entries.index], entries.pixel, entries.content), canvas, blur, octave)


def _whole_cells(picture: Float[Tensor, "l 4 h w"]) -> Float[Tensor, "l 4 h w"]:
    """A guessed surface at half size: a cell that it covers in part it covers whole.

    It lies behind all that is seen, so that nothing shows beyond the silhouette; half covered, the rim would be dark.
    """
    covered = picture[:, 3].sum(dim=0)  # [h, w]
    return picture * torch.where(covered > _LEAST_COVERED, 1.0 / covered.clamp(min=_LEAST_COVERED), 1.0)


def _whole_margin(margin_px: int) -> int:
    return CELL_PX * math.ceil(margin_px / CELL_PX)
