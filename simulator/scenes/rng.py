"""Seeded draws for layouts: the same numbers on every machine and Python."""

import math
import random
from collections.abc import Iterator, Sequence
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

    def within(self, reach: float) -> float:
        """Uniform number in [−reach, reach)."""
        return self.uniform(-reach, reach)

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

    def word(self, text: str) -> str:
        """One of the words of a text, equally likely; draws nothing when there is only one."""
        words = text.split()
        return self.choice(words) if len(words) > 1 else text

    def shuffled(self, options: Sequence[_T]) -> list[_T]:
        """The options in random order (Fisher and Yates)."""
        items = list(options)
        for i in range(len(items) - 1, 0, -1):
            j = self.integer(0, i)
            items[i], items[j] = items[j], items[i]
        return items

    def depths(self, count: int, *, far: float, near: float, bias: float) -> Iterator[tuple[float, float]]:
        """(nearness in [0, 1), depth) of things from far to near: one in each of `count` equal steps of nearness.

        Nearness 0 is at `far`, 1 at `near`; in between inverse depth grows with nearness**bias.
        """
        for i in range(count):
            nearness = (i + self.uniform(0.0, 1.0)) / count
            yield nearness, 1.0 / (1.0 / far + (1.0 / near - 1.0 / far) * nearness**bias)

    def seed(self) -> int:
        """A seed for another stream."""
        return int(self._random() * (1 << 31))


class FreeFloor:
    """The free part of a floor, for things that may not touch."""

    def __init__(self) -> None:
        self._taken: list[tuple[float, float, float]] = []

    def take(self, x: float, z: float, radius: float, *, gap: float = 1.0) -> bool:
        """Takes a disc if the distance to every other one is greater than `gap` times the sum of the radii."""
        free = all(math.hypot(x - a, z - b) > gap * (radius + r) for a, b, r in self._taken)
        if free:
            self._taken.append((x, z, radius))
        return free
