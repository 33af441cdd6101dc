"""The spot of a disc: the area that a circle covers of each pixel, drawn at the radius whose second moment is labeled.

Letters: r radius in pixels; (x, y) pixel corners relative to the disc's center.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor

from simulator.optics.spot import second_moment

_SMOOTH_PX, _EXACT_PX = 3.0, 100.0


def second_moment_radius_px(mask: Float[Tensor, "d d"]) -> float:
    """Radius of a spot from its second moment: r = √(2 (⟨d²⟩ − 1/6)), 1/6 px² being the pixel's own.

    NaN for spots smaller than a pixel, whose second moment is below the pixel's own.
    """
    moment = second_moment(mask)
    return math.sqrt(2 * (moment - 1 / 6)) if moment >= 1 / 6 else math.nan


def covered_area(radius_px: float) -> Tensor:
    """Share of a disc's area in each pixel, unit sum: float64 [d, d]."""
    half = max(0, math.ceil(radius_px - 0.5))
    corner = torch.arange(half + 1, dtype=torch.float64) + 0.5  # pixel corners on one side of the middle
    quadrant = disc_quadrant_area(corner[:, None], corner[None, :], radius_px)
    side = torch.cat([-quadrant.flip(0), quadrant])  # the integral is odd along both axes
    integral = torch.cat([-side.flip(1), side], dim=1)  # [d + 1, d + 1]
    covered = integral.diff(dim=0).diff(dim=1).clamp(min=0.0)  # [d, d]
    return covered / covered.sum()


@lru_cache(maxsize=4096)
def rendered_radius(radius_px: float) -> float:
    """The radius to render, so that the sampled spot has the second moment of a disc of `radius_px`.

    Pixels sample small discs coarsely: a disc of 1.00 px measures 1.11, one of 1.50 measures 1.41. Labels must equal
    renders, so the rendered radius is solved for: by bisection while the second moment rises in steps, then by a few
    corrections. From _EXACT_PX on the two agree to 2e-6 as they are.
    """
    if radius_px >= _EXACT_PX:
        return radius_px
    if radius_px >= _SMOOTH_PX:
        rendered = radius_px
        for _ in range(8 if radius_px < 16.0 else 2):
            rendered += radius_px - second_moment_radius_px(covered_area(rendered))
        return rendered
    low, high = 0.5, radius_px + 0.5
    for _ in range(30):
        middle = (low + high) / 2
        measured = second_moment_radius_px(covered_area(middle))
        low, high = (low, middle) if measured >= radius_px else (middle, high)
    return (low + high) / 2


def disc_quadrant_area(x: Float[Tensor, ...], y: Float[Tensor, ...], radius_px: float) -> Float[Tensor, ...]:
    """Signed area of the disc inside the rectangle between its center and (x, y); odd in x and in y.

    G(x, y) = ∫_0^x min(y, √(r² − t²)) dt = y·a + S(x) − S(a) with a = min(x, √(r² − y²)), for 0 <= x, y <= r.
    The area inside any rectangle is the difference of G over its corners.
    """
    x, y = torch.broadcast_tensors(x, y)
    u, v = x.abs().clamp(max=radius_px), y.abs().clamp(max=radius_px)
    a = torch.minimum(u, (radius_px**2 - v * v).clamp(min=0.0).sqrt())
    area = v * a + _area_under_arc(u, radius_px) - _area_under_arc(a, radius_px)
    return area * x.sign() * y.sign()


def _area_under_arc(t: Tensor, radius_px: float) -> Tensor:
    """S(t) = ∫_0^t √(r² − τ²) dτ = ½ (t √(r² − t²) + r² asin(t / r))."""
    root = (radius_px**2 - t * t).clamp(min=0.0).sqrt()
    return 0.5 * (t * root + radius_px**2 * torch.asin((t / radius_px).clamp(max=1.0)))
