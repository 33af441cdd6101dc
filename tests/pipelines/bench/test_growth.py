from __future__ import annotations

import pytest

from pipelines.bench.growth import exponent, growth_in_frames, growths
from pipelines.bench.renderers import DIRECT, STACK, RendererRow
from pipelines.bench.timing import Timing


def _row(method: str, side_px: int, radius_px: int, ms: float) -> RendererRow:
    return RendererRow(method, side_px, radius_px, 12, Timing.of([ms / 1e3], first_s=0.0))


@pytest.mark.parametrize("p", [0.0, 0.5, 2.0])
def test_the_exponent_of_a_power_law_is_found(p: float) -> None:
    assert exponent({x: 3.0 * x**p for x in (8.0, 16.0, 64.0)}) == pytest.approx(p, abs=1e-12)


def test_one_point_has_no_exponent() -> None:
    with pytest.raises(ValueError, match="points must be two at least, got 1"):
        exponent({8.0: 1.0})


def test_growth_in_radius_at_each_size_and_in_pixels_at_each_radius() -> None:
    rows = [_row(STACK, side, r, side * side * r) for side in (32, 64) for r in (8, 16, 32)]
    found = {(growth.quantity, growth.at): growth for growth in growths(rows)}
    assert set(found) == {
        ("radius", "32²"),
        ("radius", "64²"),
        ("pixels", "r 8"),
        ("pixels", "r 16"),
        ("pixels", "r 32"),
    }
    assert all(growth.exponent == pytest.approx(1.0) for growth in found.values())
    assert found["radius", "32²"].ratio == pytest.approx(4.0)
    assert (found["pixels", "r 8"].first, found["pixels", "r 8"].last) == (32 * 32, 64 * 64)


def test_a_quantity_with_one_value_has_no_growth() -> None:
    assert growths([_row(DIRECT, 32, 8, 1.0)]) == []


def test_growth_in_frames_is_that_of_the_whole_stack() -> None:
    (found,) = growth_in_frames({n: Timing.of([0.1 * n], first_s=0.0) for n in (1, 3, 12)}, "32², r 8")
    assert (found.exponent, found.ratio) == (pytest.approx(1.0), pytest.approx(12.0))
