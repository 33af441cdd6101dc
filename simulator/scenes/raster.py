"""Renders primitives to the layers of a LayeredDepthImage.

Every pixel takes 2 × 2 samples; where these or their neighbors meet different parts, 16 jittered ones. Disparity
is traced once more through the pixel's center, in float64. All work goes in small blocks of samples: they stay in
the processor's cache, and torch does not split them over threads, so the bytes do not depend on how many there are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional

from simulator.layers.ldi import LayeredDepthImage
from simulator.scenes.camera import Camera, Rays, Window
from simulator.scenes.mipmap import average_2x2
from simulator.scenes.shading import Hit, Shader
from simulator.scenes.solids import MISS, Intersections, Solid, unit

_BLOCK = 1 << 14  # samples at once
_FINE = 16  # samples of a pixel on an edge
_OVERSCAN = 2  # pixels rendered beyond the canvas and cut off again
_NEAREST, _FARTHEST = 0.98, 0.02  # disparity of the frame's extremes


@dataclass(frozen=True)
class Primitive:
    """A shape and the shader that colors it."""

    solid: Solid
    shader: Shader


@dataclass(frozen=True)
class Patch:
    """Part of a layer. Color is linear light, premultiplied by coverage; inverse depth is in 1/m."""

    window: Window
    color: Tensor  # [3, h, w]
    coverage: Tensor  # [h, w]
    inverse_depth: Tensor  # [h, w]

    @classmethod
    def empty(cls, window: Window) -> Patch:
        h, w = window.height, window.width
        return cls(window, torch.zeros(3, h, w), torch.zeros(h, w), torch.zeros(h, w))

    def crop(self, window: Window) -> Patch:
        """A view of a smaller window."""
        rows = slice(window.top - self.window.top, window.bottom - self.window.top)
        columns = slice(window.left - self.window.left, window.right - self.window.left)
        return Patch(
            window, self.color[:, rows, columns], self.coverage[rows, columns], self.inverse_depth[rows, columns]
        )


def render_layers(camera: Camera, layers: Sequence[Sequence[Primitive]]) -> LayeredDepthImage:
    """One surface per layer; the primitives of a layer are composited, nearest first at each pixel.

    Disparity is inverse depth, scaled and shifted so that the frame spans [0.02, 0.98]; points in the margin may
    lie outside. Color and disparity of a surface extend one pixel beyond its rim, so that they may be interpolated;
    further out both are 0.
    """
    wide = replace(camera, margin_px=camera.margin_px + _OVERSCAN)  # so that pixels at the border see their neighbors
    drawn = [_render_layer(wide, primitives).crop(camera.canvas) for primitives in layers]
    frame = [patch.crop(Window(0, camera.height, 0, camera.width)) for patch in drawn]
    nearest = max(float(torch.where(p.coverage > 0, p.inverse_depth, 0.0).max()) for p in frame)
    farthest = min(float(torch.where(p.coverage > 0, p.inverse_depth, torch.inf).min()) for p in frame)
    scale = (_NEAREST - _FARTHEST) / max(nearest - farthest, 1e-9)
    return LayeredDepthImage(
        color=torch.stack([patch.color for patch in drawn]),
        coverage=torch.stack([patch.coverage for patch in drawn]),
        disparity=torch.stack([_disparity(patch, farthest, scale) for patch in drawn]),
        margin_px=camera.margin_px,
    )


def _disparity(patch: Patch, farthest: float, scale: float) -> Tensor:
    nothing = (patch.coverage == 0) & (patch.inverse_depth == 0)
    return torch.where(nothing, 0.0, (patch.inverse_depth - farthest) * scale + _FARTHEST)


def _render_layer(camera: Camera, primitives: Sequence[Primitive]) -> Patch:
    layer = Patch.empty(camera.canvas)
    used: list[Window] = []
    for primitive in primitives:
        window = camera.window(primitive.solid.corners())
        if window.height > 0 and window.width > 0:
            used.append(window)
            _composite(layer.crop(window), _render_primitive(camera, primitive, window))
    if used:
        tops, bottoms, lefts, rights = zip(*used, strict=True)
        _extend_past_rim(layer.crop(Window(min(tops), max(bottoms), min(lefts), max(rights))))
    return layer


def _render_primitive(camera: Camera, primitive: Primitive, window: Window) -> Patch:
    patch = Patch.empty(window)
    mixed = _sample_coarsely(camera, primitive, patch)
    _resample_edges(camera, primitive, patch, mixed)
    for rows in _blocks(window, 1):  # disparity at pixel centers
        hits = primitive.solid.intersect(camera.rays(*_grid(window, rows, 1, torch.float64)), 1.0 / camera.focal_px)
        exact = hits.inverse_depth.to(torch.float32).reshape(-1, window.width)
        known = (hits.part >= 0).reshape(exact.shape) & (exact >= 0) & (patch.coverage[rows] > 0)
        patch.inverse_depth[rows] = torch.where(known, exact, patch.inverse_depth[rows])
    return patch


def _sample_coarsely(camera: Camera, primitive: Primitive, patch: Patch) -> Tensor:
    """2 × 2 samples a pixel, into `patch`; returns which pixels hold an edge, [h, w]."""
    window = patch.window
    parts = torch.full((2 * window.height, 2 * window.width), MISS)
    rims = torch.zeros(window.height, window.width, dtype=torch.bool)
    for rows in _blocks(window, 4):
        shape = (2 * (rows.stop - rows.start), 2 * window.width)
        samples, hits = _shade_samples(camera, primitive, *_grid(window, rows, 2, torch.float32))
        _store(patch, (rows, slice(None)), average_2x2(samples.reshape(5, *shape)))
        parts[2 * rows.start : 2 * rows.stop] = hits.part.reshape(shape)
        if hits.rim is not None:
            rims[rows] = functional.max_pool2d(hits.rim.to(torch.float32).reshape(1, *shape), 2)[0] > 0
    around = functional.pad(parts[None, None], (1, 1, 1, 1), mode="replicate")
    highest = functional.max_pool2d(around, 4, stride=2)[0, 0]
    lowest = -functional.max_pool2d(-around, 4, stride=2)[0, 0]
    return (highest != lowest) | rims


def _resample_edges(camera: Camera, primitive: Primitive, patch: Patch, mixed: Tensor) -> None:
    """16 samples in each pixel that holds an edge: every row and column of 16 has one (n rooks)."""
    k = torch.arange(_FINE)
    offset_x = (k % 4) / 4 + ((k // 4) + 0.5) / 16
    offset_y = (k // 4) / 4 + ((k % 4) + 0.5) / 16
    for pixels in mixed.nonzero().split(_BLOCK // _FINE):
        row, column = pixels.unbind(1)
        x = (patch.window.left + column[:, None] + offset_x).reshape(-1)
        y = (patch.window.top + row[:, None] + offset_y).reshape(-1)
        samples, _ = _shade_samples(camera, primitive, x, y)
        _store(patch, (row, column), samples.reshape(5, -1, _FINE).mean(-1))


def _shade_samples(camera: Camera, primitive: Primitive, x: Tensor, y: Tensor) -> tuple[Tensor, Intersections]:
    """Samples at pixel coordinates as in `Camera.rays`: color, coverage, inverse depth [5, n], and intersections.

    All are 0 where a ray meets nothing."""
    rays = camera.rays(x, y)
    angle = 0.5 / camera.focal_px
    hits = primitive.solid.intersect(rays, angle)
    is_met = hits.part >= 0
    met = is_met.nonzero()[:, 0]
    samples = torch.zeros(5, is_met.shape[0])
    samples[3] = is_met
    torch.mul(hits.inverse_depth, samples[3], out=samples[4])
    if met.numel():
        seen = Rays(rays.origin, rays.direction.index_select(1, met))
        depth = 1.0 / hits.inverse_depth[met].clamp(min=1e-6)
        part, point = hits.part[met], seen.at(depth)
        normal, uv = primitive.solid.surface(point, part)
        view = unit(seen.direction)
        facing = (normal[0] * view[0] + normal[1] * view[1] + normal[2] * view[2]).abs().clamp(min=0.04)
        hit = Hit(point, normal, uv, part, view, depth * angle / facing.sqrt(), depth)
        samples[:3].index_copy_(1, met, primitive.shader(hit).clamp(min=0.0))
    return samples, hits


def _composite(layer: Patch, patch: Patch) -> None:
    """Composites a patch into its layer in place, in front of or behind its content, pixel by pixel."""
    nearer = (patch.coverage > 0) & ((layer.coverage == 0) | (patch.inverse_depth >= layer.inverse_depth))
    front_color = torch.where(nearer, patch.color, layer.color)
    back_color = torch.where(nearer, layer.color, patch.color)
    front = torch.where(nearer, patch.coverage, layer.coverage)
    back = torch.where(nearer, layer.coverage, patch.coverage)
    near = torch.where(nearer, patch.inverse_depth, layer.inverse_depth)
    far = torch.where(nearer, layer.inverse_depth, patch.inverse_depth)
    layer.color.copy_(front_color + (1.0 - front) * back_color)
    layer.coverage.copy_((front + (1.0 - front) * back).clamp(max=1.0))
    layer.inverse_depth.copy_(torch.where((front >= 0.5) | (front >= back), near, far))


def _extend_past_rim(layer: Patch) -> None:
    """Divides color by coverage in place, and extends color and inverse depth one pixel beyond the rim."""
    bare = layer.coverage == 0
    share = layer.coverage.clone()
    if bare.any():
        stack = torch.cat([layer.color, layer.coverage[None], (layer.inverse_depth * layer.coverage)[None]])
        around = _sum_of_three(_sum_of_three(stack, -1), -2)
        share = torch.where(bare, around[3], share)
        layer.color.copy_(torch.where(bare, around[:3], layer.color))
        layer.inverse_depth.copy_(torch.where(bare, around[4] / share.clamp(min=1e-9), layer.inverse_depth))
    layer.color.div_(share.clamp(min=1e-9))


def _sum_of_three(values: Tensor, dim: int) -> Tensor:
    """Each element and its two neighbors along a dimension."""
    total = values.clone()
    last = values.shape[dim] - 1
    total.narrow(dim, 0, last).add_(values.narrow(dim, 1, last))
    total.narrow(dim, 1, last).add_(values.narrow(dim, 0, last))
    return total


def _store(patch: Patch, pixels: tuple[slice | Tensor, slice | Tensor], means: Tensor) -> None:
    """Puts color, coverage and inverse depth, averaged over samples, into a patch."""
    patch.color[:, pixels[0], pixels[1]] = means[:3]
    patch.coverage[pixels] = means[3]
    patch.inverse_depth[pixels] = means[4] / means[3].clamp(min=1e-6)


def _blocks(window: Window, samples: int) -> Iterator[slice]:
    """Rows of a window, as many at once as give a block of samples."""
    step = max(1, _BLOCK // (samples * window.width))
    for start in range(0, window.height, step):
        yield slice(start, min(start + step, window.height))


def _grid(window: Window, rows: slice, per_pixel: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Pixel coordinates of a regular grid of samples over some rows: x [1, w], y [h, 1]."""
    x = window.left + (torch.arange(per_pixel * window.width, dtype=dtype) + 0.5) / per_pixel
    y = window.top + rows.start + (torch.arange(per_pixel * (rows.stop - rows.start), dtype=dtype) + 0.5) / per_pixel
    return x[None, :], y[:, None]
