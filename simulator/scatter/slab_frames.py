"""Frames of a scene whose surfaces are all known: each slab's blurred light times the ratio of it that is visible."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from simulator.layers.slabs import DepthSlabs, seam
from simulator.layers.surfaces import Surfaces
from simulator.optics.aperture import Aperture
from simulator.optics.lens import ThinLens
from simulator.scatter.composite import LEAST_COVERAGE
from simulator.scatter.depth_group import DepthGroup
from simulator.scatter.frame_stack import on_rows
from simulator.scatter.lens_visibility import Covering, LensVisibility, lens_points

LENS_POINTS = 80
_FREE_BYTES = 512 << 20  # the free shares of so many bytes are held at a time
_SEAM = 1.9  # steps between the middles of two slabs that touch, at most


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
        slab = _Slab(surfaces, mean_disparity(surfaces))
        for view in views:
            view.add(group, before, slab)
        if not keeps:
            group.release()
        before = slab
    return [view.normalized() for view in views]


class _Slab(NamedTuple):
    """A slab, and the mean disparity of what it covers."""

    surfaces: Surfaces
    disparity: Tensor


class _FrameView:
    """One frame while slabs are added, nearest first."""

    def __init__(self, layers: DepthSlabs, lens: ThinLens, aperture: Aperture) -> None:
        self._lens, self._aperture, self._step = lens, aperture, layers.step
        self._size, colors = layers.size, aperture.channel_lenses(lens)
        points = lens_points(aperture.pupil, LENS_POINTS)
        self._colors = [(color, LensVisibility(points, *layers.size, layers.device)) for color in colors]
        self._light = torch.zeros(3, *layers.size, device=layers.device)
        self._taken = torch.zeros(len(colors), *layers.size, device=layers.device)

    def add(self, group: DepthGroup, before: _Slab | None, slab: _Slab) -> None:
        """Lay a slab, blurred, behind those so far. before: the slab before it."""
        blurred, top = on_rows(group.blurred([self._lens], self._aperture), *self._size)
        rows = slice(top, top + blurred.shape[-2])
        channels = [(slice(c, c + 1), c) for c in range(3)] if len(self._colors) > 1 else [(slice(0, 3), 0)]
        for (lens, visibility), (light, k) in zip(self._colors, channels, strict=True):
            content = torch.cat([slab.surfaces.light[0, light], slab.surfaces.coverage])
            cover = Covering.of(content, slab.surfaces.margin)
            ratio = visibility.lay(cover, float(lens.defocus_px(slab.disparity)))[:, rows]
            self._light[light, rows].addcmul_(blurred[0, light], ratio[:-1])
            self._taken[k, rows].addcmul_(blurred[0, 3 + k], ratio[-1])
            if before is not None:
                self._close_cracks(lens, visibility, before, slab)

    def _close_cracks(self, lens: ThinLens, visibility: LensVisibility, before: _Slab, slab: _Slab) -> None:
        if float(before.disparity - slab.disparity) > _SEAM * self._step:
            return
        near, far = before.surfaces, slab.surfaces
        reach_px = max(1, math.ceil(0.5 * lens.blur_scale_px * self._step))
        coverage = seam(near, far, self._step, reach_px)
        if bool((coverage > 0).any()):
            boundary = 0.5 * (near.disparity[near.coverage > 0].min() + far.disparity[far.coverage > 0].max())
            visibility.close_cracks(Covering.of(coverage[None], far.margin), float(lens.defocus_px(boundary)), [float(lens.defocus_px(s.disparity)) for s in (before, slab)])

    def normalized(self) -> Float[Tensor, "3 h w"]:
        """The frame: light over the share of the lens that was taken, never negative."""
        return (self._light / self._taken.clamp(min=LEAST_COVERAGE)).clamp_(min=0.0)


def mean_disparity(slab: Surfaces) -> Tensor:
    """Mean disparity of what a slab covers."""
    return (slab.coverage * slab.disparity).sum() / slab.coverage.sum()
