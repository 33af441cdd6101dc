"""Optical vignetting: the rim of the barrel cuts oblique beams, the more the farther a pixel lies off the axis."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from simulator.gather.tile import Tile
from simulator.optics.aperture import Aperture
from simulator.optics.pupil import distance_from_axis, opening
from simulator.optics.regional_pupils import field_coordinates


@dataclass(frozen=True)
class Barrel:
    """Centers of the rim's disc, (down, right) in radii of the full opening, as each pixel of a tile sees it."""

    down: Float[Tensor, "th 1"]
    right: Float[Tensor, "tw"]
    squeeze: float

    @classmethod
    def for_tile(cls, tile: Tile, frame: Float[Tensor, "c h w"], aperture: Aperture) -> Barrel:
        """The rim as the pixels of a tile see it, by the rule of `Aperture.vignetted_at`."""
        down, right = (axis.to(frame.device) for axis in field_coordinates((frame.shape[1], frame.shape[2])))
        down, right = down[tile.top : tile.bottom, None], right[tile.left : tile.right]
        return cls(-aperture.cat_eye * down, -aperture.cat_eye * right, aperture.squeeze)

    def transmitted(self, u: Float[Tensor, "c 2"], cells_per_radius: float) -> Float[Tensor, "c th tw"]:
        """Share of each cell of the lens, centered at u, that lies within the rim."""
        y, x = u[:, 0] * max(1.0, 1 / self.squeeze), u[:, 1] * max(1.0, self.squeeze)
        distance = distance_from_axis(y[:, None, None] - self.down, x[:, None, None] - self.right)
        return opening(distance - 1.0, cell=1.0 / cells_per_radius)
