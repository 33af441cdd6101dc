from __future__ import annotations

import math

import pytest
import torch

from simulator import ThinLens


def test_signed_defocus() -> None:
    lens = ThinLens(focus_disparity=0.5, blur_scale_px=20.0)
    assert lens.defocus_px(torch.tensor([0.5, 0.75, 0.25])).tolist() == [0.0, 5.0, -5.0]


def test_the_formula_is_that_of_the_lens() -> None:
    """Independent way: two similar triangles behind a thin lens of aperture radius a, focused at z_f."""
    a, f, z_f, z, pixels_per_m = 0.0125, 0.05, 2.0, 5.0, 1e5
    image_distance = 1 / (1 / f - 1 / z_f)  # Gauss
    point_image = 1 / (1 / f - 1 / z)
    circle_radius_m = a * abs(point_image - image_distance) / point_image
    lens = ThinLens(focus_disparity=1 / z_f, blur_scale_px=a * image_distance * pixels_per_m)
    assert abs(float(lens.defocus_px(torch.tensor(1 / z)))) == pytest.approx(circle_radius_m * pixels_per_m, rel=1e-6)


def test_blur_level_and_back() -> None:
    lens = ThinLens.from_blur_level(0.3, 2.5, 800)
    assert lens.blur_scale_px == pytest.approx(20.0)
    assert lens.blur_level(800) == pytest.approx(2.5)
    assert lens.blur_at_infinity_px == pytest.approx(6.0)


@pytest.mark.parametrize("scale", [0.0, -1.0, math.nan, math.inf])
def test_bad_scale(scale: float) -> None:
    with pytest.raises(ValueError, match="blur_scale_px must be positive and finite"):
        ThinLens(0.5, scale)


def test_bad_focus() -> None:
    with pytest.raises(ValueError, match="focus_disparity must be finite"):
        ThinLens(math.nan, 1.0)
