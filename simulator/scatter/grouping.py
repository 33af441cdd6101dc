"""Surfaces cut by depth: into disparity bins, and these into depth groups."""

from __future__ import annotations

import torch

from simulator.layers.bins import BinnedSurfaces, depth_groups, disparity_bins
from simulator.layers.layering import Layers
from simulator.layers.slabs import DepthSlabs
from simulator.layers.surfaces import Surfaces
from simulator.scatter.depth_group import DepthGroup
from simulator.scatter.group_spectra import Bin
from simulator.scatter.octave import OctaveGrid, coarsest_octave

BINS = 33
GROUPS = 6
"""Of the visible surfaces, whatever the lenses: a frame must not depend on the other frames of its stack."""
FILLED_BINS = 4
SLAB_BINS = 3
_FILLED_WHITE = 1.25  # light of a pixel that was split at a silhouette may exceed white by a little


def visible_groups(layers: Layers, max_radius_px: float) -> list[DepthGroup]:
    """Depth groups of the surfaces that a pinhole sees, nearest first.

    Up to R = 16 px, neighboring bins lie at most a pixel of blur apart, wherever the focus lies: radii on its two sides
    differ by up to 2 R.
    """
    return _cut(layers.visible, layers.size, max_radius_px, BINS, GROUPS)


def hidden_groups(layers: Layers, max_radius_px: float) -> list[DepthGroup]:
    """Depth groups of the hidden surfaces, nearest first, one for each that is filled in.

    They are smooth, so they are blurred on the coarse grid that they were made on. Only where they hold light above
    white, they need the frame's pixels.
    """
    found: list[DepthGroup] = []
    for surfaces in layers.hidden:
        if surfaces.octave and bool(surfaces.light.amax() > _FILLED_WHITE):
            surfaces = surfaces.in_pixels(*layers.size)
        found += _cut(surfaces, layers.size, max_radius_px, FILLED_BINS, 1)
    return found


def slab_groups(layers: DepthSlabs, max_radius_px: float) -> list[DepthGroup]:
    """One depth group for each slab of a scene whose surfaces are all known, nearest first."""
    return [group for slab in layers.slabs for group in _cut(slab, layers.size, max_radius_px, SLAB_BINS, 1)]


def _cut(surfaces: Surfaces, size: tuple[int, int], max_radius_px: float, bins: int, groups: int) -> list[DepthGroup]:
    """Surfaces cut into at most `bins` disparity bins, and these into at most `groups` depth groups."""
    coverage, octave = surfaces.coverage, surfaces.octave
    if not bool((coverage > 0).any()):
        return []
    spread = disparity_bins(surfaces.disparity, bins, where=coverage > 0)
    content = torch.cat([surfaces.light, coverage[:, None]], dim=1)
    binned = BinnedSurfaces(content, surfaces.disparity, spread, with_spots=not octave)
    properties = (binned.centers, binned.is_sharp(), binned.rows(), binned.slope2)
    numbered = [Bin(number, *values) for number, values in enumerate(zip(*properties, strict=True))]
    frame = OctaveGrid.around(*size, max_radius_px, octave, max(octave, coarsest_octave(max_radius_px)))
    runs = ([b for b in numbered[run] if b.rows.stop > b.rows.start] for run in depth_groups(spread.centers, groups))
    return [DepthGroup(run, binned, surfaces.margin, frame) for run in runs if run]
