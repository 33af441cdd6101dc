"""The aperture: its shape, its aberrations, and the spot that it makes of a defocused point.

A pixel of the mask holds the share of the point's light that falls on it. The labeled radius is that of the full
opening, the circle that the pupil is drawn into: what the f-number says. A mask is drawn so that its second moment is
m r² + 1/6 px² (m that of the pupil in units of r; ½ for the disc), so that the label can be measured on the picture.

In front of the plane of focus (positive defocus) a spot is the pupil turned by half a turn; behind it, it is upright,
as the photographer sees the pupil from behind the camera. Spherical aberration is mirrored between the two.
Letters: r radius in pixels; s signed, positive in front; (x, y) pixel corners relative to the disc's center.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from simulator.optics.disc import covered_area, rendered_radius
from simulator.optics.lens import ThinLens
from simulator.optics.psf_table import PsfTable
from simulator.optics.pupil import CELLS, PupilRaster, aberrated, blades_distance, distance_from_axis, opening
from simulator.optics.spot import Spot

IDENTITY_RADIUS_PX = 0.5  # up to here a disc lies in its pixel: the photo is returned
RESOLVED_RADIUS_PX = 0.75  # from here the spot measures its labeled radius
_DISC_MOMENT = 0.5
_LONGEST_SQUEEZE = 4.0
_STRONGEST_ASTIGMATISM = 0.75
_MIDDLE = (0.0, 0.0)
Place = tuple[Any, Any]
"""(down, right) from the frame's middle, in half diagonals: two numbers, or two tensors."""


@dataclass(frozen=True)
class Aperture:
    """Shape of the opening and the lens's aberrations. Plain, it is a disc without any.

    blades:        0 for a disc, else n >= 3 blades whose corners lie on the full opening's circle.
    roundness:     of the blades: 0 straight sides, 1 a disc.
    rotation_deg:  a corner points right, turned by this towards down.
    obstruction:   of a mirror lens: radius of the dark middle over that of the opening, in [0, 1).
    spherical:     in [−1, 1]. Positive: bright rims behind the plane of focus (soap bubbles), soft ones in front.
    squeeze:       anamorphic: height of the spot over its width, in [¼, 4]; the longer side is the labeled radius.
    raster:        a mask in front of the lens, multiplied with the rest.
    cat_eye:       the rim of the barrel, a second disc of radius 1 that oblique beams have to pass: how far its middle
                   is shifted in the corner of the frame, in radii, in [0, 1.5]; elsewhere in proportion to the distance
                   from the frame's middle; see `at_field`.
    barn_doors:    likewise the four straight edges of a rectangular hood, a square of half-width 1.
    astigmatism:   a spot in the corner is as long as the radius and 1 − |astigmatism| of it wide, in [−¾, ¾]; elsewhere
                   the difference goes by the square of the distance from the frame's middle. Positive: behind the
                   plane in focus spots are long along the radius, in front across it.
    psf:           a table that stands for all of the above, which keep their defaults beside it.
    field:         the place whose pupil this is, (down, right) from the frame's middle in half diagonals; None: the
                   pupil of each pixel is its own.
    focus_shift:   of red, green, blue: their planes in focus are D_f + shift, in the unit of the disparity.
    magnification: of red, green, blue: their pictures' sizes about the middle of the frame.

    Raises ValueError that names the field, its range, and what came.
    """

    blades: int = 0
    roundness: float = 0.0
    rotation_deg: float = 0.0
    obstruction: float = 0.0
    spherical: float = 0.0
    squeeze: float = 1.0
    raster: PupilRaster | None = None
    cat_eye: float = 0.0
    barn_doors: float = 0.0
    astigmatism: float = 0.0
    psf: PsfTable | None = None
    field: tuple[float, float] | None = None
    focus_shift: tuple[float, float, float] = (0.0, 0.0, 0.0)
    magnification: tuple[float, float, float] = (1.0, 1.0, 1.0)

    def __post_init__(self) -> None:
        if not isinstance(self.blades, int) or self.blades in (1, 2) or not 0 <= self.blades <= 64:
            raise ValueError(f"aperture blades must be 0 (a disc) or 3 to 64, got {self.blades!r}")
        _check_range("roundness", self.roundness, 0.0, 1.0)
        _check_range("rotation_deg", self.rotation_deg, -math.inf, math.inf)
        _check_range("obstruction", self.obstruction, 0.0, math.nextafter(1.0, 0.0), shown="[0, 1)")
        _check_range("spherical", self.spherical, -1.0, 1.0)
        _check_range("squeeze", self.squeeze, 1 / _LONGEST_SQUEEZE, _LONGEST_SQUEEZE)
        if self.raster is not None and not isinstance(self.raster, PupilRaster):
            raise ValueError(f"aperture raster must be a PupilRaster, got {type(self.raster).__name__}")
        _check_range("cat_eye", self.cat_eye, 0.0, 1.5)
        _check_range("barn_doors", self.barn_doors, 0.0, 1.5)
        _check_range("astigmatism", self.astigmatism, -_STRONGEST_ASTIGMATISM, _STRONGEST_ASTIGMATISM)
        if not math.hypot(*(self.field or _MIDDLE)) <= 1.01:  # NaN fails, too
            raise ValueError(f"aperture field must lie within the frame, at most 1 from its middle, got {self.field}")
        for shift in self.focus_shift:
            _check_range("focus_shift", shift, -math.inf, math.inf)
        for size in self.magnification:
            _check_range("magnification", size, 0.9, 1.1)
        if self.psf is not None:
            plain = Aperture(magnification=self.magnification, field=self.field)
            if replace(self, psf=None) != plain:
                raise ValueError("aperture psf must stand alone, got other parameters beside it; they are in the table")

    @property
    def is_disc(self) -> bool:
        """Whether its spot is an even disc on both sides of the plane of focus."""
        is_round = self.blades == 0 or self.roundness == 1.0
        is_clear = self.obstruction == 0.0 and self.spherical == 0.0 and self.squeeze == 1.0 and self.raster is None
        return is_round and is_clear and not self._is_oblique and self.psf is None

    @property
    def varies(self) -> bool:
        """Whether the pupil depends on the place in the frame."""
        of_field = bool(self.cat_eye or self.barn_doors or self.astigmatism or (self.psf and self.psf.varies))
        return self.field is None and of_field

    @property
    def passes_rays(self) -> bool:
        """Whether what varies only stops rays of the same pupil, or lets them pass: barrel and hood."""
        return not (self.astigmatism or self.psf)

    @property
    def reach(self) -> float:
        """Radius of the circle around all light of a spot over the labeled one; 1 but for PSFs."""
        return self.psf.reach if self.psf else 1.0

    @property
    def _is_oblique(self) -> bool:
        """Whether this is the pupil of a place where barrel, hood or astigmatism change it."""
        return any(self.field or _MIDDLE) and bool(self.cat_eye or self.barn_doors or self.astigmatism)

    @property
    def is_point_symmetric(self) -> bool:
        """Whether half a turn leaves its spots unchanged: then their spectra are real."""
        is_even = self.blades % 2 == 0 or self.roundness == 1.0
        is_cut = self._is_oblique and bool(self.cat_eye or self.barn_doors)
        is_even = is_even and not is_cut and self.psf is None
        return is_even and (self.raster is None or self.raster.is_point_symmetric)

    @property
    def is_two_sided(self) -> bool:
        """Whether spots in front of the plane of focus differ from those behind it."""
        return self.has_two_pictures or not self.is_point_symmetric

    @property
    def has_two_pictures(self) -> bool:
        """Whether spots in front of the plane of focus are others than those behind it, turned by half a turn."""
        return bool(self.spherical or self.psf or (self.astigmatism and self._is_oblique))

    @property
    def is_chromatic(self) -> bool:
        """Whether red, green and blue have spots of their own."""
        return len(set(self.focus_shift)) > 1 or bool(self.psf and self.psf.is_colored)

    @property
    def fineness(self) -> float:
        """Size of the spot's details relative to a disc of the same radius, in (0, 1]: limits a grid's cell size."""
        if self.is_disc:
            return 1.0
        if self.psf is not None:
            return 0.5 * min(1.0, math.sqrt(2 * self.moment()))
        narrow = min(self.squeeze, 1 / self.squeeze) * (1.0 - self.obstruction) * (1.0 - 0.5 * abs(self.spherical))
        off_axis = math.hypot(*(self.field or _MIDDLE))
        cut = max(0.25, 1.0 - max(self.cat_eye, self.barn_doors) * off_axis / 2)
        cut *= 1.0 - abs(self._elongation(self.field or _MIDDLE))
        if self.raster is not None:
            return narrow * cut * 0.5 * min(1.0, math.sqrt(2 * self.moment()))
        return narrow * cut * (0.5 if 0 < self.blades < 6 else 1.0)

    def moment(self, defocus_px: float = -math.inf) -> float:
        """m, second moment of the spot about the axis in units of r²; only for PSFs more than the sign of r counts."""
        if self.psf is not None:
            return self.psf.moment(defocus_px)
        return _DISC_MOMENT if self.is_disc else _spot(self.pupil, self._rendered_side(defocus_px > 0)).moment

    @property
    def achromatic(self) -> Aperture:
        return replace(self, focus_shift=(0.0, 0.0, 0.0), magnification=(1.0, 1.0, 1.0))

    @property
    def pupil(self) -> Aperture:
        """The aperture at its place, or in the middle, without chromatic aberration: all that a mask depends on."""
        if (self.varies, self.focus_shift, self.magnification) == (False, (0.0,) * 3, (1.0,) * 3):
            return self
        return self.achromatic.at_field(*_MIDDLE) if self.varies else self.achromatic

    def of_channel(self, channel: int) -> Aperture:
        """The aperture as red (0), green (1) or blue (2) light sees it, but for focus shift and magnification."""
        return replace(self, psf=self.psf.of_channel(channel)) if self.psf and self.psf.is_colored else self

    def at_field(self, down: float, right: float) -> Aperture:
        """The aperture as a pixel of the frame sees it; (down, right) from the middle, in half diagonals.

        The front rim of the barrel, seen through the lens by a beam from the right, is shifted to the left: discs
        behind the focus are cut on their outer side, discs in front of it on their inner one. The rim is as wide as the
        opening for the plane in focus; so, as a ray's pixel decides, a disc behind it measures 1 / (1 + cat_eye · r /
        half diagonal) of its radius even in the middle (2.6 % less at 20 px in 768 × 512 with 0.6). Spots keep unit
        sum: the loss of light towards the corners is left out, as cameras correct it.
        """
        return replace(self, field=(down, right), psf=self.psf.at(down, right) if self.psf else None)

    def channel_lenses(self, lens: ThinLens) -> list[ThinLens]:
        """The lens for red, green and blue light, focused at D_f + shift; a single lens where the three agree."""
        shifts = self.focus_shift if self.is_chromatic else self.focus_shift[:1]
        return [ThinLens(lens.focus_disparity + shift, lens.blur_scale_px) if shift else lens for shift in shifts]

    def transmission(self, side: int = -1) -> Float[Tensor, "n n"]:
        """Brightness over the full opening, [−1, 1]², float64: behind (side −1) or in front of (+1) the plane of focus.

        Upright; turned by half a turn in front. Not normalized: 1 is a pupil that is open and without aberration.
        """
        if self.psf is not None:
            return self.psf.density(float(side))
        open_ = self.light(*cell_centers(CELLS), side, self.field or _MIDDLE, 2.0 / CELLS)
        return open_.flip(0, 1) if side > 0 else open_

    def light(self, y: Tensor, x: Tensor, side: int, field: Place, cell: float | Tensor) -> Tensor:
        """Brightness at points of the upright spot of a point at `field`, in radii, averaged over cells of this side.

        As `transmission`, of any shape, and all arguments but `side` may be tensors. Not of PSFs.
        """
        y, x = y * max(1.0, 1 / self.squeeze), x * max(1.0, self.squeeze)
        if self.astigmatism:
            y, x = self._elongated(y, x, side, field)
        density: Tensor | float = 1.0
        if self.spherical:
            y, x, density = aberrated(y, x, self.spherical * side)
        open_ = opening(blades_distance(y, x, self.blades, self.roundness, self.rotation_deg), cell) * density
        if self.obstruction:
            open_ = open_ * (1.0 - opening(distance_from_axis(y, x) - self.obstruction, cell))
        if self.raster is not None:
            open_ = open_ * self.raster.sample(y, x)
        down, right = field
        if self.cat_eye:
            rim = distance_from_axis(y + self.cat_eye * down, x + self.cat_eye * right)
            open_ = open_ * opening(rim - 1.0, cell)
        if self.barn_doors:
            open_ = open_ * opening((y + self.barn_doors * down).abs() - 1.0, cell)
            open_ = open_ * opening((x + self.barn_doors * right).abs() - 1.0, cell)
        return open_

    def pictures(
        self, places: Sequence[Place], cells: int
    ) -> tuple[Float[Tensor, "j e c n n"], Float[Tensor, "j e"], Float[Tensor, "e c"]]:
        """Of E entries of C colors: upright spots of points at J places, unit sum; how bright these are, in squared
        radii; what radii are multiplied with when they are drawn.
        """
        if self.psf is not None:
            return self.psf.pictures(places, cells)
        y, x = cell_centers(cells)
        down, right = torch.tensor(places, dtype=torch.float64).T[..., None, None]
        sides = (-1, 1) if self.has_two_pictures or self.astigmatism else (-1,)
        pictures = torch.stack([self.light(y, x, side, (down, right), 2.0 / cells) for side in sides], 1)[:, :, None]
        light = pictures.sum((-2, -1), keepdim=True)
        if not float(light.min()) > 0:
            raise ValueError("aperture must let light through, got a pupil whose parts leave nothing open")
        return (pictures / light).float(), light[..., 0, 0, 0].float() * (2.0 / cells) ** 2, torch.ones(len(sides), 1)

    def picture_shares(self, defocus_px: float) -> list[tuple[int, float, bool]]:
        """Of `pictures`: the entries that make the spot at a signed radius, their shares, whether they are turned."""
        if self.psf is not None:
            return self.psf.shares(defocus_px)
        in_front = defocus_px > 0
        return [(int(in_front and bool(self.has_two_pictures or self.astigmatism)), 1.0, in_front)]

    def _elongation(self, field: Place) -> Any:
        """Length less width of a spot over its length; negative: long across the radius behind the focus."""
        down, right = field
        return self.astigmatism * (down * down + right * right)

    def _elongated(self, y: Tensor, x: Tensor, side: int, field: Place) -> tuple[Tensor, Tensor]:
        """Where the ray that lands at (y, x) of an elongated spot passed the pupil."""
        down, right = field
        squared = down * down + right * right + 1e-12
        along, across = y * down + x * right, y * right - x * down  # times the distance from the middle
        wider = 1.0 / (1.0 - abs(self._elongation(field)))
        along, across = (along, across * wider) if self.astigmatism * side < 0 else (along * wider, across)
        return (along * down + across * right) / squared, (along * right - across * down) / squared

    def mask(self, defocus_px: float) -> Float[Tensor, "d d"]:
        """The spot of a point `defocus_px` out of focus, positive in front: float64 [d, d], d odd, unit sum, centered.

        Its second moment about the middle is m r² + 1/6, from r = 0.75 px up; for a disc that of a disc integrated over
        pixels, r²/2 + 1/6. A spot within half a pixel lies entirely in the middle pixel.
        Raises ValueError when the defocus is not finite.
        """
        if not math.isfinite(defocus_px):
            raise ValueError(f"defocus_px must be finite, got {defocus_px}")
        radius_px = abs(defocus_px)
        if radius_px <= IDENTITY_RADIUS_PX:
            return torch.ones(1, 1, dtype=torch.float64)
        if radius_px >= RESOLVED_RADIUS_PX:
            return self._rendered(defocus_px)
        # Between the two radii the spot grows out of its pixel in proportion to its area, as larger spots do.
        w = (radius_px**2 - IDENTITY_RADIUS_PX**2) / (RESOLVED_RADIUS_PX**2 - IDENTITY_RADIUS_PX**2)
        resolved = self._rendered(math.copysign(RESOLVED_RADIUS_PX, defocus_px))
        half = resolved.shape[0] // 2
        point = F.pad(torch.ones(1, 1, dtype=torch.float64), (half, half, half, half))
        return (1.0 - w) * point + w * resolved

    def _rendered(self, defocus_px: float) -> Tensor:
        if self.psf is not None:
            return self.psf.mask(defocus_px)
        if self.is_disc:
            return covered_area(rendered_radius(abs(defocus_px)))
        return _spot(self.pupil, self._rendered_side(defocus_px > 0)).mask(abs(defocus_px))

    def _rendered_side(self, in_front: bool) -> int:
        return 1 if in_front and self.is_two_sided else -1


@lru_cache(maxsize=64)
def _spot(pupil: Aperture, side: int) -> Spot:
    return Spot(pupil.transmission(side))


def cell_centers(cells: int) -> tuple[Float[Tensor, "n n"], Float[Tensor, "n n"]]:
    """(y, x) of the cells of a picture over [−1, 1]², float64."""
    center = (torch.arange(cells, dtype=torch.float64) + 0.5) * (2.0 / cells) - 1.0
    y, x = torch.meshgrid(center, center, indexing="ij")
    return y, x


def _check_range(name: str, value: float, low: float, high: float, shown: str = "") -> None:
    if not (math.isfinite(value) and low <= value <= high):
        must = "be finite" if math.isinf(high) else f"lie in {shown or f'[{low:g}, {high:g}]'}"
        raise ValueError(f"aperture {name} must {must}, got {value!r}")


def narrowed_radius_px(radius_px: float, removed_px2: float, moment: float = _DISC_MOMENT) -> float:
    """The radius of a spot whose second moment is smaller than that of `radius_px` by m · `removed_px2`.

    Between IDENTITY_RADIUS_PX and RESOLVED_RADIUS_PX the second moment rises linearly with r² (see `Aperture.mask`).
    """
    inner2, resolved2 = IDENTITY_RADIUS_PX**2, RESOLVED_RADIUS_PX**2
    resolved = moment * resolved2 + 1 / 6
    if radius_px >= RESOLVED_RADIUS_PX:
        target = moment * (radius_px**2 - removed_px2) + 1 / 6
    else:
        target = resolved * max(radius_px**2 - inner2, 0.0) / (resolved2 - inner2) - moment * removed_px2
    if target >= resolved:
        return math.sqrt((target - 1 / 6) / moment)
    return math.sqrt(inner2 + max(target, 0.0) / resolved * (resolved2 - inner2))
