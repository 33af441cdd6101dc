"""Confidence intervals by bootstrap over scenes and seeds: frames of one scene are not independent, nor are the answers
of one training run.

Every run answers the same scenes, so both are resampled with replacement and crossed (the pigeonhole bootstrap, Owen
2007, which errs towards wide intervals). Rows go by [run][scene][row]. The same seed draws the same scenes for every
method: differences of two methods are paired by scene.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

T = TypeVar("T")
Floats = npt.NDArray[np.floating]
Picks = npt.NDArray[np.integer]

RESAMPLES = 1000
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Interval:
    """A value with the ends of its percentile interval (Efron 1979); of one run on one scene, low = value = high."""

    value: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        return self.low > 0.0 or self.high < 0.0


def over_scenes(by_scene: Sequence[Sequence[T]], statistic: Callable[[Sequence[T]], float], seed: int = 0) -> Interval:
    """`over_runs` of a single run."""
    return over_runs([by_scene], statistic, seed)


def over_runs(
    runs: Sequence[Sequence[Sequence[T]]], statistic: Callable[[Sequence[T]], float], seed: int = 0
) -> Interval:
    """The statistic of all rows, with its interval. Resamples for which it raises ValueError (a slope needs two
    different radii) are left out. Raises ValueError when there are no rows."""
    runs = _answered(runs)
    value = statistic([row for run in runs for scene in run for row in scene])

    def drawn(scenes: Picks, chosen: Picks) -> float:
        try:
            return statistic([row for run in chosen for scene in scenes for row in runs[run][scene]])
        except ValueError:
            return math.nan

    return _interval(value, np.array(list(map(drawn, *_picks(len(runs[0]), len(runs), seed)))))


def mean_over_runs(runs: Sequence[Sequence[Sequence[float]]], seed: int = 0) -> Interval:
    """`over_runs` for the mean of all rows, vectorized over the resamples: the same interval, faster."""
    return _interval(*_means(_answered(runs), seed))


def mean_difference(
    runs: Sequence[Sequence[Sequence[float]]], against: Sequence[Sequence[Sequence[float]]], seed: int = 0
) -> Interval:
    """Mean of one method less that of another on the same scenes, paired by scene; their runs are drawn apart.

    Raises ValueError when the scenes are not as many, or one has no rows.
    """
    if len(runs[0]) != len(against[0]):
        raise ValueError(f"both methods must have the same scenes, got {len(runs[0])} and {len(against[0])}")
    shared = [n for n in range(len(runs[0])) if any(run[n] for run in runs) and any(run[n] for run in against)]
    ours, theirs = (_means(_answered([[run[n] for n in shared] for run in side]), seed) for side in (runs, against))
    return _interval(ours[0] - theirs[0], ours[1] - theirs[1])


def _answered(runs: Sequence[Sequence[Sequence[T]]]) -> list[list[Sequence[T]]]:
    """Without the scenes that have no row in any run."""
    scenes = [n for n in range(len(runs[0])) if any(run[n] for run in runs)]
    if not scenes:
        raise ValueError("runs must hold at least one row, got none")
    return [[run[n] for n in scenes] for run in runs]


def _picks(scenes: int, runs: int, seed: int) -> tuple[Picks, Picks]:
    """Drawn scenes [R, scenes] and runs [R, runs]; the scenes are the same whatever the number of runs."""
    random = np.random.default_rng(seed)
    return random.integers(0, scenes, (RESAMPLES, scenes)), random.integers(0, runs, (RESAMPLES, runs))


def _means(runs: Sequence[Sequence[Sequence[float]]], seed: int) -> tuple[float, Floats]:
    """The mean of all rows, and that of each resample [R]; NaN where a resample has no rows."""
    totals = np.array([[(sum(rows), len(rows)) for rows in run] for run in runs], np.float64)  # [S, N, 2]
    weights = [_times(picks) for picks in _picks(totals.shape[1], totals.shape[0], seed)]  # [R, N], [R, S]
    drawn = np.einsum("rn,rs,snk->rk", *weights, totals)
    with np.errstate(invalid="ignore"):
        return float(totals[..., 0].sum() / totals[..., 1].sum()), drawn[:, 0] / drawn[:, 1]


def _times(picks: Picks) -> Floats:
    """How often each of n items was picked: [R, n] of picks [R, n]."""
    return np.stack([np.bincount(row, minlength=picks.shape[1]) for row in picks]).astype(np.float64)


def _interval(value: float, draws: Floats) -> Interval:
    known = draws[np.isfinite(draws)]
    if not len(known):
        return Interval(value, value, value)
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(known, [tail, 100 - tail])
    return Interval(value, float(low), float(high))
