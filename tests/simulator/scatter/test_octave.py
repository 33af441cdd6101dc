"""Octaves: grids with room for the discs that are blurred on them, halving and enlarging that move no point."""

from __future__ import annotations

import pytest
import torch

from simulator.scatter.octave import OctaveGrid, coarsest_octave, enlarged, rendered_radius


@pytest.mark.parametrize(("height", "width", "reach"), [(64, 64, 0.0), (117, 231, 13.0), (480, 320, 40.0)])
@pytest.mark.parametrize("octave", [0, 1, 2, 3])
def test_a_grid_has_room_and_cheap_even_sides(height: int, width: int, reach: float, octave: int) -> None:
    grid = OctaveGrid.around(height, width, reach, octave, coarsest=3)
    q = 2**octave
    assert grid.padding * q >= reach + (8 if octave < 3 else 0)  # a coarsest cell more for the tail of a cut spectrum
    for coarser in range(octave, 4):
        f = 2 ** (coarser - octave)
        coarse = grid.coarser(coarser)
        assert (coarse.padded_height * f, coarse.padded_width * f) == (grid.padded_height, grid.padded_width)
        assert coarse.padding * f == grid.padding
        assert coarse.rows.start >= 0
        assert coarse.rows.stop <= coarse.padded_height
        assert coarse.padded_height % 2 == 0
    for side_px, side, padded in (
        (height, grid.height, grid.padded_height),
        (width, grid.width, grid.padded_width),
    ):
        assert (side - 1) * q < side_px <= side * q
        assert padded >= side + 2 * grid.padding
        assert padded % 2 == 0
        rest = padded
        for factor in (2, 3, 5, 7):
            while rest % factor == 0:
                rest //= factor
        assert rest == 1


@pytest.mark.parametrize(
    ("first", "end"), [(40, 60), (None, 30), (95, None), (None, None), (-3, 20), (110, 118), (3, 9)]
)
@pytest.mark.parametrize("octave", [0, 2])
def test_a_strip_holds_what_its_rows_reach(first: int | None, end: int | None, octave: int) -> None:
    frame = OctaveGrid.around(120, 90, 6.0, 0, coarsest=2)
    strip = frame.strip(first, end)
    assert strip.padded_height * strip.parts == frame.padded_height
    reached = range(max((first or 0) - 6, 0), min((end or 120) + 6, 120))
    assert strip.top <= reached.start
    assert strip.top + strip.height >= reached.stop
    assert strip.above + strip.height + strip.above <= strip.padded_height
    coarse = strip.coarser(octave)
    assert (coarse.top * 2**octave, coarse.above * 2**octave) == (strip.top, strip.above)  # cells lie on cells
    assert coarse.rows.start >= 0
    rows = strip.rows_reached(first, end, 6.0, octave)
    ring = 1 if octave else 0
    at = slice(2**octave * (coarse.top + rows.start - ring), 2**octave * (coarse.top + rows.stop - ring))
    assert at.start <= reached.start
    assert at.stop >= reached.stop
    assert rows.stop <= coarse.rows.stop - coarse.rows.start


def test_few_rows_make_a_narrow_strip() -> None:
    frame = OctaveGrid.around(120, 90, 6.0, 0, coarsest=2)
    assert [frame.strip(*rows).parts for rows in ((50, 55), (20, 100), (None, None))] == [3, 1, 1]


@pytest.mark.parametrize(("first", "end"), [(1, 12), (188, 199), (60, 71)])
def test_light_that_leaves_the_frame_does_not_come_back_at_a_strips_other_end(first: int, end: int) -> None:
    strip = OctaveGrid.around(200, 90, 24.0, 0, coarsest=2).strip(first, end)
    assert strip.padded_height >= end - first + 2 * strip.padding


def test_octaves_follow_the_radius() -> None:
    assert [coarsest_octave(r) for r in (0.0, 7.9, 8.0, 20.0, 40.0, 500.0)] == [0, 0, 1, 2, 3, 3]


def halved(picture: torch.Tensor) -> torch.Tensor:
    """[1, 1, h, w] at half the size by the tent [1 3 3 1]/8, as an antialiased resize has it."""
    return torch.nn.functional.interpolate(
        picture, scale_factor=0.5, mode="bilinear", align_corners=False, antialias=True
    )


@pytest.mark.parametrize("octave", [1, 2, 3])
def test_halving_and_enlarging_keep_place_and_light_and_widen_by_a_known_variance(octave: int) -> None:
    """Any pixel of a cell: centroid where it was; variance (q² − 1)/2 along each axis."""
    q, side = 2**octave, 128
    center = torch.arange(side, dtype=torch.float64)
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
        mean = float((row * center).sum())
        assert mean == pytest.approx(at, abs=1e-9)
        assert float((row * (center - mean) ** 2).sum()) == pytest.approx((q * q - 1) / 2, abs=1e-9)


@pytest.mark.parametrize("moment", [0.2, 0.41, 0.5, 0.6])
def test_the_drawn_radius_makes_up_for_what_halving_and_enlarging_add(moment: float) -> None:
    for drawn_on, octave, radius in ((0, 0, 3.0), (0, 1, 9.0), (0, 3, 50.0), (1, 1, 9.0), (1, 3, 50.0)):
        q2, wide2 = 4.0**drawn_on, 4.0**octave
        drawn = rendered_radius(radius, drawn_on, octave, octave, moment)
        cut = wide2 / 2 if octave > drawn_on else 0.0  # of the window, px²
        variance = q2 * (moment * drawn**2 / 2 + 1 / 12) + (q2 - 1) / 4 + (wide2 - 1) / 4 + cut
        assert variance == pytest.approx(moment * radius**2 / 2 + 1 / 12)
    assert rendered_radius(1.0, 0, 3, 3) == 0.0
