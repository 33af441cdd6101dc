"""The slow float64 twin of gather: ray marching, one point of the lens at a time, one small step at a time.

A ray of pixel p through the lens point u passes x(s) = p + s u while its depth runs from the nearest surface to the
farthest, s falling. A layer is met where s falls past the layer's own s at the pixel under x. The twin shares no code
with gather: it has no planes, slabs, footprints or cells, only many points and many steps.

Letters: p pixel; u point of the lens, |u| <= 1; s = K (D − D_f); T share of a ray that no layer has stopped yet.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from simulator.layers.ldi import LayeredDepthImage
from simulator.optics.lens import ThinLens


def ray_marched_frame(
    surfaces: LayeredDepthImage, lens: ThinLens, *, points: int, step_px: float = 0.05, jump_px: float = 0.3
) -> Float[Tensor, "3 h w"]:
    """The frame [3, H, W]: the mean over `points` of the lens, with rays marched in steps of `step_px` of s.

    jump_px: neighboring pixels of a layer whose s differs by more belong to different objects.
    """
    total = torch.zeros(3, surfaces.height, surfaces.width, dtype=torch.float64)
    for k in range(points):
        total += _pinhole_view(surfaces, lens, *sunflower(k, points), step_px, jump_px)
    return total / points


def sunflower(k: int, count: int) -> tuple[float, float]:
    """Point k of `count` that fill the unit disc evenly: row and column (Vogel 1979)."""
    radius, angle = math.sqrt((k + 0.5) / count), k * math.pi * (3.0 - math.sqrt(5.0))
    return radius * math.sin(angle), radius * math.cos(angle)


def _pinhole_view(
    surfaces: LayeredDepthImage, lens: ThinLens, uy: float, ux: float, step_px: float, jump_px: float
) -> Tensor:
    """The scene as one point of the lens sees it, [3, H, W]."""
    defocus = lens.blur_scale_px * (surfaces.disparity.double() - lens.focus_disparity)
    alpha = surfaces.coverage.double()
    defocus = torch.where(alpha > 0, defocus, -torch.inf)  # uncovered: never met
    near, far = float(defocus.max()), float(defocus[alpha > 0].min())
    m, h, w = surfaces.margin_px, surfaces.height, surfaces.width
    py, px = torch.meshgrid(torch.arange(m, m + h), torch.arange(m, m + w), indexing="ij")
    light = torch.zeros(3, h, w, dtype=torch.float64)
    free = torch.ones(h, w, dtype=torch.float64)
    last = [torch.full((h, w), -torch.inf, dtype=torch.float64) for _ in defocus]  # s of the pixel one step before
    for i in range(math.ceil((near - far) / step_px) + 2):
        s = near + step_px * (0.5 - i)
        y = (py + s * uy).round().long().clamp(0, defocus.shape[1] - 1)
        x = (px + s * ux).round().long().clamp(0, defocus.shape[2] - 1)
        for layer, previous in enumerate(last):
            here = defocus[layer, y, x]
            # within the pixel, or from a neighbor on the same surface; else the ray passes behind an edge
            same = (here - s < step_px) | ((here - previous).abs() <= jump_px)
            met = (previous < s + step_px) & (here >= s) & same
            light += surfaces.color[layer][:, y, x] * (free * alpha[layer, y, x] * met)
            free = free * (1.0 - alpha[layer, y, x] * met)
            last[layer] = here
    return light
