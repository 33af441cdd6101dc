"""The largest circle of confusion of a stack: how far its light spreads, and how far its lenses look behind things."""

from __future__ import annotations

from collections.abc import Iterable

from simulator.optics.aperture import Aperture
from simulator.optics.lens import ThinLens


def largest_radius_px(lenses: Iterable[ThinLens], disparity_range: tuple[float, float], aperture: Aperture) -> float:
    """Largest blur radius K |D − D_f|, pixels, over all lenses, their colors, and both ends of the disparity range.

    Colors differ where the aperture has longitudinal chromatic aberration. Raises ValueError without a lens.
    """
    return max(
        of_color.blur_scale_px * abs(end - of_color.focus_disparity)
        for lens in lenses
        for of_color in aperture.lenses_of_channels(lens)
        for end in disparity_range
    )
