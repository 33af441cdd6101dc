"""Debanding in closed form: planes come back, edges and constants stay, no value leaves its interval of rounding."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from simulator.layers.debanding import debanded, quantization_of

HEIGHT, WIDTH = 96, 160
BORDER = 24  # the last step before the frame's border is cut: its slope is known from one side only
Y, X = torch.meshgrid(torch.arange(float(HEIGHT)), torch.arange(float(WIDTH)), indexing="ij")
PLANE = 40.0 + 0.13 * X + 0.07 * Y  # 8 pixels a step
BOWL = 40.0 + 0.004 * ((X - 80.0) ** 2 + (Y - 50.0) ** 2)


def inner(x: Tensor) -> Tensor:
    return x[BORDER:-BORDER, BORDER:-BORDER]


@pytest.mark.parametrize("step", [1.0, 1 / 255, 257.0])
def test_a_rounded_plane_comes_back(step: float) -> None:
    result = debanded(PLANE.round() * step, step) / step
    assert inner(result - PLANE).abs().max() < 0.01
    assert (result - PLANE.clamp(max=67.0)).abs().max() < 0.05  # nothing leaves the range of the rounded map
    assert inner(PLANE.round() - PLANE).abs().max() > 0.45


def test_a_plane_without_rounding_stays() -> None:
    """It is within its own intervals and has no bending energy; odd sides, so that no grid divides evenly."""
    plane = (40.0 + 0.25 * X + 0.125 * Y)[:95, :157]
    assert (debanded(plane, 1.0) - plane).abs().max() < 1e-4


def test_slopes_of_one_step_in_many_pixels_show_no_contours() -> None:
    """Second differences: 1 at each step of the rounded map; a plane has none."""
    gentle = 40.0 + 0.021 * X + 0.013 * Y
    bend = inner(debanded(gentle.round(), 1.0)).diff(n=2, dim=1).abs().max()
    assert bend < 0.01


def test_a_wall_with_few_steps_comes_back() -> None:
    """250 pixels a step: blocks as wide as a step say little of their mean, and must not be trusted."""
    y, x = torch.meshgrid(torch.arange(256.0), torch.arange(768.0), indexing="ij")
    wall = 20.0 + 0.004 * x + 0.002 * y
    assert (debanded(wall.round(), 1.0) - wall).abs().max() < 0.1


def test_a_curved_surface_is_nearer_than_its_rounding() -> None:
    error, rounding = debanded(BOWL.round(), 1.0) - BOWL, BOWL.round() - BOWL
    assert inner(error).square().mean() < 0.045 * inner(rounding).square().mean()


def test_a_step_edge_stays_where_it_was() -> None:
    """Flat on both sides: not a bit changes. On slopes: the same height at the same pixel, to the step."""
    flat = torch.where(X < 71, 60.0, 200.0)
    assert torch.equal(debanded(flat, 1.0), flat)
    cliff = PLANE.round() + torch.where(X < 71, 0.0, 60.0)
    jump = debanded(cliff, 1.0).diff(dim=1)[BORDER:-BORDER]
    assert torch.equal(jump.argmax(dim=1), torch.full((HEIGHT - 2 * BORDER,), 70))
    assert (jump[:, 70] - 60.0).abs().max() < 1.0
    assert jump[:, :70].abs().max() < 1.0


def test_surfaces_beside_an_edge_are_as_smooth_as_without_it() -> None:
    """The plane beyond the cliff must not be bent by what is before it."""
    exact = PLANE + torch.where(X < 71, 0.0, 60.0)
    error = debanded(exact.round(), 1.0) - exact
    assert error[BORDER:-BORDER, 71 + BORDER : -BORDER].abs().max() < 0.05


def test_a_constant_stays() -> None:
    constant = torch.full((20, 30), 0.3)
    assert torch.equal(debanded(constant, 1 / 255), constant)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**31), st.integers(1, 40), st.integers(1, 40), st.sampled_from([2, 40, 256]))
def test_no_value_leaves_its_interval_or_the_range(seed: int, height: int, width: int, levels: int) -> None:
    step = 0.25
    codes = torch.randint(0, levels, (height, width), generator=torch.Generator().manual_seed(seed))
    values = codes.float() * step
    result = debanded(values, step)
    assert (result - values).abs().max() <= step / 2 * (1 + 1e-4)  # float32
    assert values.min() <= result.min()
    assert result.max() <= values.max()


def test_the_interval_is_used_and_kept_on_slopes() -> None:
    values = BOWL.round()
    moved = (debanded(values, 1.0) - values).abs().max()
    assert 0.45 < moved <= 0.5


def test_unknown_values_stay_and_touch_no_other() -> None:
    """Also among the smallest values of the map, from which a code of 0 would not be told."""
    exact = 0.02 * X + 0.01 * Y
    values = exact.round()
    values[40:52, 45:57] = math.nan
    values[60, 100] = math.inf
    result = debanded(values, 1.0)
    assert torch.equal(result.isfinite(), values.isfinite())
    known = inner(result.isfinite())
    assert inner(result - exact)[known].abs().max() < 0.25
    nothing = torch.full((8, 8), math.nan)
    assert debanded(nothing, 1.0).isnan().all()


def test_the_same_bits_again() -> None:
    assert torch.equal(debanded(BOWL.round(), 1.0), debanded(BOWL.round(), 1.0))


@pytest.mark.parametrize(
    ("values", "step", "levels"),
    [
        (torch.arange(256.0), 1.0, 256),
        (torch.arange(256.0) * 257, 257.0, 256),  # 8 bits in a file of 16
        (torch.arange(218.0) / 217, 1 / 217, 218),
        ((torch.arange(218.0) * 65535 / 217).round(), 65535 / 217, 218),  # stretched to 16 bits and rounded again
        ((torch.arange(256.0) * 1023 / 255).round(), 1023 / 255, 256),  # and to 10
        (torch.tensor([0.0, *range(50, 90), 255.0]), 1.0, 42),  # codes left out
        (torch.tensor([2.0, 3.0] * 50).cumsum(0), 1.0, 100),  # no two levels one step apart
    ],
)
def test_the_step_is_found(values: Tensor, step: float, levels: int) -> None:
    found = quantization_of(values.repeat(3, 1))
    assert found.levels == levels
    assert found.step == pytest.approx(step, rel=1e-3)


@pytest.mark.parametrize(
    "values",
    [
        torch.arange(257.0),  # 9 bits
        torch.arange(65536.0),
        torch.arange(31.0),  # flat parts
        torch.tensor([0.0, 100.0]),
        torch.arange(0.0, 16.0, 0.1) ** 2,  # uneven, over 25,000 of the smallest gap
        torch.arange(40) + 0.7 * torch.rand(40, generator=torch.Generator().manual_seed(2)),  # uneven
        torch.tensor([*range(40), 1000.0]),  # of a range of more than 8 bits
        torch.full((5,), math.nan),
    ],
)
def test_no_step_where_there_is_no_banding(values: Tensor) -> None:
    assert quantization_of(values.repeat(3, 1)).step is None


def test_levels_are_counted_without_unknown_values() -> None:
    values = torch.tensor([[1.0, 2.0, 2.0, math.nan, math.inf]])
    assert quantization_of(values).levels == 2


@pytest.mark.parametrize(
    ("values", "step", "message"),
    [
        (torch.zeros(3, 4, 4), 1.0, r"values must be floating point \[H, W\], got torch.float32 \[3, 4, 4\]"),
        (torch.zeros(4, 4, dtype=torch.int64), 1.0, "values must be floating point"),
        (torch.zeros(4, 4), 0.0, "step must be finite and > 0, got 0.0"),
        (torch.zeros(4, 4), math.nan, "step must be finite and > 0"),
    ],
)
def test_bad_input_is_refused(values: Tensor, step: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        debanded(values, step)
