"""Times of methods that take turns, so that a machine that slows down slows all of them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch

BUDGET_S = 60.0
"""Limit for the repeats of one method together; the first repeat always runs."""


@dataclass(frozen=True)
class Timing:
    """Milliseconds for one unit (a frame, a scene) over the repeats. `first_ms` is the warm-up's."""

    median_ms: float
    least_ms: float
    lower_quartile_ms: float
    upper_quartile_ms: float
    first_ms: float
    repeats: int

    @classmethod
    def from_seconds(cls, seconds: list[float], *, first_s: float, units: int = 1) -> Timing:
        """Statistics of the seconds of each repeat; each repeat did `units` units of work, such as frames."""
        ordered = sorted(1e3 * spent / units for spent in seconds)
        low, middle, high = statistics.quantiles(ordered, n=4, method="inclusive") if len(ordered) > 1 else ordered * 3
        return cls(middle, ordered[0], low, high, 1e3 * first_s / units, len(ordered))


def interleaved(
    methods: Mapping[str, Callable[[], object]], repeats: int, *, device: str, budget_s: float = BUDGET_S
) -> dict[str, tuple[float, list[float]]]:
    """Seconds of the warm-up and of each repeat. A method that has used up its budget skips the later turns."""
    first = {name: _seconds(run, device) for name, run in methods.items()}
    spent: dict[str, list[float]] = {name: [] for name in methods}
    for _ in range(repeats):
        for name, run in methods.items():
            if not spent[name] or sum(spent[name]) + spent[name][-1] <= budget_s:
                spent[name].append(_seconds(run, device))
    return {name: (first[name], spent[name]) for name in methods}


def _seconds(run: Callable[[], object], device: str) -> float:
    """Wall time until the device is done."""
    _wait_for(device)
    start = time.perf_counter()
    run()
    _wait_for(device)
    return time.perf_counter() - start


def _wait_for(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()
