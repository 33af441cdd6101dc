"""The aperture: what a defocused point looks like.

A pixel of the mask holds the share of the point's light that falls on it: the area of the disc inside the pixel over
the area of the disc. Letters: r radius in pixels; (x, y) pixel corners relative to the disc's centre.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

IDENTITY_RADIUS_PX = 0.5  # up to here a disc lies in its pixel: the photo is returned
RESOLVED_RADIUS_PX = 0.75  # from here the spot measures its labelled radius


@dataclass(frozen=True)
class Aperture:
    """Shape of the opening. `disc` is the only shape so far; a new one adds a branch to `mask`."""

    shape: str = "disc"

    def __post_init__(self) -> None:
        if self.shape != "disc":
            raise ValueError(f"aperture shape must be 'disc', got {self.shape!r}")

    def mask(self, radius_px: float) -> Float[Tensor, "d d"]:
        """The spot of a point `radius_px` out of focus: float64 [d, d], d odd, unit sum, centred.

        Its second moment is that of the disc integrated over pixels, r²/2 + 1/6, from r = 0.75 px up; a disc within
        half a pixel lies in the middle pixel whole.
        Raises ValueError when the radius is negative or not finite.
        """
        if not (math.isfinite(radius_px) and radius_px >= 0):
            raise ValueError(f"radius_px must be finite and >= 0, got {radius_px}")
        if radius_px <= IDENTITY_RADIUS_PX:
            return torch.ones(1, 1, dtype=torch.float64)
        if radius_px >= RESOLVED_RADIUS_PX:
            return _covered_area(_drawn_radius(radius_px))
        # In between the spot grows steadily out of its pixel, by area, as larger radii do.
        w = (radius_px**2 - IDENTITY_RADIUS_PX**2) / (RESOLVED_RADIUS_PX**2 - IDENTITY_RADIUS_PX**2)
        point = F.pad(torch.ones(1, 1, dtype=torch.float64), (1, 1, 1, 1))
        return (1.0 - w) * point + w * _covered_area(_drawn_radius(RESOLVED_RADIUS_PX))


def second_moment_radius_px(mask: Float[Tensor, "d d"]) -> float:
    """Radius of a spot from its second moment: r = √(2 (⟨d²⟩ − 1/6)), 1/6 px² being the pixel's own.

    NaN for spots smaller than a pixel, whose second moment is below the pixel's own.
    """
    half = mask.shape[0] // 2
    centre = torch.arange(-half, half + 1, dtype=torch.float64)
    distance2 = centre[:, None] ** 2 + centre[None, :] ** 2  # [d, d]
    moment = float((mask * distance2).sum() / mask.sum())
    return math.sqrt(2 * (moment - 1 / 6)) if moment >= 1 / 6 else math.nan


def _covered_area(radius_px: float) -> Tensor:
    """Share of a disc's area in each pixel, unit sum: float64 [d, d]."""
    half = max(0, math.ceil(radius_px - 0.5))
    corner = torch.arange(-half, half + 2, dtype=torch.float64) - 0.5  # [d + 1]
    integral = disc_quadrant_area(corner[:, None], corner[None, :], radius_px)  # [d + 1, d + 1]
    covered = integral.diff(dim=0).diff(dim=1).clamp(min=0.0)  # [d, d]
    return covered / covered.sum()


@lru_cache(maxsize=4096)
def _drawn_radius(radius_px: float) -> float:
    """The radius to draw, so that the sampled spot has the second moment of a disc of `radius_px`.

    Pixels sample small discs coarsely: a disc of 1.00 px measures 1.11, one of 1.50 measures 1.41. Labels must equal
    renders, so the drawn radius is solved for; beyond a few pixels the two agree to a thousandth.
    """
    low, high = 0.5, radius_px + 0.5
    for _ in range(40):
        middle = (low + high) / 2
        measured = second_moment_radius_px(_covered_area(middle))
        low, high = (low, middle) if measured >= radius_px else (middle, high)
    return (low + high) / 2


def disc_quadrant_area(x: Float[Tensor, ...], y: Float[Tensor, ...], radius_px: float) -> Float[Tensor, ...]:
    """Signed area of the disc inside the rectangle between its centre and (x, y); odd in x and in y.

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
