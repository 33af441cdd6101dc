"""Formats: drawn from the seed, the long side as asked."""

from collections import Counter
from fractions import Fraction

import pytest

from simulator.scenes.format import frame_size


def test_formats_have_their_shares() -> None:
    sizes = [frame_size(seed, 144) for seed in range(4000)]
    assert {max(size) for size in sizes} == {144}
    shares = Counter(Fraction(width, height) for height, width in sizes)
    landscape = shares[Fraction(3, 2)] + shares[Fraction(4, 3)]
    portrait = sum(count for ratio, count in shares.items() if ratio < 1)
    for count, share in (
        (landscape, 0.45),
        (shares[Fraction(16, 9)], 0.15),
        (shares[Fraction(1)], 0.15),
        (portrait, 0.25),
    ):
        assert count / len(sizes) == pytest.approx(share, abs=0.03)  # 3.8 standard deviations of the largest share
    assert landscape + shares[Fraction(16, 9)] + shares[Fraction(1)] + portrait == len(sizes)


def test_a_format_is_a_function_of_the_seed_and_not_of_the_kind() -> None:
    assert frame_size(7, 768) == frame_size(7, 768)
    for turn in range(10):
        assert len({frame_size(10 * i + turn, 144) for i in range(60)}) == 7
