"""The largest circle of confusion of a stack: how far light spreads, and how far the lenses see behind occluders."""

from __future__ import annotations

from collections.abc import Iterable

from simulator.optics.aperture import Aperture
from simulator.optics.lens import ThinLens


def largest_radius_px(lenses: Iterable[ThinLens], disparity_range: tuple[float, float], aperture: Aperture) -> float:
    """Largest blur radius E K |D − D_f|, pixels, over all lenses, their colors, and both ends of the disparity range.

    E is 1, or how far the light of PSFs reaches, in labeled radii.
    Colors differ where the aperture has longitudinal chromatic aberration. Raises ValueError without a lens.
    """
    return aperture.reach * max(
        color_lens.blur_scale_px * abs(end - color_lens.focus_disparity)
        for lens in lenses
        for color_lens in aperture.channel_lenses(lens)
        for end in disparity_range
    )
