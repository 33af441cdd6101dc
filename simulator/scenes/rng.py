"""Seeded draws for layouts: the same numbers on every machine and Python."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

from simulator.scenes.textures.noise import mixed

_T = TypeVar("_T")


class Dice:
    """A stream of draws; `seeds` name it."""

    def __init__(self, *seeds: int) -> None:
        self._random = random.Random(mixed(*seeds)).random  # only random(): its stream is promised never to change

    def between(self, low: float, high: float) -> float:
        return low + (high - low) * self._random()

    def whole(self, low: int, high: int) -> int:
        """Uniform integer in [low, high]."""
        return min(high, low + int(self._random() * (high - low + 1)))

    def chance(self, probability: float) -> bool:
        return self._random() < probability

    def sign(self) -> float:
        return 1.0 if self._random() < 0.5 else -1.0

    def pick(self, options: Sequence[_T]) -> _T:
        return options[self.whole(0, len(options) - 1)]

    def shuffled(self, options: Sequence[_T]) -> list[_T]:
        """Fisher and Yates."""
        items = list(options)
        for i in range(len(items) - 1, 0, -1):
            j = self.whole(0, i)
            items[i], items[j] = items[j], items[i]
        return items

    def seed(self) -> int:
        """A seed for something else."""
        return int(self._random() * (1 << 31))
