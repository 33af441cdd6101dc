"""A depth group: neighbouring disparity bins of a scene as spectra, ready for every lens and every octave.

Letters: L bins; N surfaces in the same pixel grid; h, w their size, margin included; H', W' the padded grid.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from simulator.layers import BinShares, bin_disparities, depth_groups
from simulator.lens import ThinLens
from simulator.scatter import PaddedGrid, octave_of, octave_spectra, planar_spectra

FEWEST_BINS, MOST_BINS, GROUPS = 16, 48, 6
HIDDEN_BINS, HIDDEN_GROUPS = 8, 2
BINS_BEHIND_A_CUT = 4
_DISPLAY_WHITE = 1.001


class Surfaces(NamedTuple):
    """light [N, 3, h, w] (times coverage), coverage [N, h, w], disparity [N, h, w]; margin beyond the frame, pixels."""

    light: Tensor
    coverage: Tensor
    disparity: Tensor
    margin_px: int = 0


class DepthGroup:
    """Neighbouring bins of one depth range: their disparities [L] and padded spectra [L, 4, H', W'/2+1].

    Spectra of coarser octaves are cut out of the full ones when first asked for, and kept. A hidden group is laid
    behind all that is seen.
    """

    def __init__(self, disparity: Float[Tensor, "l"], padded: Float[Tensor, "l 4 hp wp"], hidden: bool = False) -> None:
        self.hidden = hidden
        self.disparities: list[float] = disparity.tolist()
        self._octaves = {0: planar_spectra(padded)}
        self._padded_width = padded.shape[-1]
        self._glows = bool(padded[:, :3].amax() > _DISPLAY_WHITE)

    def spectra(self, octave: int) -> Float[Tensor, "l 2 4 hq freqq"]:
        """The bins' spectra on the grid of an octave."""
        if octave not in self._octaves:
            self._octaves[octave] = octave_spectra(self._octaves[0], self._padded_width, octave)
        return self._octaves[octave]

    def octave(self, lens: ThinLens) -> int:
        """How coarse a grid will do. Light above white draws the rim of its disc: that takes the finest."""
        return 0 if self._glows else octave_of(min(self.radii_px(lens)))

    def radii_px(self, lens: ThinLens) -> list[float]:
        """Blur radius of each bin."""
        return [lens.blur_scale_px * abs(d - lens.focus_disparity) for d in self.disparities]


def seen_groups(grid: PaddedGrid, surfaces: Surfaces, max_radius_px: float) -> list[DepthGroup]:
    """Groups of what a pinhole sees, nearest first: bins at most two pixels of blur apart up to a radius of 48 px."""
    bins = min(max(round(max_radius_px), FEWEST_BINS), MOST_BINS)
    return _cut(grid, surfaces, bins, GROUPS)


def hidden_groups(grid: PaddedGrid, surfaces: Surfaces) -> list[DepthGroup]:
    """Groups of what is hidden, nearest first: few bins, since it is seen only through others' blur."""
    return _cut(grid, surfaces, HIDDEN_BINS, HIDDEN_GROUPS, hidden=True)


def group_behind(grid: PaddedGrid, surface: Surfaces) -> list[DepthGroup]:
    """The one group of what was guessed to lie behind a cut; none where it is empty."""
    return _cut(grid, surface, BINS_BEHIND_A_CUT, 1, hidden=True)


def _cut(grid: PaddedGrid, surfaces: Surfaces, bins: int, groups: int, hidden: bool = False) -> list[DepthGroup]:
    light, coverage, disparity, margin_px = surfaces
    if not bool((coverage > 0).any()):
        return []
    centres = bin_disparities(disparity, bins, where=coverage > 0)
    content = _padded(grid, torch.cat([light, coverage[:, None]], dim=1), margin_px)  # [N, 4, H', W']
    shares = BinShares.of(content, _padded(grid, disparity, margin_px), centres)
    result = []
    for run in depth_groups(centres, groups):
        bin_content = shares.summed(run, grid.padded_height, grid.padded_width)  # [l, 4, H', W']
        occupied = bin_content[:, 3].flatten(1).any(dim=1)
        if bool(occupied.any()):
            result.append(DepthGroup(centres[run][occupied], bin_content[occupied], hidden))
    return result


def _padded(grid: PaddedGrid, image: Tensor, margin_px: int) -> Tensor:
    """The frame's edge, or the margin's where there is one, repeated outwards: what lies beyond it is not known."""
    trim = max(0, margin_px - grid.padding)
    image = image[..., trim : image.shape[-2] - trim, trim : image.shape[-1] - trim]
    before = grid.padding - (margin_px - trim)
    below = grid.padded_height - image.shape[-2] - before
    right = grid.padded_width - image.shape[-1] - before
    return F.pad(image, (before, right, before, below), mode="replicate")
