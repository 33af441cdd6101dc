"""Octaves: grids with room for the discs that are blurred on them, halving and enlarging that move no point."""

from __future__ import annotations

import pytest
import torch

from simulator.octave import OctaveGrid, drawn_radius, enlarged, halved, largest_radius_px, octave_of
from tests.simulator.closeness import assert_close


@pytest.mark.parametrize(("height", "width", "reach"), [(64, 64, 0.0), (117, 231, 13.0), (480, 320, 40.0)])
@pytest.mark.parametrize("octave", [0, 1, 2, 3])
def test_a_grid_has_room_and_cheap_even_sides(height: int, width: int, reach: float, octave: int) -> None:
    grid = OctaveGrid.around(height, width, reach, octave)
    q = 2**octave
    assert grid.padding * q >= reach + q  # the ring, too, sees whole discs
    for side_px, side, padded in (
        (height, grid.height, grid.padded_height),
        (width, grid.width, grid.padded_width),
    ):
        assert (side - 1) * q < side_px <= side * q
        assert padded >= side + 2 * grid.padding
        assert padded % 2 == 0
        rest = padded
        for factor in (2, 3, 5):
            while rest % factor == 0:
                rest //= factor
        assert rest == 1


def test_octaves_follow_the_radius() -> None:
    assert [octave_of(r) for r in (0.0, 7.9, 8.0, 18.0, 38.0, 500.0)] == [0, 0, 1, 2, 3, 3]


def test_a_group_never_meets_a_radius_that_its_grid_has_no_room_for() -> None:
    for smallest in (0.0, 7.99, 8.0, 17.99, 37.0, 60.0):
        for spread in (0.0, 3.0, 20.0):
            largest = smallest + spread
            assert largest <= largest_radius_px(octave_of(smallest), spread, max_radius_px=100.0)
    assert largest_radius_px(0, 5.0, max_radius_px=6.0) == 6.0


@pytest.mark.parametrize("octave", [1, 2, 3])
def test_halving_and_enlarging_keep_place_and_light_and_widen_by_a_known_variance(octave: int) -> None:
    """Any pixel of a cell: centroid where it was; variance (q² − 1)/2 along each axis."""
    q, side = 2**octave, 128
    centre = torch.arange(side, dtype=torch.float64)
    for at in range(64, 64 + q):
        picture = torch.zeros(1, 1, side, side, dtype=torch.float64)
        picture[..., at, at] = 1.0
        for _ in range(octave):
            picture = halved(picture)
        image = picture[0]
        for finer in range(octave - 1, -1, -1):
            size = side // 2**finer
            ringed = torch.nn.functional.pad(image[None], (1, 1, 1, 1), mode="replicate")[0]
            image = enlarged(ringed, size, size, ring=0)
        row = image[0].sum(1)
        assert float(row.sum()) == pytest.approx(1.0, abs=1e-9)
        mean = float((row * centre).sum())
        assert mean == pytest.approx(at, abs=1e-9)
        assert float((row * (centre - mean) ** 2).sum()) == pytest.approx((q * q - 1) / 2, abs=1e-9)


def test_the_drawn_radius_makes_up_for_what_halving_and_enlarging_add() -> None:
    for octave, radius in ((0, 3.0), (1, 9.0), (2, 20.0), (3, 50.0)):
        q2 = 4.0**octave
        drawn = drawn_radius(radius, octave)
        assert q2 * (drawn**2 / 4 + 1 / 12) + (q2 - 1) / 2 == pytest.approx(radius**2 / 4 + 1 / 12)
    assert drawn_radius(1.0, 3) == 0.0


@pytest.mark.parametrize("moment", [0.2, 0.41, 0.6])
def test_the_drawn_radius_knows_the_pupil_s_second_moment(moment: float) -> None:
    drawn = drawn_radius(40.0, 2, moment)
    assert 16 * (moment * drawn**2 / 2 + 1 / 12) + 7.5 == pytest.approx(moment * 40.0**2 / 2 + 1 / 12)


def test_an_odd_side_is_halved_upwards_and_a_constant_stays_constant() -> None:
    half = halved(torch.full((2, 3, 7, 10), 0.3))
    assert half.shape == (2, 3, 4, 5)
    assert_close(half, torch.full_like(half, 0.3), atol=1e-6, what="constant")
