"""Frames of a scene whose surfaces are all known: each slab's blurred light times the ratio of it that is visible."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from simulator.layers.slabs import DepthSlabs
from simulator.layers.surfaces import Surfaces
from simulator.optics.aperture import Aperture
from simulator.optics.lens import ThinLens
from simulator.scatter.composite import LEAST_COVERAGE
from simulator.scatter.depth_group import DepthGroup
from simulator.scatter.frame_stack import on_rows
from simulator.scatter.covering import Covering
from simulator.scatter.lens_visibility import LensVisibility, lens_points
from simulator.scatter.seam import Seam

LENS_POINTS = 96
_FREE_BYTES = 512 << 20  # the free shares of so many bytes are held at a time
_SEAM_FIRST_PX = 10.0


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
        seam = before and Seam.between(before.surfaces, surfaces, layers.step, (before.covering.box, slab.covering.box))
        for view in views:
            view.add(group, before, slab, seam)
        if not keeps:
            group.release()
        before = slab
    return [view.normalized() for view in views]


class _Slab(NamedTuple):
    """A slab, and the mean disparity of what it covers."""

    surfaces: Surfaces
    covering: Covering
    disparity: float

    @classmethod
    def from_surfaces(cls, surfaces: Surfaces) -> _Slab:
        content = torch.cat([surfaces.light[0], surfaces.coverage])
        covering = Covering.from_content(content, surfaces.margin)
        assert covering is not None, "no slab is empty"
        return cls(surfaces, covering, float(mean_disparity(surfaces)))


class _FrameView:
    """One frame while slabs are added, nearest first."""

    def __init__(self, layers: DepthSlabs, lens: ThinLens, aperture: Aperture) -> None:
        self._lens, self._aperture, self._step = lens, aperture, layers.step
        self._size, colors = layers.size, aperture.channel_lenses(lens)
        points = lens_points(aperture.pupil, LENS_POINTS)
        self._colors = [(color, LensVisibility(points, *layers.size, layers.device)) for color in colors]
        self._light = torch.zeros(3, *layers.size, device=layers.device)
        self._taken = torch.zeros(len(colors), *layers.size, device=layers.device)

    def add(self, group: DepthGroup, before: _Slab | None, slab: _Slab, seam: Seam | None) -> None:
        """Lay a slab, blurred, behind those so far. before: the slab before it."""
        visible = [self._laid(lens, visibility, number, before, slab, seam) for number, (lens, visibility) in enumerate(self._colors)]
        if not any(visible):
            return
        blurred, top = on_rows(group.blurred([self._lens], self._aperture), *self._size)
        channels = [(slice(c, c + 1), c) for c in range(3)] if len(self._colors) > 1 else [(slice(0, 3), 0)]
        for part, (light, k) in zip(visible, channels, strict=True):
            if part is None:
                continue
            content = torch.cat([blurred[0, light], blurred[0, 3 + k : 4 + k]])
            rows = slice(max(part.box[0].start - top, 0), max(part.box[0].stop - top, 0))
            content[:, rows, part.box[1]] *= part.ratio[:, max(top - part.box[0].start, 0) :][:, : blurred.shape[-2] - rows.start]
            if part.hidden:
                ys, xs = slice(rows.start, min(rows.stop, content.shape[1])), part.box[1]
                self._light[light, top + ys.start : top + ys.stop, xs] += content[:-1, ys, xs]
                self._taken[k, top + ys.start : top + ys.stop, xs] += content[-1, ys, xs]
            else:
                self._light[light, top : top + content.shape[1]] += content[:-1]
                self._taken[k, top : top + content.shape[1]] += content[-1]

    def _laid(self, lens, visibility, number, before, slab, seam):
        s = lens.defocus_px(slab.disparity)
        cracked = visibility.cracked(lens.defocus_px(before.disparity), s) if before and seam else frozenset()
        reach_px = max(1, math.ceil(0.5 * lens.blur_scale_px * self._step))
        if cracked and abs(s) < _SEAM_FIRST_PX:
            visibility.close_cracks(seam.covering(reach_px, near_side=True), s, cracked)
        covering = slab.covering.channels(number, 3) if len(self._colors) > 1 else slab.covering
        part = visibility.lay(covering, s)
        if cracked and abs(s) >= _SEAM_FIRST_PX:
            visibility.close_cracks(seam.covering(reach_px, near_side=False), lens.defocus_px(seam.disparity), cracked)
        return part

    def normalized(self) -> Float[Tensor, "3 h w"]:
        """The frame: light over the share of the lens that was taken, never negative."""
        return (self._light / self._taken.clamp(min=LEAST_COVERAGE)).clamp_(min=0.0)


def mean_disparity(slab: Surfaces) -> Tensor:
    """Mean disparity of what a slab covers."""
    return (slab.coverage * slab.disparity).sum() / slab.coverage.sum()
