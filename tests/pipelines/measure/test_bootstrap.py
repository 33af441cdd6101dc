"""Intervals over scenes: deterministic, as wide as the scenes differ, and of the right size."""

from __future__ import annotations

from statistics import fmean

import numpy as np
import pytest

from pipelines.measure.bootstrap import Interval, mean_over_scenes, mean_over_seeds_and_scenes, over_scenes


def test_the_interval_is_that_of_the_mean_of_scenes() -> None:
    """20 scenes of deviation 1: standard error 1/√20, two of them each way."""
    random = np.random.default_rng(3)
    scenes = [[float(value)] for value in random.standard_normal(20)]
    interval = over_scenes(scenes, fmean)
    spread = np.std([row[0] for row in scenes]) / np.sqrt(20)
    assert interval.value == pytest.approx(fmean(row[0] for row in scenes))
    assert interval.high - interval.low == pytest.approx(2 * 1.96 * spread, rel=0.12)


def test_many_rows_of_one_scene_are_one_witness() -> None:
    wide = over_scenes([[0.0] * 50, [1.0] * 50], fmean)
    assert (wide.low, wide.high) == (0.0, 1.0)


def test_one_scene_has_no_interval() -> None:
    assert over_scenes([[1.0, 2.0], []], fmean) == Interval(1.5, 1.5, 1.5)


def test_the_same_seed_gives_the_same_interval() -> None:
    scenes = [[float(i)] for i in range(6)]
    assert over_scenes(scenes, fmean, seed=1) == over_scenes(scenes, fmean, seed=1)
    assert over_scenes(scenes, fmean, seed=1) != over_scenes(scenes, fmean, seed=2)


def test_without_rows_there_is_no_figure() -> None:
    with pytest.raises(ValueError, match="by_scene must hold at least one row, got none"):
        over_scenes([[]], fmean)


def test_the_mean_at_once_is_the_mean_one_by_one() -> None:
    scenes = [[1.0, 2.0], [], [5.0], [0.5, 0.25, 4.0], [9.0]]
    slow, fast = over_scenes(scenes, fmean, seed=3), mean_over_scenes(scenes, seed=3)
    assert (fast.value, fast.low, fast.high) == pytest.approx((slow.value, slow.low, slow.high))
    assert mean_over_scenes([[1.0, 2.0]]) == Interval(1.5, 1.5, 1.5)
    with pytest.raises(ValueError, match="by_scene must hold at least one row, got none"):
        mean_over_scenes([[]])


def test_seeds_and_scenes_are_both_resampled() -> None:
    """The interval is that of the seeds or the scenes alone where only these differ; NaN is left out."""
    same = mean_over_seeds_and_scenes(np.full((3, 5), 2.0))
    assert (same.low, same.value, same.high) == (2.0, 2.0, 2.0)
    by_seed = mean_over_seeds_and_scenes(np.array([[1.0] * 5, [2.0] * 5, [3.0] * 5]))
    assert (by_seed.low, by_seed.value, by_seed.high) == pytest.approx((1.0, 2.0, 3.0))
    draws = np.random.default_rng(0).normal(size=50)
    by_scene, plain = mean_over_seeds_and_scenes(np.stack([draws] * 3)), mean_over_scenes([[x] for x in draws])
    assert by_scene.high - by_scene.low == pytest.approx(plain.high - plain.low, rel=0.15)  # of 1000 draws
    holes = mean_over_seeds_and_scenes(np.array([[1.0, np.nan], [np.nan, np.nan]]))
    assert holes.value == holes.low == holes.high == 1.0
    with pytest.raises(ValueError, match="at least one number, got none"):
        mean_over_seeds_and_scenes(np.full((1, 2), np.nan))
