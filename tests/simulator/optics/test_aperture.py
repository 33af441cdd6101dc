"""The spot of a point: closed forms."""

from __future__ import annotations

import math

import pytest
import torch

from simulator import Aperture
from simulator.optics.disc import disc_quadrant_area, second_moment_radius_px
from tests.simulator.closeness import assert_close

RADII = [0.75, 1.0, 1.3, 2.0, 3.7, 8.0, 16.4, 64.0]


@pytest.mark.parametrize("radius", [0.0, 0.4, *RADII])
def test_the_spot_keeps_all_light(radius: float) -> None:
    assert float(Aperture().mask(radius).sum()) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("radius", RADII)
def test_the_second_moment_is_the_labeled_radius(radius: float) -> None:
    # solved for by bisection to 1e-12 px; what is left is rounding in the moment
    assert second_moment_radius_px(Aperture().mask(radius)) == pytest.approx(radius, abs=1e-6)


@pytest.mark.parametrize("radius", RADII)
def test_the_spot_is_symmetric(radius: float) -> None:
    mask = Aperture().mask(radius)
    for mirrored in (mask.flip(0), mask.flip(1), mask.T):
        assert_close(mirrored, mask, atol=1e-12, what=f"spot of {radius} px mirrored")


def test_a_large_spot_is_a_disc_of_even_brightness() -> None:
    mask = Aperture().mask(20.0)
    half = mask.shape[0] // 2
    y, x = torch.meshgrid(*[torch.arange(-half, half + 1.0)] * 2, indexing="ij")
    distance = torch.hypot(x, y)
    inside = mask[distance < 19.0]  # pixels wholly inside carry 1 / (π r²) each
    assert_close(inside, torch.full_like(inside, 1 / (math.pi * 400)), atol=1e-6, what="inside")
    assert float(mask[distance > 21.0].sum()) < 1e-12


def test_within_half_a_pixel_the_point_stays_a_point() -> None:
    assert Aperture().mask(0.5).shape == (1, 1)


@pytest.mark.parametrize("radius", [0.55, 0.6, 0.7])
def test_between_point_and_disc_the_second_moment_grows_with_the_area(radius: float) -> None:
    """⟨d²⟩ rises linearly in r² from a point's 0 at 0.5 px to a disc's r²/2 + 1/6 at 0.75 px."""
    mask = Aperture().mask(radius)
    distance = torch.arange(mask.shape[0], dtype=torch.float64) - mask.shape[0] // 2
    measured = float((mask * (distance[:, None] ** 2 + distance**2)).sum())
    of_disc = 0.75**2 / 2 + 1 / 6
    assert measured == pytest.approx(of_disc * (radius**2 - 0.5**2) / (0.75**2 - 0.5**2), abs=1e-6)


def test_quadrant_area_against_closed_forms() -> None:
    far = torch.tensor(9.0, dtype=torch.float64)
    assert float(disc_quadrant_area(far, far, 2.0)) == pytest.approx(math.pi)  # a quarter of 4π
    assert float(disc_quadrant_area(-far, far, 2.0)) == pytest.approx(-math.pi)
    small = torch.tensor(0.5, dtype=torch.float64)
    assert float(disc_quadrant_area(small, small, 2.0)) == pytest.approx(0.25)  # wholly inside: the rectangle


@pytest.mark.parametrize("defocus", [math.nan, math.inf])
def test_bad_defocus(defocus: float) -> None:
    with pytest.raises(ValueError, match="defocus_px must be finite"):
        Aperture().mask(defocus)
