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
from dataclasses import dataclass, replace
from functools import lru_cache

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from simulator.optics.lens import ThinLens
from simulator.optics.pupil import CELLS, PupilRaster, aberrated, blades_distance, distance_from_axis, opening
from simulator.optics.spot import Spot, second_moment

IDENTITY_RADIUS_PX = 0.5  # up to here a disc lies in its pixel: the photo is returned
RESOLVED_RADIUS_PX = 0.75  # from here the spot measures its labeled radius
_SMOOTH_PX, _EXACT_PX = 3.0, 100.0
_DISC_MOMENT = 0.5
_LONGEST_SQUEEZE = 4.0


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
    clip:          (down, right) middle of a second disc of radius 1 that also has to be passed, in radii: the rim of
                   the barrel as seen by an oblique beam.
    cat_eye:       how far that second disc's middle is shifted in the corner of the frame, in radii, in [0, 1.5]; away
                   from the corner, in proportion to the distance from the frame's middle; see `vignetted_at`.
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
    clip: tuple[float, float] = (0.0, 0.0)
    cat_eye: float = 0.0
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
        if not math.hypot(*self.clip) < 2.0:  # NaN fails, too
            raise ValueError(f"aperture clip must lie within 2 radii of the middle, got {self.clip}")
        _check_range("cat_eye", self.cat_eye, 0.0, 1.5)
        for shift in self.focus_shift:
            _check_range("focus_shift", shift, -math.inf, math.inf)
        for size in self.magnification:
            _check_range("magnification", size, 0.9, 1.1)

    @property
    def is_disc(self) -> bool:
        """Whether its spot is an even disc on both sides of the plane of focus."""
        is_round = self.blades == 0 or self.roundness == 1.0
        is_clear = self.obstruction == 0.0 and self.spherical == 0.0 and self.squeeze == 1.0 and self.raster is None
        return is_round and is_clear and self.clip == (0.0, 0.0)

    @property
    def is_point_symmetric(self) -> bool:
        """Whether half a turn leaves its spots unchanged: then their spectra are real."""
        is_even = self.blades % 2 == 0 or self.roundness == 1.0
        return is_even and self.clip == (0.0, 0.0) and (self.raster is None or self.raster.is_point_symmetric)

    @property
    def is_two_sided(self) -> bool:
        """Whether spots in front of the plane of focus differ from those behind it."""
        return self.spherical != 0.0 or not self.is_point_symmetric

    @property
    def is_chromatic(self) -> bool:
        """Whether red, green and blue are in focus at different depths."""
        return len(set(self.focus_shift)) > 1

    @property
    def fineness(self) -> float:
        """Size of the spot's details relative to a disc of the same radius, in (0, 1]: limits a grid's cell size."""
        if self.is_disc:
            return 1.0
        narrow = min(self.squeeze, 1 / self.squeeze) * (1.0 - self.obstruction) * (1.0 - 0.5 * abs(self.spherical))
        cut = max(0.25, 1.0 - math.hypot(*self.clip) / 2)
        if self.raster is not None:
            return narrow * cut * 0.5 * min(1.0, math.sqrt(2 * self.moment()))
        return narrow * cut * (0.5 if 0 < self.blades < 6 else 1.0)

    def moment(self, side: int = -1) -> float:
        """m, second moment of the spot about the axis in units of r²: behind (−1) or in front of (+1) the focus."""
        return _DISC_MOMENT if self.is_disc else _spot(self.pupil, self._rendered_side(side > 0)).moment

    @property
    def achromatic(self) -> Aperture:
        return replace(self, focus_shift=(0.0, 0.0, 0.0), magnification=(1.0, 1.0, 1.0))

    @property
    def pupil(self) -> Aperture:
        """The aperture in the middle of the frame, without chromatic aberration: all that a mask depends on."""
        is_plain = (self.cat_eye, self.focus_shift, self.magnification) == (0.0, (0.0,) * 3, (1.0,) * 3)
        return self if is_plain else replace(self.achromatic, cat_eye=0.0)

    def vignetted_at(self, down: float, right: float) -> Aperture:
        """The aperture as a pixel of the frame sees it; (down, right) from the middle, in half diagonals.

        The front rim of the barrel, seen through the lens by a beam from the right, is shifted to the left: discs
        behind the focus are cut on their outer side, discs in front of it on their inner one. The rim is as wide as the
        opening for the plane in focus; so, as a ray's pixel decides, a disc behind it measures 1 / (1 + cat_eye · r /
        half diagonal) of its radius even in the middle (2.6 % less at 20 px in 768 × 512 with 0.6). Spots keep unit
        sum: the loss of light towards the corners is left out, as cameras correct it.
        """
        clip = (self.clip[0] - self.cat_eye * down, self.clip[1] - self.cat_eye * right)
        return replace(self, cat_eye=0.0, clip=clip)

    def channel_lenses(self, lens: ThinLens) -> list[ThinLens]:
        """The lens for red, green and blue light, focused at D_f + shift; a single lens where the three agree."""
        shifts = self.focus_shift if self.is_chromatic else self.focus_shift[:1]
        return [ThinLens(lens.focus_disparity + shift, lens.blur_scale_px) if shift else lens for shift in shifts]

    def transmission(self, side: int = -1) -> Float[Tensor, "n n"]:
        """Brightness over the full opening, [−1, 1]², float64: behind (side −1) or in front of (+1) the plane of focus.

        Upright; turned by half a turn in front. Not normalized: 1 is a pupil that is open and without aberration.
        """
        center = (torch.arange(CELLS, dtype=torch.float64) + 0.5) * (2.0 / CELLS) - 1.0
        y, x = torch.meshgrid(center * max(1.0, 1 / self.squeeze), center * max(1.0, self.squeeze), indexing="ij")
        density: Tensor | float = 1.0
        if self.spherical:
            y, x, density = aberrated(y, x, self.spherical * side)
        open_ = opening(blades_distance(y, x, self.blades, self.roundness, self.rotation_deg)) * density
        if self.obstruction:
            open_ = open_ * (1.0 - opening(distance_from_axis(y, x) - self.obstruction))
        if self.clip != (0.0, 0.0):
            open_ = open_ * opening(distance_from_axis(y - self.clip[0], x - self.clip[1]) - 1.0)
        if self.raster is not None:
            open_ = open_ * self.raster.sample(y, x)
        return open_.flip(0, 1) if side > 0 else open_

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
        if self.is_disc:
            return _covered_area(_rendered_radius(abs(defocus_px)))
        return _spot(self.pupil, self._rendered_side(defocus_px > 0)).mask(abs(defocus_px))

    def _rendered_side(self, in_front: bool) -> int:
        return 1 if in_front and self.is_two_sided else -1


@lru_cache(maxsize=64)
def _spot(pupil: Aperture, side: int) -> Spot:
    return Spot(pupil.transmission(side))


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


def second_moment_radius_px(mask: Float[Tensor, "d d"]) -> float:
    """Radius of a spot from its second moment: r = √(2 (⟨d²⟩ − 1/6)), 1/6 px² being the pixel's own.

    NaN for spots smaller than a pixel, whose second moment is below the pixel's own.
    """
    moment = second_moment(mask)
    return math.sqrt(2 * (moment - 1 / 6)) if moment >= 1 / 6 else math.nan


def _covered_area(radius_px: float) -> Tensor:
    """Share of a disc's area in each pixel, unit sum: float64 [d, d]."""
    half = max(0, math.ceil(radius_px - 0.5))
    corner = torch.arange(half + 1, dtype=torch.float64) + 0.5  # pixel corners on one side of the middle
    quadrant = disc_quadrant_area(corner[:, None], corner[None, :], radius_px)
    side = torch.cat([-quadrant.flip(0), quadrant])  # the integral is odd along both axes
    integral = torch.cat([-side.flip(1), side], dim=1)  # [d + 1, d + 1]
    covered = integral.diff(dim=0).diff(dim=1).clamp(min=0.0)  # [d, d]
    return covered / covered.sum()


@lru_cache(maxsize=4096)
def _rendered_radius(radius_px: float) -> float:
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
            rendered += radius_px - second_moment_radius_px(_covered_area(rendered))
        return rendered
    low, high = 0.5, radius_px + 0.5
    for _ in range(30):
        middle = (low + high) / 2
        measured = second_moment_radius_px(_covered_area(middle))
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
