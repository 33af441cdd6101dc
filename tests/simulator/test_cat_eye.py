"""Pupils that change over the frame: the two-circle formula, sides of focus, gather against blended regions."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from simulator import Aperture, ThinLens, render_stack
from simulator.optics.regional_pupils import blend_regions, field_coordinates, regional_pupils
from tests.simulator.closeness import assert_close
from tests.simulator.optics.closed_forms import two_disc_area

SIZE = (91, 121)
HALF_DIAGONAL = math.hypot(*SIZE) / 2
RADIUS = 12.0


def lamps(*places: tuple[int, int]) -> tuple[Tensor, Tensor]:
    image = torch.zeros(3, *SIZE)
    for row, column in places:
        image[:, row, column] = 100.0
    return image, torch.full(SIZE, 0.5)


def rendered(place: tuple[int, int], defocus: float, cat_eye: float, quality: str) -> Tensor:
    """Spot of one lamp, unit sum [H, W]."""
    image, disparity = lamps(place)
    lens = ThinLens(0.5 - defocus / 40, 40.0)
    frame = render_stack(image, disparity, [lens], aperture=Aperture(cat_eye=cat_eye), quality=quality)
    return frame[0, 1].double() / 100.0


def centroid(spot: Tensor, place: tuple[int, int]) -> tuple[float, float]:
    clean = spot.where(spot > 1e-5, 0.0)
    row, column = (torch.arange(side, dtype=torch.float64) for side in SIZE)
    return (
        float((clean.sum(1) * row).sum() / clean.sum()) - place[0],
        float((clean.sum(0) * column).sum() / clean.sum()) - place[1],
    )


@pytest.mark.parametrize("quality", ["fast", "exact"])
@pytest.mark.parametrize("place", [(45, 60), (80, 105)])
def test_the_lit_area_is_what_two_circles_share(place: tuple[int, int], quality: str) -> None:
    """|u| <= 1 and |u + c f(p)| <= 1 at the pixel p = q + r u: discs of radii 1 and 1 / (1 + c r / half diagonal)."""
    spot = rendered(place, -RADIUS, 0.8, quality)
    rim = 1 / (1 + 0.8 * RADIUS / HALF_DIAGONAL)
    distance = 0.8 * math.hypot(place[0] - 45, place[1] - 60) / HALF_DIAGONAL * rim
    lit = float((spot > spot[spot > spot.max() / 3].median() / 2).sum())
    # 360 pixels, a rim of 60; between regions two pupils mix, 4 px apart where the disc is 12 px wide
    tolerance = 0.05 if quality == "exact" else 0.1
    assert lit / RADIUS**2 == pytest.approx(two_disc_area(distance, rim), rel=tolerance)


@pytest.mark.parametrize("quality", ["fast", "exact"])
def test_discs_are_cut_outside_behind_the_focus_and_inside_in_front_of_it(quality: str) -> None:
    """The middle of what two discs share lies half-way between theirs: cat_eye · field / 2 of the radius."""
    place = (45, 105)
    shift = 0.8 * 45 / HALF_DIAGONAL / 2 * RADIUS
    for defocus in (-RADIUS, RADIUS):
        down, right = centroid(rendered(place, defocus, 0.8, quality), place)
        assert down == pytest.approx(0.0, abs=0.1)
        assert right == pytest.approx(math.copysign(shift, defocus), rel=0.15)  # towards the middle behind


@pytest.mark.parametrize("place", [(45, 60), (80, 108)])
def test_regions_and_rays_agree(place: tuple[int, int]) -> None:
    fast, exact = (rendered(place, -RADIUS, 0.6, quality) for quality in ("fast", "exact"))
    assert float((fast - exact).abs().sum()) < 0.2  # of 2; a rim one pixel softer and 4 px of mixture
    assert centroid(fast, place) == pytest.approx(centroid(exact, place), abs=0.25)


@pytest.mark.parametrize("quality", ["fast", "exact"])
def test_a_constant_stays_constant_and_light_nearly_so(quality: str) -> None:
    image, disparity = torch.full((3, *SIZE), 0.4), torch.full(SIZE, 0.5)
    frame = render_stack(image, disparity, [ThinLens(0.2, 20.0)], aperture=Aperture(cat_eye=1.0), quality=quality)
    assert_close(frame, torch.full_like(frame, 0.4), atol=2e-4, what="constant")
    # a lamp's own light: the blurred picture is a little smaller behind the focus and larger in front of it, by
    # c r / half diagonal of its area, and brightness is held instead
    assert float(rendered((45, 60), 6.0, 0.3, quality).sum()) == pytest.approx(1.0, abs=0.3 * 6.0 / HALF_DIAGONAL)


def test_weights_sum_to_one_and_nodes_see_their_own_pupil() -> None:
    parts = regional_pupils(Aperture(cat_eye=0.5), SIZE, 12.0)
    assert len(parts) in (9, 25, 49)
    one = blend_regions(parts, SIZE, lambda aperture: torch.ones(1, 3, *SIZE))
    assert_close(one, torch.ones_like(one), atol=1e-6, what="weights")
    down, right = field_coordinates(SIZE)
    corner = max(math.hypot(float(y), float(x)) for y in (down[0], down[-1]) for x in (right[0], right[-1]))
    assert corner == pytest.approx(1.0, abs=0.02)  # of the frame; the corner pixel's center lies just inside
    assert parts[-1].aperture.field == pytest.approx((float(down[-1]), float(right[-1])))
    few = len(regional_pupils(Aperture(cat_eye=0.1), SIZE, 5.0))
    assert few == 9


def test_a_cat_eye_out_of_range_is_named() -> None:
    with pytest.raises(ValueError, match=r"aperture cat_eye must lie in \[0, 1.5\], got 2.0"):
        Aperture(cat_eye=2.0)
