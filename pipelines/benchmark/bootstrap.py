"""Confidence intervals by bootstrap over scenes: frames of one scene are no independent witnesses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

T = TypeVar("T")

RESAMPLES = 1000
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Interval:
    """A figure with the ends of its percentile interval (Efron 1979); of one scene alone, low = value = high."""

    value: float
    low: float
    high: float


def over_scenes(by_scene: Sequence[Sequence[T]], statistic: Callable[[Sequence[T]], float], seed: int = 0) -> Interval:
    """The statistic of all rows, and its interval when scenes are drawn anew with replacement.

    by_scene: the rows of each scene. statistic: of rows joined together; a resample of which it raises ValueError (two
    different radii are needed for a slope) is left out. The same seed gives the same interval.
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
    if not draws:
        return Interval(value, value, value)
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(draws, [tail, 100 - tail])
    return Interval(value, float(low), float(high))
