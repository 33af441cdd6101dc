"""Renders primitives to the layers of a LayeredDepthImage.

Every pixel takes 2 × 2 samples; where these or their neighbors meet different parts, 16 jittered ones. Disparity
is traced once more through the pixel's center, in float64. All work goes in small blocks of samples: they stay in
the processor's cache, and torch does not split over threads what depends on the split in its last bit (powers, sines),
so the bytes do not depend on how many threads there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional

from simulator.layers.ldi import LayeredDepthImage
from simulator.scenes.camera import Camera, Rays, Window, ray_grid
from simulator.scenes.mipmap import average_2x2
from simulator.scenes.shading import Hit, Shader
from simulator.scenes.solids import MISS, Intersections, Solid, unit

_BLOCK = 1 << 14  # samples at once
_FINE = 16  # samples of a pixel on an edge
_OVERSCAN = 2  # pixels rendered beyond the canvas and cut off again
_NEAREST, _FARTHEST = 0.98, 0.02  # disparity of the frame's extremes


@dataclass(frozen=True)
class Primitive:
    """A shape, the shader that colors it, and the coverage [n] of what it lets shine through."""

    solid: Solid
    shader: Shader
    opacity: Callable[[Hit], Tensor] | None = None


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


def render_layers(layers: Sequence[tuple[Camera, Sequence[Primitive]]]) -> LayeredDepthImage:
    """One surface per layer, seen by its camera; a layer's primitives are composited, nearest first at each pixel.

    The cameras have the same frame, margin and direction; they may stand in different places.

    Disparity is inverse depth, scaled and shifted so that the frame spans [0.02, 0.98]; points in the margin may
    lie outside. Color and disparity of a surface extend one pixel beyond its rim, so that they may be interpolated;
    further out both are 0.
    """
    camera = layers[0][0]
    more = camera.margin_px + _OVERSCAN  # so that pixels at the border see their neighbors
    drawn = [_render_layer(replace(view, margin_px=more), layer).crop(camera.canvas) for view, layer in layers]
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
    centers = ray_grid(camera, 1, torch.float64)
    for rows in _blocks(window, 1):
        hits = primitive.solid.intersect(centers.rays(window, rows), 1.0 / camera.focal_px)
        exact = hits.inverse_depth.to(torch.float32).reshape(-1, window.width)
        known = (hits.part >= 0).reshape(exact.shape) & (exact >= 0) & (patch.coverage[rows] > 0)
        patch.inverse_depth[rows] = torch.where(known, exact, patch.inverse_depth[rows])
    return patch


def _sample_coarsely(camera: Camera, primitive: Primitive, patch: Patch) -> Tensor:
    """2 × 2 samples a pixel, into `patch`; returns which pixels hold an edge, [h, w].

    Blocks without any other pixel are not shaded: 16 samples replace their colors.
    """
    window = patch.window
    parts = torch.full((2 * window.height, 2 * window.width), MISS)
    rims = torch.zeros(window.height, window.width, dtype=torch.bool)
    angle = 0.5 / camera.focal_px
    blocks = []
    for rows in _blocks(window, 4):
        rays = ray_grid(camera, 2, torch.float32).rays(window, rows)
        hits = primitive.solid.intersect(rays, angle)
        shape = (2 * (rows.stop - rows.start), 2 * window.width)
        parts[2 * rows.start : 2 * rows.stop] = hits.part.reshape(shape)
        if hits.rim is not None:
            rims[rows] = functional.max_pool2d(hits.rim.to(torch.float32).reshape(1, *shape), 2)[0] > 0
        blocks.append((rows, rays, hits))
    around = functional.pad(parts[None, None], (1, 1, 1, 1), mode="replicate")
    highest = functional.max_pool2d(around, 4, stride=2)[0, 0]
    lowest = -functional.max_pool2d(-around, 4, stride=2)[0, 0]
    mixed = (highest != lowest) | rims
    for rows, rays, hits in blocks:
        plain = ((highest[rows] >= 0) & ~mixed[rows]).any()
        samples = _shade_samples(primitive, rays, hits, angle, shaded=bool(plain))
        _store(patch, (rows, slice(None)), average_2x2(samples.reshape(5, -1, 2 * window.width)))
    return mixed


def _resample_edges(camera: Camera, primitive: Primitive, patch: Patch, mixed: Tensor) -> None:
    """16 samples in each pixel that holds an edge: every row and column of 16 has one (n rooks)."""
    k = torch.arange(_FINE)
    offset_x = (k % 4) / 4 + ((k // 4) + 0.5) / 16
    offset_y = (k // 4) / 4 + ((k % 4) + 0.5) / 16
    angle = 0.5 / camera.focal_px
    for pixels in mixed.nonzero().split(_BLOCK // _FINE):
        row, column = pixels.unbind(1)
        x = (patch.window.left + column[:, None] + offset_x).reshape(-1)
        y = (patch.window.top + row[:, None] + offset_y).reshape(-1)
        rays = camera.rays(x, y)
        hits = primitive.solid.intersect(rays, angle)
        samples = _shade_samples(primitive, rays, hits, angle)
        _store(patch, (row, column), samples.reshape(5, -1, _FINE).mean(-1))


def _shade_samples(
    primitive: Primitive, rays: Rays, hits: Intersections, angle: float, *, shaded: bool = True
) -> Tensor:
    """Color (black unless shaded), coverage and inverse depth [5, n] of rays; 0 where they meet nothing."""
    is_met = hits.part >= 0
    samples = torch.zeros(5, is_met.shape[0])
    samples[3] = is_met
    torch.mul(hits.inverse_depth, samples[3], out=samples[4])
    met = is_met.nonzero()[:, 0]
    if not shaded or not met.numel():
        return samples
    direction, inverse_depth, part = rays.direction, hits.inverse_depth, hits.part
    everywhere = met.shape == is_met.shape
    if not everywhere:
        direction = direction.index_select(1, met)
        inverse_depth, part = inverse_depth.index_select(0, met), part.index_select(0, met)
    depth = 1.0 / inverse_depth.clamp(min=1e-6)
    point = Rays(rays.origin, direction).at(depth)
    normal, uv = primitive.solid.surface(point, part)
    view = unit(direction)
    facing = (normal[0] * view[0] + normal[1] * view[1] + normal[2] * view[2]).abs().clamp(min=0.04)
    hit = Hit(point, normal, uv, part, view, depth * angle / facing.sqrt(), depth)
    color = primitive.shader(hit).clamp(min=0.0)
    if primitive.opacity is not None:
        share = primitive.opacity(hit)
        color = color * share
        samples[3:].index_copy_(1, met, samples[3:].index_select(1, met) * share)
    if everywhere:
        samples[:3] = color
    else:
        samples[:3].index_copy_(1, met, color)
    return samples


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
