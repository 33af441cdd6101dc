"""Millimeters, f-numbers and meters to disparity and pixels, and back; textbook limits of sharpness."""

from __future__ import annotations

import math

import pytest
import torch

from simulator.optics.lens import DepthRange, PhysicalLens, ThinLens, sensor_width_from_35mm


@pytest.mark.parametrize("far_m", [9.0, math.inf])
def test_relative_disparity_under_a_stated_range(far_m: float) -> None:
    """The same point is blurred alike by both, and the way back is exact."""
    scene = DepthRange(1.2, far_m)
    metric = PhysicalLens(85.0, 1.8, 36.0, 2.0).thin_lens(768)
    relative = scene.relative(metric)
    for distance in (1.3, 2.0, 6.0):
        d = (1 / distance - 1 / far_m) / (1 / 1.2 - 1 / far_m)
        expected = metric.blur_scale_px * (1 / distance - 1 / 2.0)
        assert float(relative.defocus_px(torch.tensor(d, dtype=torch.float64))) == pytest.approx(expected, abs=1e-9)
    back = scene.metric(relative)
    assert back.focus_disparity == pytest.approx(metric.focus_disparity)
    assert back.blur_scale_px == pytest.approx(metric.blur_scale_px)


def test_the_sensor_of_a_phone_from_its_35_mm_equivalent() -> None:
    assert sensor_width_from_35mm(50.0, 50.0, 6000, 4000) == pytest.approx(36.0)
    assert sensor_width_from_35mm(50.0, 50.0, 4000, 6000) == pytest.approx(36.0)  # held upright
    assert sensor_width_from_35mm(6.86, 26.0, 4032, 3024) == pytest.approx(9.133, abs=0.01)  # a 1/1.4-inch sensor, 4:3


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ((50.0, 0.0, 36.0, 2.0), "f_number must be positive and finite, got 0.0"),
        ((50.0, -1.4, 36.0, 2.0), "f_number must be positive"),
        ((0.0, 2.0, 36.0, 2.0), "focal_length_mm must be positive"),
        ((50.0, 2.0, math.nan, 2.0), "sensor_width_mm must be positive"),
        ((50.0, 2.0, 36.0, 0.05), "focus_distance_m must exceed the focal length 0.05 m, got 0.05"),
        ((50.0, 2.0, 36.0, math.nan), "focus_distance_m must exceed"),
    ],
)
def test_a_lens_that_cannot_be_is_refused(numbers: tuple[float, float, float, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PhysicalLens(*numbers)


def test_other_numbers_that_cannot_be() -> None:
    with pytest.raises(ValueError, match=r"far_m must exceed near_m = 2.0, got 2.0"):
        DepthRange(2.0, 2.0)
    with pytest.raises(ValueError, match="near_m must be positive"):
        DepthRange(0.0, 2.0)
    with pytest.raises(ValueError, match="focus_disparity must be >= 0"):
        PhysicalLens.from_thin_lens(ThinLens(-0.1, 3.0), 50.0, 36.0, 800)
