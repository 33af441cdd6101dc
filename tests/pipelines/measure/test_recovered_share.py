"""The recovered share: nothing for who leaves the reference as it is, all for the truth, and of deblurring alone."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.measure.recovered_share import pixels_to_sharpen, recovered_share
from simulator import ThinLens
from tests.pipelines.measure.pictures import rendered, slope, texture

DISPARITY = slope()
OWN, ASKED = ThinLens(0.1, 8.0), ThinLens(0.9, 8.0)
REFERENCE, TRUTH = rendered(texture(), DISPARITY, [OWN, ASKED])
OWN_PX, ASKED_PX = (lens.blur_scale_px * (DISPARITY - lens.focus_disparity) for lens in (OWN, ASKED))


def share(made: np.ndarray) -> float | None:
    return recovered_share(made, REFERENCE, TRUTH, OWN_PX, ASKED_PX)


def test_nothing_for_the_reference_and_all_for_the_truth() -> None:
    assert share(REFERENCE) == 0.0
    assert share(TRUTH) == pytest.approx(1.0)
    half = np.rint((REFERENCE.astype(float) + TRUTH) / 2).astype(np.uint8)
    assert share(half) == pytest.approx(0.5, abs=0.01)
    assert share((2.0 * REFERENCE - TRUTH).clip(0, 255).astype(np.uint8)) < -0.5  # away from it


def test_only_pixels_asked_sharp_count() -> None:
    made = REFERENCE.copy()
    made[:, 90:] = TRUTH[:, 90:]  # columns asked with a radius up to 1 px start at 92
    assert share(made) == pytest.approx(1.0)
    made = TRUTH.copy()
    made[:, 93:] = REFERENCE[:, 93:]
    assert share(made) < 0.1


def test_without_pixels_or_without_a_difference_there_is_no_share() -> None:
    assert recovered_share(TRUTH, REFERENCE, TRUTH, ASKED_PX, ASKED_PX) is None  # sharp already
    assert recovered_share(TRUTH, TRUTH, TRUTH, OWN_PX, ASKED_PX) is None


def test_pixels_under_another_surfaces_blur_are_left_out() -> None:
    asked = np.zeros((40, 60))
    asked[:, 30:] = 8.0  # a blurred near surface reaches 9 px over the sharp one
    chosen = pixels_to_sharpen(np.full((40, 60), 4.0), asked)
    assert chosen[:, :20].all()
    assert not chosen[:, 22:].any()
