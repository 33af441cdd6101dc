"""Surfaces prepared for rays: each layer of a scene, and the pieces of it that the rays of one tile can meet.

A ray leaves pixel p through the lens at u (|u| <= 1) and meets a surface of disparity D at x = p + s u, with
s = K (D − D_f) its signed blur radius. Where disparity varies, s = s(x): the hit is the fixed point of x = p + s(x) u.
Around a tile the surface is a plane plus a residual, s(x) = a + g·(x − c) + e(x), so that

    s = (a + g·(p − c) + e(x)) / (1 − g·u)

is exact where e = 0. Elsewhere it is iterated: each iteration scales the error by the slope of e. A layer may also jump
(several objects in one layer, the silhouettes of a photo): where the iteration would not converge, the layer is cut
into slabs of nearly equal s, and a ray may meet each of them. Letters as above; c the middle of the tile.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from simulator.gather.tile import Plane, Tile, extrapolated, fitted_plane, tile_around
from simulator.layers.morphology import dilate, dilate_mask
from simulator.optics.lens import ThinLens

_CONVERGES = 0.5  # slope of e, pixels per pixel, up to which each iteration at least halves the error
_STEEPEST = 0.7  # slope g beyond which rays at the lens's rim run along the plane
_SLAB_PX = 1.5  # thickness of a slab: without convergence a ray is off by less than half of it
_OVERLAP_PX = 0.5  # margin of a slab's range of s: pixel centers lie in the slab, hits between them may not
_MAX_STEPS = 6
_MARGIN_PX = 4  # around a window: linear interpolation and the widest footprint


@dataclass(frozen=True)
class Sheet:
    """One layer: light times coverage, coverage; disparity, extrapolated beyond the covered pixels."""

    layer: int
    content: Float[Tensor, "4 h w"]
    disparity: Float[Tensor, "h w"]
    box: Tile  # around all covered pixels
    farthest: float
    nearest: float

    @classmethod
    def from_layer(
        cls,
        layer: int,
        color: Float[Tensor, "3 h w"],
        coverage: Float[Tensor, "h w"],
        disparity: Float[Tensor, "h w"],
    ) -> Sheet | None:
        """The sheet of a layer; None where it covers no pixel."""
        covered = coverage > 0
        box = tile_around(covered)
        if box is None:
            return None
        far, near = (float(v) for v in torch.aminmax(disparity[covered]))
        content = torch.cat([color * coverage, coverage[None]])
        return cls(layer, content, extrapolated(disparity, covered), box, far, near)


@dataclass(frozen=True)
class Piece:
    """The part of one sheet that the rays of one tile can meet.

    layer:   which sheet; pieces of one sheet divide each pixel among them, they do not occlude each other
    tile:    the pixels whose rays can meet it
    window:  [kh, kw] rows and columns of content and residual: 2^i + 1 each, so that pixel centers are exact
    content: light times coverage, coverage;  residual: e, or None where the plane suffices
    base:    a + g·(p − c) over the tile
    far, near: range of s;  opaque: whether it stops every ray of the tile
    """

    layer: int
    tile: Tile
    window: Tile
    content: Float[Tensor, "4 kh kw"]
    residual: Float[Tensor, "kh kw"] | None
    base: Float[Tensor, "th tw"]
    slope: tuple[float, float]
    steps: int
    far: float
    near: float
    opaque: bool

    @property
    def reach_px(self) -> float:
        return max(abs(self.near), abs(self.far))

    @property
    def least_px(self) -> float:
        return 0.0 if self.near * self.far < 0 else min(abs(self.near), abs(self.far))


def pieces(sheet: Sheet, tile: Tile, lens: ThinLens, flat_px: float) -> list[Piece]:
    """The pieces of a sheet that rays of a tile can meet, nearest first; empty where none can.

    flat_px: a residual e below this is neglected. The canvas must reach beyond the tile by the largest blur radius.
    """
    reach = max(abs(lens.blur_scale_px * (d - lens.focus_disparity)) for d in (sheet.nearest, sheet.farthest))
    met: Tile | None = tile  # the pixels whose rays can meet the sheet
    around: Tile | None = None
    for _ in range(2):  # the second time with the reach of the surface near the tile
        around = met.expanded(math.ceil(reach) + 1).intersection(sheet.box) if met else None
        is_covered = around.crop(sheet.content[3]) > 0 if around else torch.zeros(1, 1, dtype=torch.bool)
        inside = tile_around(is_covered)
        if around is None or inside is None:
            return []
        defocus = lens.defocus_px(around.crop(sheet.disparity))  # [h, w] s
        far, near = (float(v) for v in torch.aminmax(defocus[is_covered]))
        reach = max(abs(far), abs(near))
        met = tile.intersection(inside.shifted(around.top, around.left).expanded(math.ceil(reach) + 1))
    if met is None or around is None:
        return []
    shape = _Shape.fit(defocus, is_covered, around, flat_px)
    window = _window(met, reach)
    content, beyond = window.crop_replicated(sheet.content), lens.defocus_px(window.crop_replicated(sheet.disparity))
    if shape.converges:
        surrounds = met == tile and around == met.expanded(math.ceil(reach) + 1)
        opaque = surrounds and bool((around.crop(sheet.content[3]) >= 1).all())
        return [_piece(sheet.layer, met, window, content, beyond, shape, (far, near), opaque)]
    return _slabs(sheet.layer, met, window, content, beyond, flat_px)


class _Shape(NamedTuple):
    """Shape of a piece around a tile: its plane, iterations to find a hit, and whether these converge."""

    plane: Plane
    steps: int
    converges: bool

    @classmethod
    def fit(cls, defocus: Tensor, is_covered: Tensor, tile: Tile, flat_px: float) -> _Shape:
        plane = fitted_plane(defocus, is_covered, tile)
        residual = defocus - plane.over(tile, like=defocus)
        largest = float(residual[dilate_mask(is_covered, 1)].abs().max())
        if largest < flat_px:
            return cls(plane, 0, plane.slope < _STEEPEST)
        slope = _steepest(residual) / max(1.0 - plane.slope, 0.1)
        steps = math.ceil(math.log(flat_px / largest) / math.log(slope)) if 0.0 < slope < _CONVERGES else _MAX_STEPS
        return cls(plane, min(max(1, steps), _MAX_STEPS), slope <= _CONVERGES and plane.slope < _STEEPEST)


def _piece(
    layer: int,
    met: Tile,
    window: Tile,
    content: Tensor,
    defocus: Tensor,
    shape: _Shape,
    span: tuple[float, float],
    opaque: bool,
) -> Piece:
    residual = defocus - shape.plane.over(window, like=defocus) if shape.steps else None
    base, slope = shape.plane.over(met, like=defocus), (shape.plane.slope_y, shape.plane.slope_x)
    return Piece(layer, met, window, content, residual, base, slope, shape.steps, *span, opaque)


def _slabs(layer: int, met: Tile, window: Tile, content: Tensor, defocus: Tensor, flat_px: float) -> list[Piece]:
    """The surface cut into slabs of nearly equal s, nearest first, each extrapolated beyond its rim."""
    is_covered = content[3] > 0
    far, near = (float(v) for v in torch.aminmax(defocus[is_covered]))
    count = max(1, math.ceil((near - far) / _SLAB_PX))
    thick = max(near - far, 1e-9) / count
    index = torch.where(is_covered, ((near - defocus) / thick).floor().clamp(0, count - 1), -1.0)
    result = []
    for k in range(count):
        in_slab = index == k
        inside = tile_around(in_slab)
        if inside is None:
            continue
        low, high = (float(v) for v in torch.aminmax(defocus[in_slab]))
        reach = math.ceil(max(abs(low), abs(high))) + 1
        within = met.intersection(inside.shifted(window.top, window.left).expanded(reach))
        if within is None:
            continue
        extended = extrapolated(defocus, in_slab | _gentle_neighbors(defocus, in_slab, is_covered))
        shape = _Shape.fit(extended, in_slab, window, flat_px)
        span = (low - _OVERLAP_PX, high + _OVERLAP_PX)
        result.append(_piece(layer, within, window, content * in_slab, extended, shape, span, opaque=False))
    return result


def _gentle_neighbors(defocus: Tensor, in_slab: Tensor, is_covered: Tensor) -> Tensor:
    """Covered pixels within two pixels of a slab, with an s that a slope can explain."""
    highest, lowest = (s * dilate(torch.where(in_slab, s * defocus, -torch.inf), 2) for s in (1, -1))
    return is_covered & (defocus < highest + _OVERLAP_PX * 2) & (defocus > lowest - _OVERLAP_PX * 2)


def _window(tile: Tile, reach: float) -> Tile:
    """The window that rays of a tile meet on surfaces of blur radius up to `reach`, enlarged to sides of 2^i + 1."""
    pad = math.ceil(reach) + _MARGIN_PX
    rows, columns = (2 ** math.ceil(math.log2(n + 2 * pad - 1)) + 1 for n in (tile.height, tile.width))
    return Tile(tile.top - pad, tile.top - pad + rows, tile.left - pad, tile.left - pad + columns)


def _steepest(values: Tensor) -> float:
    """Largest difference between neighboring pixels."""
    differences = [values.diff(dim=k).abs().max() for k in (0, 1) if values.shape[k] > 1]
    return max((float(d) for d in differences), default=0.0)
