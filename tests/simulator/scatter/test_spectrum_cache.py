"""The cache of spectra: bounded by bytes, least recently used out first, and without effect on what is rendered."""

from __future__ import annotations

import pytest
import torch

from simulator import Aperture
from simulator.scatter.spectrum_cache import SpectrumCache
from simulator.scatter.spot_spectra import SpotSpectra


def forty_bytes() -> torch.Tensor:
    return torch.zeros(10)


def test_the_least_recently_used_is_evicted_first() -> None:
    cache = SpectrumCache(100)
    first = cache.get("a", forty_bytes)
    cache.get("b", forty_bytes)
    assert cache.get("a", forty_bytes) is first  # used again: now "b" is the oldest
    cache.get("c", forty_bytes)
    assert cache.total_bytes == 80
    assert cache.get("a", forty_bytes) is first
    computed = []
    cache.get("b", lambda: computed.append("b") or torch.zeros(10))  # type: ignore[func-returns-value]
    assert computed == ["b"]


def test_a_spectrum_larger_than_the_bound_is_returned_but_not_kept() -> None:
    cache = SpectrumCache(8)
    assert cache.get("a", forty_bytes).numel() == 10
    assert cache.total_bytes == 0


@pytest.mark.parametrize("most_bytes", [0, 150_000])
def test_spots_of_many_radii_and_sizes_stay_within_the_bound_and_are_the_same(most_bytes: int) -> None:
    small, large = SpectrumCache(most_bytes), SpectrumCache(1 << 30)
    for side in (64, 80, 96):
        for radius in (1.2, 4.7, 9.0, 1.2):
            spots = [SpotSpectra(Aperture(), side, side, torch.device("cpu"), c).mix([radius]) for c in (small, large)]
            assert torch.equal(spots[0].mixed, spots[1].mixed)
            assert small.total_bytes <= most_bytes
    assert large.total_bytes > 150_000


def test_a_negative_bound_is_refused() -> None:
    with pytest.raises(ValueError, match="most_bytes must be >= 0, got -1"):
        SpectrumCache(-1)
