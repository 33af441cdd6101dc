"""Sweeps that follow the blur level, ignore it, or run the other way."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.measure.blur_sweep import sweep_control
from pipelines.measure.focus_measures import laplacian_variance
from simulator import ThinLens
from tests.pipelines.measure.pictures import rendered, slope, texture

PHOTO, DISPARITY = texture(), slope()
FOCUS = float(DISPARITY[0, 30])
LEVELS = (0.5, 1.0, 2.0, 4.0, 6.0)


def sweep(levels: tuple[float, ...] = LEVELS) -> list[np.ndarray]:
    return rendered(PHOTO, DISPARITY, [ThinLens(FOCUS, level * 1.2) for level in levels])


def test_an_obedient_sweep_correlates_and_falls() -> None:
    control = sweep_control(sweep(), LEVELS, DISPARITY, FOCUS)
    assert control.lv_corr > 0.98  # 0.9885: the weakest level, 0.6 px, hardly blurs
    assert control.monotonicity == 1.0


def test_a_sweep_that_does_not_hear_scores_nothing() -> None:
    control = sweep_control([PHOTO] * 5, LEVELS, DISPARITY, FOCUS)
    assert (control.lv_corr, control.monotonicity) == (0.0, 0.0)


def test_a_sweep_turned_round_anticorrelates() -> None:
    control = sweep_control(sweep()[::-1], LEVELS, DISPARITY, FOCUS)
    assert control.lv_corr < -0.8
    assert control.monotonicity == 0.0


def test_one_step_back_costs_its_share_of_monotonicity() -> None:
    frames = sweep()
    frames[2], frames[3] = frames[3], frames[2]
    assert sweep_control(frames, LEVELS, DISPARITY, FOCUS).monotonicity == pytest.approx(0.75)


@pytest.mark.parametrize("levels", [(1.0, 2.0), (1.0, 3.0, 2.0)])
def test_a_sweep_needs_three_rising_levels(levels: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="a sweep needs 3 frames or more"):
        sweep_control([PHOTO] * len(levels), levels, DISPARITY, FOCUS)


def test_laplacian_variance_falls_with_blur_even_where_8_bits_are_coarse() -> None:
    everywhere = np.ones(DISPARITY.shape, np.bool_)
    values = [laplacian_variance(frame, everywhere) for frame in [PHOTO, *sweep((2.0, 6.0, 12.0, 24.0))]]
    assert (np.diff(values) < 0).all()
