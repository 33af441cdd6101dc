"""Confidence intervals by bootstrap over scenes, and seeds: frames of one scene are not independent."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

T = TypeVar("T")

RESAMPLES = 1000
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Interval:
    """A value with the ends of its percentile interval (Efron 1979); of a single scene, low = value = high."""

    value: float
    low: float
    high: float


def mean_over_scenes(by_scene: Sequence[Sequence[float]], seed: int = 0) -> Interval:
    """`over_scenes` for the mean of all rows, vectorized over the resamples: the same interval, faster."""
    scenes = [rows for rows in by_scene if rows]
    if not scenes:
        raise ValueError("by_scene must hold at least one row, got none")
    sums, counts = np.array([sum(rows) for rows in scenes]), np.array([len(rows) for rows in scenes])
    value = float(sums.sum() / counts.sum())
    if len(scenes) == 1:
        return Interval(value, value, value)
    chosen = np.random.default_rng(seed).integers(0, len(scenes), (RESAMPLES, len(scenes)))
    return _interval(value, sums[chosen].sum(axis=1) / counts[chosen].sum(axis=1))


def mean_over_seeds_and_scenes(values: npt.NDArray[np.floating], seed: int = 0) -> Interval:
    """Mean of values [S seeds, N scenes], NaN left out, with its interval when seeds and scenes are both resampled.

    Every run sees the same scenes, so seeds and scenes are crossed and are resampled independently (Owen 2007, "The
    pigeonhole bootstrap"). Three seeds are few: the interval is then somewhat too narrow. Raises ValueError without a
    number.
    """
    known = ~np.isnan(values)
    if not known.any():
        raise ValueError("values must hold at least one number, got none")
    filled, random = np.where(known, values, 0.0), np.random.default_rng(seed)
    seeds, scenes = (random.multinomial(n, [1 / n] * n, RESAMPLES).astype(float) for n in values.shape)  # times drawn
    sums, counts = (np.einsum("rs,sn,rn->r", seeds, each, scenes) for each in (filled, known.astype(float)))
    return _interval(float(filled.sum() / known.sum()), sums[counts > 0] / counts[counts > 0])


def over_scenes(by_scene: Sequence[Sequence[T]], statistic: Callable[[Sequence[T]], float], seed: int = 0) -> Interval:
    """The statistic of all rows, with its interval when scenes are resampled with replacement.

    by_scene: the rows of each scene. statistic: of the joined rows; resamples for which it raises ValueError (a slope
    needs two different radii) are left out. The same seed gives the same interval.
    Raises ValueError when there are no rows.
    """
    scenes = [rows for rows in by_scene if rows]
    if not scenes:
        raise ValueError("by_scene must hold at least one row, got none")
    random = np.random.default_rng(seed)
    draws = []
    for _ in range(RESAMPLES if len(scenes) > 1 else 0):
        chosen = random.integers(0, len(scenes), len(scenes))
        try:
            draws.append(statistic([row for index in chosen for row in scenes[index]]))
        except ValueError:
            continue
    value = statistic([row for rows in scenes for row in rows])
    return _interval(value, np.array(draws)) if draws else Interval(value, value, value)


def _interval(value: float, draws: npt.NDArray[np.floating]) -> Interval:
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(draws, [tail, 100 - tail])
    return Interval(value, float(low), float(high))
