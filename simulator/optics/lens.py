"""The thin lens: from disparity to blur radius.

Letters: D disparity, bigger is nearer; D_f disparity of the plane in focus; K blur scale in pixels of this image;
s signed blur radius, positive in front of the plane of focus; r = |s| radius of the circle of confusion.

For a thin lens of aperture radius a (m) and focal length f (px), focused at depth z_f (m), a point at depth z
images onto the focused plane's pixels as a disc of radius a·f·|1/z − 1/z_f|: with D = 1/z this is K·|D − D_f|, K = a·f.
(Potmesil & Chakravarty 1981, with the image distance taken as f for z_f >> f.)
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class ThinLens:
    """One setting of the lens.

    focus_disparity: D_f, in the unit of the disparity map (finite).
    blur_scale_px:   K, blur radius in pixels of a point one unit of disparity off the plane (positive, finite).
    """

    focus_disparity: float
    blur_scale_px: float

    def __post_init__(self) -> None:
        if not math.isfinite(self.focus_disparity):
            raise ValueError(f"focus_disparity must be finite, got {self.focus_disparity}")
        if not (math.isfinite(self.blur_scale_px) and self.blur_scale_px > 0):
            raise ValueError(f"blur_scale_px must be positive and finite, got {self.blur_scale_px}")

    def defocus_px(self, disparity: Float[Tensor, ...]) -> Float[Tensor, ...]:
        """s = K (D − D_f), pixels; positive in front of the plane of focus. Any shape."""
        return self.blur_scale_px * (disparity - self.focus_disparity)

    def blur_level(self, long_side_px: int) -> float:
        """100 K / long side: the blur scale in percent of the image's long side, free of resolution."""
        return 100.0 * self.blur_scale_px / long_side_px

    @property
    def blur_at_infinity_px(self) -> float:
        """b = K D_f: radius of a point at infinity (D = 0); DiffCamera's blur level (arXiv 2509.26599)."""
        return self.blur_scale_px * self.focus_disparity

    @classmethod
    def from_blur_level(cls, focus_disparity: float, blur_level: float, long_side_px: int) -> ThinLens:
        """The inverse of `blur_level`: K = blur_level · long side / 100."""
        return cls(focus_disparity=focus_disparity, blur_scale_px=blur_level * long_side_px / 100.0)


@dataclass(frozen=True)
class PhysicalLens:
    """A thin lens in the terms of a photographer. The focus distance may be infinite.

    sensor_width_mm measures the long side of the frame, in portrait format too.
    Raises ValueError for a number that is not positive, or a focus nearer than the focal length.

    Letters: f focal length; N f-number; a = f / 2N radius of the opening; z_f focus distance from the lens;
    v = f z_f / (z_f − f) image distance (Gauss).
    """

    focal_length_mm: float
    f_number: float
    sensor_width_mm: float
    focus_distance_m: float

    def __post_init__(self) -> None:
        for name in ("focal_length_mm", "f_number", "sensor_width_mm"):
            _check_positive(name, getattr(self, name))
        nearest_m = self.focal_length_mm / 1000.0
        if not self.focus_distance_m > nearest_m:  # NaN fails, too
            got = self.focus_distance_m
            raise ValueError(f"focus_distance_m must exceed the focal length {nearest_m} m, got {got}")

    @property
    def circle_scale_mm(self) -> float:
        """a v / 1000: radius on the sensor, mm, of a point one diopter (1/m) off the plane in focus."""
        opening_radius_mm = self.focal_length_mm / (2.0 * self.f_number)  # a
        image_distance_mm = self.focal_length_mm / (1.0 - self.focal_length_mm / (1000.0 * self.focus_distance_m))  # v
        return opening_radius_mm * image_distance_mm / 1000.0

    def hyperfocal_m(self, circle_mm: float) -> float:
        """Focused here, infinity has a circle of confusion of this diameter c: f²/(N c) + f, whatever the focus now."""
        _check_positive("circle_mm", circle_mm)
        return (self.focal_length_mm**2 / (self.f_number * circle_mm) + self.focal_length_mm) / 1000.0

    def thin_lens(self, long_side_px: int) -> ThinLens:
        """(D_f, K) for metric disparity, 1/m: D_f = 1 / z_f, K = a v in pixels of an image this long."""
        return ThinLens(1.0 / self.focus_distance_m, self.circle_scale_mm * long_side_px / self.sensor_width_mm)

    @classmethod
    def from_thin_lens(
        cls, lens: ThinLens, focal_length_mm: float, sensor_width_mm: float, long_side_px: int
    ) -> PhysicalLens:
        """The inverse of `thin_lens`: the focus distance and f-number that give D_f and K (metric, 1/m).

        Raises ValueError when D_f is negative, or nearer than the focal length.
        """
        if lens.focus_disparity < 0:
            raise ValueError(f"focus_disparity must be >= 0 (infinity) for metric depth, got {lens.focus_disparity}")
        distance_m = 1.0 / lens.focus_disparity if lens.focus_disparity > 0 else math.inf
        wide_open = cls(focal_length_mm, 1.0, sensor_width_mm, distance_m)
        return replace(wide_open, f_number=wide_open.thin_lens(long_side_px).blur_scale_px / lens.blur_scale_px)


@dataclass(frozen=True)
class DepthRange:
    """Assumed depths of relative disparity: disparity 1 lies at `near_m`, disparity 0 at `far_m` (may be infinite)."""

    near_m: float
    far_m: float

    def __post_init__(self) -> None:
        _check_positive("near_m", self.near_m)
        if not self.far_m > self.near_m:
            raise ValueError(f"far_m must exceed near_m = {self.near_m}, got {self.far_m}")

    @property
    def diopters(self) -> float:
        """1/near − 1/far: the span of metric disparity, 1/m."""
        return 1.0 / self.near_m - 1.0 / self.far_m

    def relative(self, lens: ThinLens) -> ThinLens:
        """The lens for relative disparity from one for metric disparity.

        D = (D_m − 1/far) / diopters, K = K_m · diopters.
        """
        return ThinLens((lens.focus_disparity - 1.0 / self.far_m) / self.diopters, lens.blur_scale_px * self.diopters)

    def metric(self, lens: ThinLens) -> ThinLens:
        """The inverse of `relative`."""
        return ThinLens(lens.focus_disparity * self.diopters + 1.0 / self.far_m, lens.blur_scale_px / self.diopters)


def sensor_width_from_35mm(focal_length_mm: float, equivalent_35mm: float, width_px: int, height_px: int) -> float:
    """Long side of the sensor, mm. The 35 mm equivalent compares diagonals: diagonal = 43.27 mm f / f₃₅ (CIPA)."""
    _check_positive("focal_length_mm", focal_length_mm)
    _check_positive("equivalent_35mm", equivalent_35mm)
    diagonal_mm = math.hypot(36.0, 24.0) * focal_length_mm / equivalent_35mm
    return diagonal_mm * max(width_px, height_px) / math.hypot(width_px, height_px)


def _check_positive(name: str, value: float) -> None:
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"{name} must be positive and finite, got {value}")
