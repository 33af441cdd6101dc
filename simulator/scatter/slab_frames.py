"""Frames of a scene whose surfaces are all known: each slab's blurred light times the ratio of it that is visible."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from simulator.layers.box import common, shifted
from simulator.layers.slabs import DepthSlabs
from simulator.layers.surfaces import Surfaces
from simulator.optics.aperture import Aperture
from simulator.optics.lens import ThinLens
from simulator.scatter.composite import LEAST_COVERAGE
from simulator.scatter.covering import Covering
from simulator.scatter.depth_group import DepthGroup
from simulator.scatter.frame_stack import on_rows
from simulator.scatter.lens_visibility import LensVisibility, Visible, lens_points
from simulator.scatter.seam import Seam

LENS_POINTS = 72
_FREE_BYTES = 512 << 20  # the free shares of so many bytes are held at a time
_SEAM_FIRST_PX = 10.0  # blur radius up to which a seam is closed before its far slab is laid


def slab_frames(
    layers: DepthSlabs, groups: Sequence[DepthGroup], lenses: Sequence[ThinLens], aperture: Aperture, keeps: bool
) -> Float[Tensor, "f 3 h w"]:
    """One frame a lens. groups: of the slabs. keeps: their spectra, for other lenses."""
    height, width = layers.size
    colors = 3 if aperture.is_chromatic else 1
    count = max(1, _FREE_BYTES // (4 * LENS_POINTS * colors * height * width))
    frames = [
        frame
        for start in range(0, len(lenses), count)
        for frame in _frames(layers, groups, lenses[start : start + count], aperture, keeps)
    ]
    return torch.stack(frames)


def _frames(
    layers: DepthSlabs, groups: Sequence[DepthGroup], lenses: Sequence[ThinLens], aperture: Aperture, keeps: bool
) -> list[Tensor]:
    """The frames of so few lenses that slabs can be laid for all of them, one slab after the other."""
    views = [_FrameView(layers, lens, aperture) for lens in lenses]
    before: _Slab | None = None
    for surfaces, group in zip(layers.slabs, groups, strict=True):
        slab = _Slab.from_surfaces(surfaces)
        behind = None
        if before is not None:
            boxes = before.covering.box, slab.covering.box
            seam = Seam.between(before.surfaces, surfaces, layers.step, boxes)
            behind = None if seam is None else _Behind(before.disparity, seam)
        for view in views:
            view.add(group, slab, behind)
        if not keeps:
            group.release()
        before = slab
    return [view.normalized() for view in views]


class _Slab(NamedTuple):
    """A slab, its covered part, and the mean disparity of what it covers."""

    surfaces: Surfaces
    covering: Covering
    disparity: float

    @classmethod
    def from_surfaces(cls, surfaces: Surfaces) -> _Slab:
        covering = Covering.from_content(torch.cat([surfaces.light[0], surfaces.coverage]), surfaces.margin)
        return cls(surfaces, covering, float(mean_disparity(surfaces)))


class _Behind(NamedTuple):
    """The slab before another, and their seam."""

    disparity: float
    seam: Seam


class _FrameView:
    """One frame while slabs are added, nearest first."""

    def __init__(self, layers: DepthSlabs, lens: ThinLens, aperture: Aperture) -> None:
        self._lens, self._aperture, self._step = lens, aperture, layers.step
        self._size, colors = layers.size, aperture.channel_lenses(lens)
        points = [lens_points(aperture.pupil.of_channel(number), LENS_POINTS) for number in range(len(colors))]
        self._colors = [
            (color, LensVisibility(seen, *layers.size, layers.device))
            for color, seen in zip(colors, points, strict=True)
        ]
        self._light = torch.zeros(3, *layers.size, device=layers.device)
        self._taken = torch.zeros(len(colors), *layers.size, device=layers.device)

    def add(self, group: DepthGroup, slab: _Slab, behind: _Behind | None) -> None:
        """Lay a slab, blurred, behind those so far. behind: its seam with the slab before it, where they touch."""
        if len(self._colors) == 1:
            coverings = [slab.covering]
        else:
            coverings = [slab.covering.channels(color, 3) for color in range(3)]
        visible = [
            self._laid(lens, visibility, covering, slab.disparity, behind)
            for (lens, visibility), covering in zip(self._colors, coverings, strict=True)
        ]
        if not any(visible):
            return
        blurred, top = on_rows(group.blurred([self._lens], self._aperture), *self._size)
        for k, part in enumerate(visible):
            if part is not None:
                light = slice(3) if len(visible) == 1 else slice(k, k + 1)
                self._add(torch.cat([blurred[0, light], blurred[0, 3 + k : 4 + k]]), top, light, k, part)

    def _add(self, content: Float[Tensor, "c h w"], top: int, light: slice, k: int, part: Visible) -> None:
        """Add what is visible of blurred light and coverage on the rows from `top` on. Overwrites the content."""
        strip = slice(top, top + content.shape[1]), slice(0, content.shape[2])
        inside = common(strip, part.box)
        rows, columns = shifted(inside, -top, 0)
        ratio_rows, ratio_columns = shifted(inside, -part.box[0].start, -part.box[1].start)
        content[:, rows, columns] *= part.ratio[:, ratio_rows, ratio_columns]
        frame_rows, columns = strip if part.is_rest_visible else inside
        rows, columns = shifted((frame_rows, columns), -top, 0)
        self._light[light, frame_rows, columns] += content[:-1, rows, columns]
        self._taken[k, frame_rows, columns] += content[-1, rows, columns]

    def _laid(
        self, lens: ThinLens, visibility: LensVisibility, slab: Covering, disparity: float, behind: _Behind | None
    ) -> Visible | None:
        """What one lens sees of a slab, which is laid, and its seam closed: before it where footprints are small.

        Then the seam is the near slab's, shifted as the far one, so that what the far slab hides itself stays hidden.
        Wide footprints would make that strip cover the slab too.
        """
        defocus_px = _defocus_px(lens, disparity)
        cracked = visibility.cracked(_defocus_px(lens, behind.disparity), defocus_px) if behind else frozenset()
        reach_px = max(1, math.ceil(0.5 * lens.blur_scale_px * self._step))
        is_first = abs(defocus_px) < _SEAM_FIRST_PX
        if behind and cracked and is_first:
            visibility.close_cracks(behind.seam.near_side(reach_px), defocus_px, cracked)
        visible = visibility.lay(slab, defocus_px)
        if behind and cracked and not is_first:
            visibility.close_cracks(behind.seam.both_sides(reach_px), _defocus_px(lens, behind.seam.disparity), cracked)
        return visible

    def normalized(self) -> Float[Tensor, "3 h w"]:
        """The frame: light over the share of the lens that was taken, never negative."""
        return (self._light / self._taken.clamp(min=LEAST_COVERAGE)).clamp_(min=0.0)


def _defocus_px(lens: ThinLens, disparity: float) -> float:
    """Signed blur radius, as `ThinLens.defocus_px` has it for maps."""
    return lens.blur_scale_px * (disparity - lens.focus_disparity)


def mean_disparity(slab: Surfaces) -> Tensor:
    """Mean disparity of what a slab covers."""
    return (slab.coverage * slab.disparity).sum() / slab.coverage.sum()
