"""The thin lens: from disparity to blur radius.

Letters: D disparity, bigger is nearer; D_f disparity of the plane in focus; K blur scale in pixels of this image;
s signed blur radius, positive in front of the plane of focus; r = |s| radius of the circle of confusion.

For a thin lens of aperture radius a (m) and focal length f (px), focused at depth z_f (m), a point at depth z
images onto the focused plane's pixels as a disc of radius a·f·|1/z − 1/z_f|: with D = 1/z this is K·|D − D_f|, K = a·f.
(Potmesil & Chakravarty 1981, with the image distance taken as f for z_f >> f.)
"""

from __future__ import annotations

import math
from dataclasses import dataclass

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
