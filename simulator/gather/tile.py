"""Windows of a pixel grid, planes fitted to values in a window, and values extrapolated beyond known pixels.

Coordinates are rows and columns of the grid; a window may reach beyond it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from simulator.layers.hole_filling import fill_holes


class Tile(NamedTuple):
    """Rows [top, bottom) and columns [left, right) of the canvas."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def middle(self) -> tuple[float, float]:
        return (self.top + self.bottom - 1) / 2, (self.left + self.right - 1) / 2

    def expanded(self, by: int) -> Tile:
        return Tile(self.top - by, self.bottom + by, self.left - by, self.right + by)

    def shifted(self, down: int, right: int) -> Tile:
        return Tile(self.top + down, self.bottom + down, self.left + right, self.right + right)

    def intersection(self, other: Tile) -> Tile | None:
        """The pixels in both tiles; None where there are none."""
        top, bottom = max(self.top, other.top), min(self.bottom, other.bottom)
        left, right = max(self.left, other.left), min(self.right, other.right)
        return Tile(top, bottom, left, right) if top < bottom and left < right else None

    def crop(self, canvas: Tensor) -> Tensor:
        return canvas[..., self.top : self.bottom, self.left : self.right]

    def crop_replicated(self, canvas: Tensor) -> Tensor:
        """The tile's part of a canvas; where the tile reaches beyond the canvas, its edge is repeated."""
        rows = torch.arange(self.top, self.bottom, device=canvas.device).clamp(0, canvas.shape[-2] - 1)
        columns = torch.arange(self.left, self.right, device=canvas.device).clamp(0, canvas.shape[-1] - 1)
        return canvas[..., rows[:, None], columns]


class Plane(NamedTuple):
    """level + slope_y · (y − middle_y) + slope_x · (x − middle_x)."""

    level: float
    slope_y: float
    slope_x: float
    middle: tuple[float, float]

    @property
    def slope(self) -> float:
        return math.hypot(self.slope_y, self.slope_x)

    def over(self, tile: Tile, like: Tensor) -> Tensor:
        """The plane's values [height, width] over any tile."""
        y = torch.arange(tile.top, tile.bottom, dtype=like.dtype, device=like.device) - self.middle[0]
        x = torch.arange(tile.left, tile.right, dtype=like.dtype, device=like.device) - self.middle[1]
        return self.level + self.slope_y * y[:, None] + self.slope_x * x


def fitted_plane(values: Float[Tensor, "h w"], where: Bool[Tensor, "h w"], tile: Tile) -> Plane:
    """The least-squares plane through the pixels in `where`, in float64; a slope that they do not determine is 0."""
    mask = where.double()
    y = torch.arange(tile.height, dtype=mask.dtype, device=mask.device)[:, None] + tile.top - tile.middle[0]
    x = torch.arange(tile.width, dtype=mask.dtype, device=mask.device)[None] + tile.left - tile.middle[1]
    terms = (mask, mask * y, mask * x)
    moments = torch.stack([torch.stack([term.sum(), (term * y).sum(), (term * x).sum()]) for term in terms])
    target = torch.stack([(term * values).sum() for term in terms])
    level, slope_y, slope_x = (torch.linalg.pinv(moments.cpu(), hermitian=True, rtol=1e-9) @ target.cpu()).tolist()
    return Plane(level, slope_y, slope_x, tile.middle)


def extrapolated(values: Float[Tensor, "h w"], known: Bool[Tensor, "h w"]) -> Float[Tensor, "h w"]:
    """Values [h, w], extrapolated to unknown pixels: the plane through the known ones plus their smoothed residual."""
    if bool(known.all()):
        return values
    grid = Tile(0, values.shape[0], 0, values.shape[1])
    plane = fitted_plane(values, known, grid).over(grid, like=values)
    weight = known.to(values.dtype)
    residual, _ = fill_holes(((values - plane) * weight)[None], weight, max(values.shape))
    return torch.where(known, values, plane + residual[0])


def tile_around(mask: Tensor) -> Tile | None:
    """The smallest tile that holds all true pixels; None where there are none."""
    rows, columns = mask.any(dim=1).nonzero()[:, 0], mask.any(dim=0).nonzero()[:, 0]
    if rows.numel() == 0:
        return None
    return Tile(int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1)
