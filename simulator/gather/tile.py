"""Windows of a pixel grid, planes fitted to what lies in them, and values carried on beyond what is known.

Coordinates are rows and columns of the grid; a window may reach beyond it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor


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
        """Row and column."""
        return (self.top + self.bottom - 1) / 2, (self.left + self.right - 1) / 2

    def grown(self, by: int) -> Tile:
        return Tile(self.top - by, self.bottom + by, self.left - by, self.right + by)

    def moved(self, down: int, right: int) -> Tile:
        return Tile(self.top + down, self.bottom + down, self.left + right, self.right + right)

    def common(self, other: Tile) -> Tile | None:
        """What two tiles share; None when nothing."""
        top, bottom = max(self.top, other.top), min(self.bottom, other.bottom)
        left, right = max(self.left, other.left), min(self.right, other.right)
        return Tile(top, bottom, left, right) if top < bottom and left < right else None

    def of(self, canvas: Tensor) -> Tensor:
        return canvas[..., self.top : self.bottom, self.left : self.right]

    def repeated_of(self, canvas: Tensor) -> Tensor:
        """The same where it reaches beyond the canvas, whose edge is repeated: what lies outside is not known."""
        rows = torch.arange(self.top, self.bottom, device=canvas.device).clamp(0, canvas.shape[-2] - 1)
        columns = torch.arange(self.left, self.right, device=canvas.device).clamp(0, canvas.shape[-1] - 1)
        return canvas[..., rows[:, None], columns]


class Plane(NamedTuple):
    """level + slope · (distance from the middle of a tile)."""

    level: float
    slope_y: float
    slope_x: float
    middle: tuple[float, float]

    @property
    def slope(self) -> float:
        return math.hypot(self.slope_y, self.slope_x)

    def over(self, tile: Tile, like: Tensor) -> Tensor:
        """Its values [height, width] over any tile."""
        y = torch.arange(tile.top, tile.bottom, dtype=like.dtype, device=like.device) - self.middle[0]
        x = torch.arange(tile.left, tile.right, dtype=like.dtype, device=like.device) - self.middle[1]
        return self.level + self.slope_y * y[:, None] + self.slope_x * x


def fitted_plane(values: Float[Tensor, "h w"], where: Bool[Tensor, "h w"], tile: Tile) -> Plane:
    """Least squares over the pixels in `where` of a tile, in float64; level across what it cannot know."""
    mask = where.double()
    y = torch.arange(tile.height, dtype=mask.dtype, device=mask.device)[:, None] + tile.top - tile.middle[0]
    x = torch.arange(tile.width, dtype=mask.dtype, device=mask.device)[None] + tile.left - tile.middle[1]
    terms = (mask, mask * y, mask * x)
    moments = torch.stack([torch.stack([term.sum(), (term * y).sum(), (term * x).sum()]) for term in terms])
    target = torch.stack([(term * values).sum() for term in terms])
    level, slope_y, slope_x = (torch.linalg.pinv(moments.cpu(), hermitian=True, rtol=1e-9) @ target.cpu()).tolist()
    return Plane(level, slope_y, slope_x, tile.middle)


def carried_on(values: Float[Tensor, "h w"], known: Bool[Tensor, "h w"]) -> Float[Tensor, "h w"]:
    """The values, continued where they are not known: the plane through the known ones plus their rest at the rim.

    The rest is carried outwards by a pyramid (pull-push: Gortler et al., "The Lumigraph", 1996) and smoothed.
    """
    if bool(known.all()):
        return values
    whole = Tile(0, values.shape[0], 0, values.shape[1])
    plane = fitted_plane(values, known, whole).over(whole, like=values)
    share = known.to(values.dtype)[None, None]
    rest = (values - plane) * share
    filled = _pull_push(rest, share)
    for _ in range(4):
        smooth = F.avg_pool2d(F.pad(filled, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
        filled = torch.where(known, rest, smooth)
    return torch.where(known, values, plane + filled[0, 0])


def _pull_push(values: Tensor, share: Tensor) -> Tensor:
    """values [1, 1, h, w], already times share [1, 1, h, w]: where the share is 0, a coarser level's mean."""
    own = values / share.clamp(min=1e-9)
    if max(values.shape[-2:]) == 1 or bool((share > 0).all()):
        return own
    coarse = _pull_push(F.avg_pool2d(values, 2, ceil_mode=True), F.avg_pool2d(share, 2, ceil_mode=True))
    above = F.interpolate(coarse, size=values.shape[-2:], mode="bilinear", align_corners=False)
    return torch.where(share > 0, own, above)


def tile_around(mask: Tensor) -> Tile | None:
    """The smallest tile around what is true."""
    rows, columns = mask.any(dim=1).nonzero()[:, 0], mask.any(dim=0).nonzero()[:, 0]
    if rows.numel() == 0:
        return None
    return Tile(int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1)
