"""The slow, obvious float64 twin of gather: one lens point at a time, one small step along the rays at a time.

A ray of pixel p through the lens point u passes x(s) = p + s u while its depth runs from the nearest surface to the
farthest, s falling. A layer is met where s falls past the layer's own s at the pixel under x. The twin shares no code
with gather: no planes, no slabs, no footprints, no cells; only many points and many steps.

Letters: p pixel; u point of the lens, |u| <= 1; s = K (D − D_f); T share of a ray not stopped yet.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from simulator.ldi import LayeredDepthImage
from simulator.lens import ThinLens


def gathered_by_steps(
    surfaces: LayeredDepthImage, lens: ThinLens, *, points: int, step_px: float = 0.05, jump_px: float = 0.3
) -> Float[Tensor, "3 h w"]:
    """The frame [3, H, W]: the mean over `points` of the lens, each ray followed in steps of `step_px` of s.

    jump_px: neighbouring pixels of a layer whose s differs by more belong to different things.
    """
    total = torch.zeros(3, surfaces.height, surfaces.width, dtype=torch.float64)
    for k in range(points):
        total += _seen_through(surfaces, lens, *sunflower(k, points), step_px, jump_px)
    return total / points


def sunflower(k: int, count: int) -> tuple[float, float]:
    """Point k of `count` that fill the unit disc evenly: row and column (Vogel 1979)."""
    radius, angle = math.sqrt((k + 0.5) / count), k * math.pi * (3.0 - math.sqrt(5.0))
    return radius * math.sin(angle), radius * math.cos(angle)


def _seen_through(
    surfaces: LayeredDepthImage, lens: ThinLens, uy: float, ux: float, step_px: float, jump_px: float
) -> Tensor:
    """The scene as seen from one point of the lens [3, H, W]."""
    layers = range(len(surfaces.color))
    defocus = lens.blur_scale_px * (surfaces.disparity.double() - lens.focus_disparity)
    seen = defocus[surfaces.coverage > 0]
    near, far = float(seen.max()), float(seen.min())
    py, px = torch.meshgrid(
        torch.arange(surfaces.height) + surfaces.margin_px,
        torch.arange(surfaces.width) + surfaces.margin_px,
        indexing="ij",
    )
    light = torch.zeros(3, *py.shape, dtype=torch.float64)
    free = torch.ones(py.shape, dtype=torch.float64)
    ahead = [torch.ones(py.shape, dtype=torch.bool) for _ in layers]  # the ray is still before this layer
    for i in range(math.ceil((near - far) / step_px) + 2):
        s = near + step_px * (0.5 - i)
        y = (py + s * uy).round().long().clamp(0, defocus.shape[1] - 1)
        x = (px + s * ux).round().long().clamp(0, defocus.shape[2] - 1)
        for layer in layers:
            alpha = surfaces.coverage[layer, y, x].double()
            before = (s > defocus[layer, y, x]) | (alpha == 0)
            # more than a jump: the edge of something nearer, behind which the ray passes
            met = ahead[layer] & ~before & (defocus[layer, y, x] - s <= jump_px + step_px)
            light += surfaces.color[layer][:, y, x] * (free * alpha * met)
            free = free * (1.0 - alpha * met)
            ahead[layer] = before
    return light
