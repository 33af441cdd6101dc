"""Seeded draws for layouts: the same numbers on every machine and Python."""

import random
from collections.abc import Sequence
from typing import TypeVar

from simulator.scenes.textures.noise import mix_seeds

_T = TypeVar("_T")


class Rng:
    """A seeded stream of random numbers; different `seeds` give unrelated streams."""

    def __init__(self, *seeds: int) -> None:
        self._random = random.Random(mix_seeds(*seeds)).random  # only random(): its stream is promised never to change

    def uniform(self, low: float, high: float) -> float:
        """Uniform number in [low, high)."""
        return low + (high - low) * self._random()

    def integer(self, low: int, high: int) -> int:
        """Uniform integer in [low, high]."""
        return min(high, low + int(self._random() * (high - low + 1)))

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self._random() < probability

    def sign(self) -> float:
        """−1 or 1, equally likely."""
        return 1.0 if self._random() < 0.5 else -1.0

    def choice(self, options: Sequence[_T]) -> _T:
        """One of the options, equally likely."""
        return options[self.integer(0, len(options) - 1)]

    def shuffled(self, options: Sequence[_T]) -> list[_T]:
        """The options in random order (Fisher and Yates)."""
        items = list(options)
        for i in range(len(items) - 1, 0, -1):
            j = self.integer(0, i)
            items[i], items[j] = items[j], items[i]
        return items

    def seed(self) -> int:
        """A seed for another stream."""
        return int(self._random() * (1 << 31))
