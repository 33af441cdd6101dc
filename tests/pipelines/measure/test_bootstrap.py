"""Intervals over scenes: deterministic, as wide as the scenes differ, and of the right size."""

from __future__ import annotations

from statistics import fmean

import numpy as np
import pytest

from pipelines.measure.bootstrap import Interval, mean_difference, mean_over_runs, over_runs, over_scenes


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
    with pytest.raises(ValueError, match="runs must hold at least one row, got none"):
        over_scenes([[]], fmean)


def test_the_mean_at_once_is_the_mean_one_by_one() -> None:
    scenes = [[1.0, 2.0], [], [5.0], [0.5, 0.25, 4.0], [9.0]]
    other = [[2.0], [], [3.0, 1.0], [0.0], [4.0]]
    slow, fast = over_runs([scenes, other], fmean, seed=3), mean_over_runs([scenes, other], seed=3)
    assert (fast.value, fast.low, fast.high) == pytest.approx((slow.value, slow.low, slow.high))
    assert mean_over_runs([[[1.0, 2.0]]]) == Interval(1.5, 1.5, 1.5)
    with pytest.raises(ValueError, match="runs must hold at least one row, got none"):
        mean_over_runs([[[]]])


def test_runs_that_differ_widen_the_interval() -> None:
    """Five seeds of deviation 1 on scenes that are all alike: standard error 1/√5 of the seeds alone."""
    random = np.random.default_rng(5)
    effects = random.standard_normal(5)
    interval = mean_over_runs([[[float(effect)]] * 30 for effect in effects])
    assert interval.high - interval.low == pytest.approx(2 * 1.96 * np.std(effects) / np.sqrt(5), rel=0.15)
    one = mean_over_runs([[[0.0]] * 30])
    assert (one.low, one.high) == (0.0, 0.0)


def test_a_difference_is_paired_by_scene() -> None:
    """Scenes differ by far more than the methods do: unpaired, the interval would be a hundred times as wide."""
    scenes = 10 * np.random.default_rng(1).standard_normal(20)
    ours, theirs = ([[[float(value + gain)] for value in scenes]] for gain in (0.5, 0.0))
    difference = mean_difference(ours, theirs)
    assert (difference.value, difference.low, difference.high) == pytest.approx((0.5, 0.5, 0.5))
    assert difference.excludes_zero
    seeds = mean_difference([ours[0], theirs[0]], theirs)  # half of the runs gain nothing
    assert (seeds.value, seeds.low, seeds.high) == pytest.approx((0.25, 0.0, 0.5))
    with pytest.raises(ValueError, match="both methods must have the same scenes, got 20 and 1"):
        mean_difference(ours, [[[1.0]]])
