"""The spot of a sampled pupil, at any radius: the light of the pupil's image that falls into each pixel.

The pupil is a grid of cells over [−1, 1]² (radii of the full opening). Summed over rows and columns, and read between
cells linearly, the sums at a pixel's corners give the exact light inside the pixel. So spots of every radius come
from one table, anti-aliased, down to a spot within one pixel.
Letters: r radius in pixels; m second moment of the pupil.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

_SMOOTH_PX = 3.0
_CALIBRATED_PX = 16.0  # above, sampling changes the second moment by less than a thousandth


class Spot:
    """Table of one pupil's summed light, and the radii that its spots are rendered with."""

    def __init__(self, transmission: Float[Tensor, "n n"], moment: float | None = None) -> None:
        """moment: m that spots are drawn with; None: that of the cells.

        Raises ValueError when the pupil lets no light through.
        """
        total = float(transmission.sum())
        if total <= 0:
            raise ValueError("aperture must let light through, got a pupil whose parts leave nothing open")
        cells = transmission.shape[0]
        light = transmission / total
        center = (torch.arange(cells, dtype=light.dtype) + 0.5) * (2.0 / cells) - 1.0
        of_cells = float((light * (center[:, None] ** 2 + center**2)).sum()) + 2 / 12 * (2.0 / cells) ** 2
        self.moment = of_cells if moment is None else moment
        self._narrowing = math.sqrt(self.moment / of_cells)
        self._summed = torch.zeros(cells + 1, cells + 1, dtype=light.dtype)
        self._summed[1:, 1:] = light.cumsum(0).cumsum(1)
        self._rendered: dict[float, float] = {}

    def mask(self, radius_px: float) -> Float[Tensor, "d d"]:
        """The spot [d, d], d odd, unit sum, second moment m r² + 1/6 px² (1/6 px² is that of a pixel)."""
        return self._pixel_light(self._rendered_radius(radius_px))

    def _pixel_light(self, radius_px: float) -> Tensor:
        light = summed_light(self._summed, radius_px).clamp(min=0.0)
        return _trimmed(light / light.sum())

    def _rendered_radius(self, radius_px: float) -> float:
        """The radius to render, so that the sampled spot has the second moment of the labeled one (see aperture)."""
        if radius_px >= _CALIBRATED_PX:
            return radius_px * self._narrowing
        if radius_px not in self._rendered:
            target = self.moment * radius_px**2 + 1 / 6
            solve = self._corrected if radius_px >= _SMOOTH_PX else self._bisected
            self._rendered[radius_px] = solve(radius_px, target)
        return self._rendered[radius_px]

    def _corrected(self, radius_px: float, target: float) -> float:
        """The rendered radius ρ of a large spot: four corrections of ρ², since the moment is nearly m ρ² + 1/6."""
        rendered = radius_px
        for _ in range(4):
            rendered = math.sqrt(rendered**2 + (target - second_moment(self._pixel_light(rendered))) / self.moment)
        return rendered

    def _bisected(self, radius_px: float, target: float) -> float:
        """The rendered radius of a spot of few pixels, whose moment rises in steps: bisection."""
        low, high = 0.25, 4.0 * radius_px + 4.0
        for _ in range(30):
            middle = (low + high) / 2
            low, high = (low, middle) if second_moment(self._pixel_light(middle)) >= target else (middle, high)
        return (low + high) / 2


def summed_light(summed: Float[Tensor, "m m"], radius_px: float) -> Float[Tensor, "d d"]:
    """The light in each pixel, of a picture over [−1, 1]² summed over rows and columns, drawn at a radius."""
    half = max(0, math.ceil(radius_px - 0.5))
    corner = torch.arange(-half, half + 2, dtype=summed.dtype) - 0.5
    cells = summed.shape[0] - 1
    position = ((corner / radius_px + 1.0) * (cells / 2)).clamp(0.0, float(cells))  # [d + 1]
    before = position.floor().clamp(max=cells - 1).long()
    fraction = position - before
    rows = torch.lerp(summed[before], summed[before + 1], fraction[:, None])
    at_corners = torch.lerp(rows[:, before], rows[:, before + 1], fraction)  # [d + 1, d + 1]
    return at_corners.diff(dim=0).diff(dim=1)


def _trimmed(mask: Tensor) -> Tensor:
    """The mask without dark margins; its middle pixel stays the middle."""
    row, column = mask.nonzero(as_tuple=True)
    middle = mask.shape[0] // 2
    half = int(max((row - middle).abs().max(), (column - middle).abs().max()))
    return mask[middle - half : middle + half + 1, middle - half : middle + half + 1]


def second_moment(mask: Float[Tensor, "d d"]) -> float:
    """⟨d²⟩ of a spot about its middle pixel, px²."""
    half = mask.shape[0] // 2
    center = torch.arange(-half, half + 1, dtype=torch.float64)
    distance2 = center[:, None] ** 2 + center[None, :] ** 2  # [d, d]
    return float((mask * distance2).sum() / mask.sum())
