"""The plane in focus is found in frames whose plane is known."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.measure.sharpest_plane import sharpest_plane
from simulator import ThinLens
from tests.pipelines.measure.pictures import rendered, slope, texture

PHOTO, DISPARITY = texture(), slope()


@pytest.mark.parametrize("focus", [0.1, 0.35, 0.8])
@pytest.mark.parametrize("scale_px", [6.0, 15.0])
def test_the_sharpest_plane_is_found_within_a_pixel_of_blur(focus: float, scale_px: float) -> None:
    frame = rendered(PHOTO, DISPARITY, [ThinLens(focus, scale_px)])[0]
    found = sharpest_plane(frame, PHOTO, DISPARITY)
    assert found is not None
    assert abs(found - focus) * scale_px < 1.0


def test_rough_things_out_of_focus_are_not_taken_for_sharp_ones() -> None:
    """Contrast rises twentyfold away from the plane: only against the photo's own does the plane stand out."""
    contrast = (0.05 + 0.95 * DISPARITY**2)[..., None]
    photo = np.rint(128 + (PHOTO.astype(float) - 128) * contrast).clip(0, 255).astype(np.uint8)
    frame = rendered(photo, DISPARITY, [ThinLens(0.35, 8.0)])[0]
    found = sharpest_plane(frame, photo, DISPARITY)
    assert found is not None
    assert abs(found - 0.35) * 8.0 < 1.0


def test_a_frame_that_is_sharp_everywhere_has_no_plane() -> None:
    assert sharpest_plane(PHOTO, PHOTO, DISPARITY) is None


def test_a_photo_without_depth_has_no_plane() -> None:
    assert sharpest_plane(PHOTO, PHOTO, np.full_like(DISPARITY, 0.5)) is None
