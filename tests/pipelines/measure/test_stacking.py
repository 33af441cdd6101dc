"""A group's frames, each taken where it is sharp, make the photo; frames of a method that cheats do not."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.measure.stacking import sharp_somewhere, stacking_error, stacking_weights
from simulator import ThinLens
from tests.pipelines.measure.pictures import rendered, slope, texture

PHOTO, DISPARITY = texture(), slope()
LENSES = [ThinLens(focus, 8.0) for focus in (0.2, 0.5, 0.8)]
DEFOCUS = np.stack([lens.blur_scale_px * (DISPARITY - lens.focus_disparity) for lens in LENSES])


def test_weights_sum_to_one_and_follow_the_sharpest() -> None:
    weights = stacking_weights(np.abs(DEFOCUS))
    assert weights.sum(axis=0) == pytest.approx(np.ones(DISPARITY.shape))
    assert (weights.argmax(axis=0) == np.abs(DEFOCUS).argmin(axis=0)).all()
    assert weights[0, 40, int(0.2 * 119)] > 0.95


def test_true_frames_make_the_photo() -> None:
    error = stacking_error(rendered(PHOTO, DISPARITY, LENSES), PHOTO, DEFOCUS)
    assert error is not None
    assert error < 1 / 255  # half a gray level measured: frames half out of focus have a little say


def test_frames_focused_elsewhere_do_not() -> None:
    shifted = rendered(PHOTO, DISPARITY, [ThinLens(lens.focus_disparity + 0.25, 8.0) for lens in LENSES])
    error = stacking_error(shifted, PHOTO, DEFOCUS)
    assert error is not None
    assert error > 4 / 255


def test_pixels_that_no_plane_reaches_are_left_out() -> None:
    sharp = sharp_somewhere(DEFOCUS)
    assert sharp[40, int(0.5 * 119)]
    assert not sharp[40, 0]
    assert stacking_error([PHOTO], PHOTO, np.full((1, 80, 120), 5.0)) is None


def test_pixels_under_a_silhouettes_blur_are_left_out() -> None:
    defocus = np.full((1, 80, 120), 0.0)
    defocus[:, :, 60:] = 10.0
    sharp = sharp_somewhere(defocus)
    assert sharp[40, 40]
    assert not sharp[40, 55]


def test_as_many_maps_as_frames() -> None:
    with pytest.raises(ValueError, match=r"defocus_px must have one map a frame \(2\), got 3"):
        stacking_error([PHOTO, PHOTO], PHOTO, DEFOCUS)
