"""The renderer as an instrument: points at known disparities, rendered alone on black, their discs measured.

Letters: r labeled radius, m measured radius, pixels. m comes from the second moment of the spot, less the pixel's own
1/6 px²: m = √(2 (⟨d²⟩ − 1/6)). A true label gives m = r: slope 1, offset 0.
"""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.stats import linregress

from simulator import ThinLens, render_stack
from simulator.optics.disc import second_moment_radius_px

RADII_PX = tuple(float(r) for r in np.geomspace(1.0, 64.0, 25))
_BLUR_SCALE_PX = 80.0


@dataclass(frozen=True)
class InstrumentCheck:
    """Labeled and measured radii, and the line through them.

    residual: largest |m − r| / r. light_error: largest share of the light that was lost or gained.
    """

    labeled_px: tuple[float, ...]
    measured_px: tuple[float, ...]
    slope: float
    offset_px: float
    residual: float
    light_error: float

    def summary(self) -> str:
        span = f"r from {self.labeled_px[0]:.0f} to {self.labeled_px[-1]:.0f} px"
        line = f"slope {self.slope:.4f}, offset {self.offset_px:+.3f} px, residual {100 * self.residual:.2f} %"
        return f"instrument: {line}, light kept within {100 * self.light_error:.3f} %, {span}"


def check_instrument() -> InstrumentCheck:
    """Render and measure a point at each radius, alternately in front of and behind the plane in focus."""
    spots = [_spot(r, 1.0 if i % 2 else -1.0) for i, r in enumerate(RADII_PX)]
    measured = [second_moment_radius_px(spot) for spot in spots]
    line = linregress(RADII_PX, measured)
    return InstrumentCheck(
        labeled_px=RADII_PX,
        measured_px=tuple(measured),
        slope=float(line.slope),
        offset_px=float(line.intercept),
        residual=max(abs(m - r) / r for m, r in zip(measured, RADII_PX, strict=True)),
        light_error=max(abs(float(spot.sum()) - 1.0) for spot in spots),
    )


def _spot(radius_px: float, side: float) -> torch.Tensor:
    """The disc of one white pixel on black: float64 [d, d]."""
    half = int(1.5 * radius_px) + 12
    image = torch.zeros(3, 2 * half + 1, 2 * half + 1)
    image[:, half, half] = 1.0
    disparity = torch.full((2 * half + 1, 2 * half + 1), 0.5)
    lens = ThinLens(0.5 - side * radius_px / _BLUR_SCALE_PX, _BLUR_SCALE_PX)
    frame = render_stack(image, disparity, [lens])[0, 1].double()
    # float32 transforms leave about 1e-8 everywhere, which far from the disc would weigh in with its distance
    return torch.where(frame > 3e-7, frame, 0.0)
