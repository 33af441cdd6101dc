"""Lengths at which a Fourier transform is fast."""

from __future__ import annotations

import math


def fft_friendly_length(length: int, divisor: int = 2) -> int:
    """The smallest multiple of `divisor`, at least `length`, whose quotient has no prime factor above 7."""
    quotient = math.ceil(length / divisor)
    while _without_small_factors(quotient) != 1:
        quotient += 1
    return divisor * quotient


def _without_small_factors(n: int) -> int:
    for factor in (2, 3, 5, 7):
        while n % factor == 0:
            n //= factor
    return n
