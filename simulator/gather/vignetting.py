"""Vignetting: barrel and hood cut oblique beams, the more the farther a pixel lies off the axis."""

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
    """Barrel and hood as each pixel of a tile sees them: at (down, right), in half diagonals."""

    down: Float[Tensor, "th 1"]
    right: Float[Tensor, "tw"]
    aperture: Aperture

    @classmethod
    def for_tile(cls, tile: Tile, frame: Float[Tensor, "c h w"], aperture: Aperture) -> Barrel:
        """What the pixels of a tile see, by the rule of `Aperture.at_field`."""
        down, right = (axis.to(frame.device) for axis in field_coordinates((frame.shape[1], frame.shape[2])))
        return cls(down[tile.top : tile.bottom, None], right[tile.left : tile.right], aperture)

    def transmitted(self, u: Float[Tensor, "c 2"], cells_per_radius: float) -> Float[Tensor, "c th tw"]:
        """Share of each cell of the lens, centered at u, that passes barrel and hood."""
        squeeze, cell = self.aperture.squeeze, 1.0 / cells_per_radius
        y, x = (u[:, k, None, None] * max(1.0, stretch) for k, stretch in enumerate((1 / squeeze, squeeze)))
        rim, hood = self.aperture.cat_eye, self.aperture.barn_doors
        passed = opening(distance_from_axis(y + rim * self.down, x + rim * self.right) - 1.0, cell)
        if hood:
            passed = passed * opening((y + hood * self.down).abs() - 1.0, cell)
            passed = passed * opening((x + hood * self.right).abs() - 1.0, cell)
        return passed
