"""Renders primitives to the layers of a LayeredDepthImage.

The ray through each pixel's center, in float64, gives disparity and, in most pixels, the color. Where the center and
the corners meet different parts, 16 jittered samples give the coverage, and up to four of them the color; where color
or depth leaps, 2 × 2 give the color. All work goes in small blocks of samples: they stay in the processor's cache, and
torch does not split over threads what depends on the split in its last bit (powers, sines), so the bytes do not depend
on how many threads there are.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from simulator.layers.ldi import LayeredDepthImage
from simulator.scenes.camera import Camera, Rays, Window, ray_grid
from simulator.scenes.shading import Hit, Shader
from simulator.scenes.solids import MISS, Intersections, Solid, is_boundless, unit

_BLOCK = 1 << 14  # samples at once
_SMALL = 400  # pixels of a window, whatever the canvas cuts off, that are all taken for edges: fewer, longer steps
_WIDTH = 0.7  # of a sample for textures and grain, in pixels: they are as smooth as the pixels allow
_CONTRAST, _DARK = 0.45, 0.003  # |a − b| > contrast (a + b) + dark, of the light of neighbors: too much for one sample
_GRAZING = 6.0  # tangent of the angle between normal and view from which one sample is too little
_OVERSCAN = 2  # pixels rendered beyond the canvas and cut off again
_NEAREST, _FARTHEST = 0.98, 0.02  # disparity of the frame's extremes


_PAIRS = torch.tensor([[0.25, 0.75, 0.25, 0.75], [0.25, 0.25, 0.75, 0.75]])  # 2 × 2 samples of a pixel
_K = torch.arange(16)
_ROOKS = torch.stack([(_K % 4) / 4 + (_K // 4 + 0.5) / 16, (_K // 4) / 4 + (_K % 4 + 0.5) / 16])
"""16 samples of a pixel: every row and column of 16 has one (n rooks)."""
_SPREAD = (_K // 4) + 4 * ((torch.tensor([1, 3, 0, 2])[_K // 4] + _K) % 4)
"""The order in which each fourth of the samples lies in another row and column of four."""
_COLORED = 4  # samples of a pixel at an edge that are shaded, at the most


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

    def assign(self, other: Patch) -> None:
        """Copies the values of a patch of the same window."""
        self.color.copy_(other.color)
        self.coverage.copy_(other.coverage)
        self.inverse_depth.copy_(other.inverse_depth)


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
        hull = camera.window(primitive.solid.corners())
        window = hull.within(camera.canvas)
        if window.height > 0 and window.width > 0:
            patch = _render_primitive(camera, primitive, window, hull.height * hull.width <= _SMALL)
            _composite(layer.crop(window), patch) if used else layer.crop(window).assign(patch)
            used.append(window)
    if used:
        tops, bottoms, lefts, rights = zip(*used, strict=True)
        _extend_past_rim(layer.crop(Window(min(tops), max(bottoms), min(lefts), max(rights))))
    return layer


def _render_primitive(camera: Camera, primitive: Primitive, window: Window, is_small: bool) -> Patch:
    """is_small: take all pixels for edges."""
    patch = Patch.empty(window)
    mixed = torch.ones(window.height, window.width, dtype=torch.bool)
    angle = 0.5 / camera.focal_px
    for rows in _blocks(window):
        block = window._replace(top=window.top + rows.start, bottom=window.top + rows.stop)
        rays = ray_grid(camera, 0.5, torch.float64).rays(block)
        hits = primitive.solid.intersect(rays, angle)
        part = hits.part.view(-1, window.width)
        patch.inverse_depth[rows] = torch.where(part >= 0, hits.inverse_depth.view_as(part), MISS)
        if not is_small:
            mixed[rows] = edges = _edges(camera, primitive.solid, block, hits)
            met = ((part >= 0) & ~edges).flatten().nonzero()[:, 0]
            if met.numel():
                color, share = _shade(primitive, rays, hits, met, camera)
                met += rows.start * window.width
                patch.color.flatten(1).index_copy_(1, met, color)
                patch.coverage.flatten().index_copy_(0, met, share)
    if not is_small:
        plain = (patch.inverse_depth >= 0) & ~mixed
        _recolor(camera, primitive, patch, _steep(patch, plain, _GRAZING / camera.focal_px))
    _resample(camera, primitive, patch, mixed)
    patch.inverse_depth.clamp_(min=0.0)
    return patch


def _edges(camera: Camera, solid: Solid, window: Window, centers: Intersections) -> Tensor:
    """Pixels [h, w] whose center and four corners do not all meet the same part, or that a thin outline crosses.

    A straight edge that crosses a pixel separates its corners.
    """
    h, w = window.height, window.width
    if is_boundless(solid):
        top, bottom, left, right = (float(side) for side in window)
        around = camera.rays(torch.tensor([left, right, left, right]), torch.tensor([top, top, bottom, bottom]))
        if bool((solid.intersect(around, 0.5 / camera.focal_px).part >= 0).all()):
            return torch.zeros(h, w, dtype=torch.bool)
    rays = ray_grid(camera, 0.0, torch.float32).rays(window._replace(bottom=window.bottom + 1, right=window.right + 1))
    hits = solid.intersect(rays, 0.5 / camera.focal_px)
    corners, part = hits.part.view(h + 1, w + 1), centers.part.view(h, w)
    edges = torch.zeros(h, w, dtype=torch.bool) if centers.rim is None else centers.rim.view(h, w)
    for down, right in itertools.product((0, 1), repeat=2):
        edges = edges | (corners[down : down + h, right : right + w] != part)
        if hits.rim is not None:
            edges |= hits.rim.view(h + 1, w + 1)[down : down + h, right : right + w]
    return edges


def _steep(patch: Patch, plain: Tensor, grazing: float) -> Tensor:
    """Those of the plain pixels [h, w] where one sample is too few: light or inverse depth leaps to the next pixel.

    Color does at shadows and in patterns. Depth does on surfaces seen at a grazing angle, of which a pixel holds more
    along one direction than the mipmap, the same in all directions, averages. grazing: the least change
    of depth per pixel, relative to depth.
    """
    light, near = patch.color.sum(0) + (1.0 - patch.coverage), patch.inverse_depth
    steep = torch.zeros_like(plain)
    for dim in (0, 1):
        n = light.shape[dim] - 1
        (a, b), (c, d), (e, f) = ((x.narrow(dim, 0, n), x.narrow(dim, 1, n)) for x in (light, near, plain))
        leap = ((a - b).abs() > _CONTRAST * (a + b) + _DARK) | ((c - d).abs() > 0.5 * grazing * (c + d))
        leap &= e & f
        steep.narrow(dim, 0, n).logical_or_(leap)
        steep.narrow(dim, 1, n).logical_or_(leap)
    return steep


def _recolor(camera: Camera, primitive: Primitive, patch: Patch, pixels: Tensor) -> None:
    """Replaces color and opacity of pixels [h, w] by means over 2 × 2 samples, of those that meet the primitive."""
    for chosen, rays, hits in _samples(camera, primitive.solid, patch.window, pixels, _PAIRS):
        met = (hits.part >= 0).nonzero()[:, 0]
        if not met.numel():
            continue
        samples = torch.zeros(5, hits.part.numel())
        samples[4].index_fill_(0, met, 1.0)
        color, share = _shade(primitive, rays, hits, met, camera)
        samples[:3].index_copy_(1, met, color)
        samples[3].index_copy_(0, met, share)
        sums = samples.view(5, -1, _PAIRS.shape[1]).sum(-1)
        seen = sums[4] > 0
        chosen, means = chosen[seen], sums[:4, seen] / sums[4, seen]
        patch.color.flatten(1).index_copy_(1, chosen, means[:3])
        patch.coverage.flatten().index_copy_(0, chosen, means[3])


def _resample(camera: Camera, primitive: Primitive, patch: Patch, pixels: Tensor) -> None:
    """Replaces color and coverage of pixels [h, w] by means over 16 samples; inverse depth where the center's is
    unknown."""
    colors, coverage, inverse_depth = patch.color.flatten(1), patch.coverage.flatten(), patch.inverse_depth.flatten()
    for chosen, rays, hits in _samples(camera, primitive.solid, patch.window, pixels, _ROOKS):
        met = (hits.part >= 0).to(torch.float32).view(-1, 16)
        share = met.mean(-1)
        depth = (hits.inverse_depth.view(-1, 16) * met).mean(-1)
        picked = met.bool() if primitive.opacity else _picked(met)
        which = picked.flatten().nonzero()[:, 0]
        if which.numel():
            samples = torch.zeros(4, met.numel())
            color, opacity = _shade(primitive, rays, hits, which, camera)
            samples[:3].index_copy_(1, which, color)
            samples[3].index_copy_(0, which, opacity)
            means = samples.view(4, -1, 16).sum(-1) * (share / picked.sum(-1).clamp(min=1))
            colors.index_copy_(1, chosen, means[:3])
            coverage.index_copy_(0, chosen, means[3])
        exact = inverse_depth.index_select(0, chosen)
        known = torch.where(exact >= 0, exact, depth / share.clamp(min=1e-6))
        inverse_depth.index_copy_(0, chosen, torch.where(share > 0, known, MISS))


def _picked(met: Tensor) -> Tensor:
    """Up to _COLORED of the samples that are 1 in each row of [n, 16], spread over the pixel: bool [n, 16]."""
    spread = met[:, _SPREAD]
    stride = (spread.sum(-1, keepdim=True) / _COLORED).ceil().clamp(min=1.0)
    picked = torch.empty_like(met, dtype=torch.bool)
    picked[:, _SPREAD] = ((spread.cumsum(-1) - 1.0) % stride == 0) & (spread > 0)
    return picked


def _samples(
    camera: Camera, solid: Solid, window: Window, pixels: Tensor, offsets: Tensor
) -> Iterator[tuple[Tensor, Rays, Intersections]]:
    """Blocks of the pixels [h, w] of a window: their indices [m], and where the rays through m × samples meet a solid.

    offsets: of the samples from a pixel's upper left corner, x and y: [2, samples].
    """
    for chosen in pixels.flatten().nonzero()[:, 0].split(_BLOCK // offsets.shape[1]):
        row = chosen.div(window.width, rounding_mode="floor")
        x = (window.left + chosen - row * window.width)[:, None] + offsets[0]
        y = (window.top + row)[:, None] + offsets[1]
        rays = camera.rays(x.flatten(), y.flatten())
        yield chosen, rays, solid.intersect(rays, 0.5 / camera.focal_px)


def _shade(primitive: Primitive, rays: Rays, hits: Intersections, met: Tensor, camera: Camera) -> tuple[Tensor, Tensor]:
    """Premultiplied colors [3, m] and coverage [m] where rays meet a primitive.

    met: indices [m] of the rays that do.
    """
    direction, inverse_depth, part = rays.direction, hits.inverse_depth, hits.part
    if met.shape != part.shape:
        direction = direction.index_select(1, met)
        inverse_depth, part = inverse_depth.index_select(0, met), part.index_select(0, met)
    direction, inverse_depth, part = (values.to(torch.float32) for values in (direction, inverse_depth, part))
    depth = 1.0 / inverse_depth.clamp(min=1e-6)
    point = Rays(rays.origin, direction).at(depth)
    normal, uv = primitive.solid.surface(point, part)
    view = unit(direction)
    facing = (normal[0] * view[0] + normal[1] * view[1] + normal[2] * view[2]).abs().clamp(min=0.04)
    hit = Hit(point, normal, uv, part, view, depth * (_WIDTH / camera.focal_px) / facing.sqrt(), depth)
    color = primitive.shader(hit).clamp(min=0.0)
    share = torch.ones_like(depth) if primitive.opacity is None else primitive.opacity(hit)
    return color * share, share


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


def _blocks(window: Window) -> Iterator[slice]:
    """Rows of a window, as many at once as fill a block."""
    step = max(1, _BLOCK // window.width)
    for start in range(0, window.height, step):
        yield slice(start, min(start + step, window.height))
