"""The pupil: which part of the lens's full opening lets light through.

Lengths are in radii of the full opening, the circle that the pupil is drawn into; x to the right, y down, as the
photographer sees them from behind the camera. Transmission T lies in [0, 1]; an edge is anti-aliased over one cell.
Letters: n blades; ρ distance from the axis; k curvature of a side (0 straight, 1 that of the full opening).
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field
from functools import cached_property

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

CELLS = 512
"""Cells of a sampled pupil along each axis: a quarter of a pixel each at a blur radius of 64 px."""
_STRONGEST = 0.3  # of a: at 1/3 rays of the rim would meet in a caustic of infinite brightness


@dataclass(frozen=True, eq=False)
class PupilRaster:
    """A mask of any shape in front of the lens (a heart, a star): transmission [h, w] in [0, 1], row 0 at the top.

    The optical axis is the middle of the raster; it is scaled so that the farthest cell that lets light through ends
    on the full opening's circle. Equal pixels make equal rasters. Raises ValueError for anything but one channel of
    finite values in [0, 1], some above 0.
    """

    transmission: Tensor
    sha256: str = field(init=False)

    def __post_init__(self) -> None:
        value = self.transmission
        if value.ndim != 2:
            raise ValueError(f"raster must be one channel [h, w], got {list(value.shape)}; convert it to gray first")
        if value.numel() == 0 or not value.is_floating_point():
            raise ValueError(f"raster must hold floating-point cells, got {list(value.shape)} of {value.dtype}")
        if not (float(value.min()) >= 0 and float(value.max()) <= 1):  # NaN fails both
            raise ValueError("raster must lie in [0, 1], got values outside or NaN; divide 8-bit values by 255")
        if not bool((value > 0).any()):
            raise ValueError("raster must let light through somewhere, got 0 everywhere")
        object.__setattr__(self, "transmission", value.detach().double().cpu().clone())
        content = str(list(value.shape)).encode() + self.transmission.numpy().tobytes()
        object.__setattr__(self, "sha256", hashlib.sha256(content).hexdigest())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PupilRaster) and other.sha256 == self.sha256

    def __hash__(self) -> int:
        return hash(self.sha256)

    @cached_property
    def is_point_symmetric(self) -> bool:
        """Whether half a turn leaves it unchanged."""
        return bool(torch.equal(self.transmission, self.transmission.flip(0, 1)))

    @cached_property
    def _circumscribed(self) -> float:
        """Radius, in cells of the raster, of the circle around the axis that holds all cells with light."""
        row, column = (self.transmission > 0).nonzero(as_tuple=True)
        height, width = self.transmission.shape
        y, x = (row - (height - 1) / 2).abs() + 0.5, (column - (width - 1) / 2).abs() + 0.5
        return float(torch.hypot(y, x).max())

    def sample(self, y: Float[Tensor, "*b w"], x: Float[Tensor, "*b w"]) -> Float[Tensor, "*b w"]:
        """T at points (y, x) of the full opening, interpolated linearly between the raster's cells; 0 beyond it."""
        height, width = self.transmission.shape
        grid = torch.stack([x * self._circumscribed * 2 / width, y * self._circumscribed * 2 / height], dim=-1)
        picture = self.transmission[None, None]
        # A raster finer than the pupil's grid is averaged down first, so that every cell counts.
        shrink = min(1.0, CELLS / max(1.0, 2 * self._circumscribed))
        if shrink < 1.0:
            size = [max(1, round(side * shrink)) for side in (height, width)]
            picture = F.interpolate(picture, size=size, mode="area")
        flat = grid.reshape(1, -1, *grid.shape[-2:]).to(picture.dtype)
        sampled = F.grid_sample(picture, flat, mode="bilinear", padding_mode="zeros", align_corners=False)
        return sampled.reshape(y.shape).to(y.dtype)


def opening(distance: Float[Tensor, ...], cell: float | Tensor = 2.0 / CELLS) -> Float[Tensor, ...]:
    """T of a region from the signed distance to its edge (negative inside): the share of each cell that lies inside."""
    return (0.5 - distance / cell).clamp(0.0, 1.0)


def distance_from_axis(y: Float[Tensor, ...], x: Float[Tensor, ...]) -> Float[Tensor, ...]:
    """ρ = √(x² + y²). torch.hypot guards against overflow and takes four times as long."""
    return (y * y + x * x).sqrt()


def blades_distance(
    y: Float[Tensor, "..."], x: Float[Tensor, "..."], blades: int, roundness: float, rotation_deg: float
) -> Float[Tensor, "..."]:
    """Signed distance to the edge of an iris of n blades, its corners on the full opening's circle.

    Each side is an arc of curvature k = roundness through two neighboring corners: the pupil is where n discs of
    radius 1/k meet; a corner points right, turned by the rotation from right towards down. 0 blades: the circle.
    """
    if blades == 0:
        return distance_from_axis(y, x) - 1.0
    apothem, half_side = math.cos(math.pi / blades), math.sin(math.pi / blades)
    farthest = torch.full_like(y, -torch.inf)
    for side in range(blades):
        angle = math.radians(rotation_deg) + (2 * side + 1) * math.pi / blades  # of the side's normal
        along = x * math.cos(angle) + y * math.sin(angle)
        if roundness == 0:
            distance = along - apothem
        else:
            radius = 1.0 / roundness
            middle = apothem - math.sqrt(radius**2 - half_side**2)  # of the arc, on the normal
            across = y * math.cos(angle) - x * math.sin(angle)
            distance = distance_from_axis(along - middle, across) - radius
        farthest = torch.maximum(farthest, distance)
    return farthest


def aberrated(
    y: Float[Tensor, "..."], x: Float[Tensor, "..."], spherical: float
) -> tuple[Float[Tensor, "..."], Float[Tensor, "..."], Float[Tensor, "..."]]:
    """(pupil y, pupil x, density): where the ray that lands at (y, x) of the spot passed the pupil, and how densely
    rays land there.

    Third-order spherical aberration moves the ray of ρ to t = ρ (1 + a ρ²) / (1 + a), scaled so that the rim stays the
    rim. Brightness is (ρ/t) dρ/dt (Welford, Aberrations of Optical Systems, ch. 8, geometric spot): for a < 0 light
    gathers in the rim (soap bubble), for a > 0 in the middle. spherical in [-1, 1] stands for a = −0.3 … 0.3.
    """
    a = _STRONGEST * spherical
    t = distance_from_axis(y, x)
    rho = t.clone()
    for _ in range(12):  # Newton: the cubic rises everywhere up to the rim, as |a| < 1/3
        slope = (1 + 3 * a * rho**2).clamp(min=0.05)
        rho = rho - (rho * (1 + a * rho**2) - (1 + a) * t) / slope
    rho = torch.where(t <= 1.0, rho.clamp(0.0, 1.0), t)
    ratio = torch.where(t > 1e-9, rho / t.clamp(min=1e-9), 1.0 + a)  # ρ/t
    density = torch.where(t <= 1.0, ratio * (1 + a) / (1 + 3 * a * rho**2), 1.0)
    return y * ratio, x * ratio, density
