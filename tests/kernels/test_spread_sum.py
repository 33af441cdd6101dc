"""The kernel's sum is its twin's: bins of several octaves, lenses, spots; and GPUs can be given it."""

from __future__ import annotations

import pytest
import torch

from pipelines.gpu.kernels import spread_bins
from simulator.scatter.spread_sum import spread_sum_by_torch
from tests.kernels.compiled import ptx
from tests.simulator.closeness import assert_close

pytestmark = pytest.mark.kernels


@pytest.mark.parametrize(
    ("coarseness", "at"),
    [
        ([[1]], 1),
        ([[1, 1, 2], [1, 1, 2]], 1),
        ([[4, 1, 8, 2], [1, 1, 1, 1], [1, 2, 2, 8]], 1),
        ([[2, 4], [4, 2]], 2),
        ([[8, 4, 4]], 4),
        ([[8], [8]], 8),
    ],
)
def test_all_channels_through_one_spot_are_the_twins(coarseness: list[list[int]], at: int) -> None:
    from simulator.scatter.spread_sum_triton import spread_sum

    lenses = [spread_bins(of_lens, 1, 100 * number) for number, of_lens in enumerate(coarseness)]
    for channels in (slice(4), slice(1, 2), slice(3, 4)):
        expected = spread_sum_by_torch(lenses, channels, slice(1), at)
        found = spread_sum(lenses, channels, slice(1), at)
        assert_close(torch.view_as_real(found), torch.view_as_real(expected), atol=1e-6, what=f"bins {coarseness}")


def test_each_color_through_its_own_spot_and_coverage_through_all_are_the_twins() -> None:
    from simulator.scatter.spread_sum_triton import spread_sum

    lenses = [spread_bins(of_lens, 3, seed) for seed, of_lens in enumerate(([2, 1], [1, 1]))]
    for channels in (slice(3), slice(3, 4)):
        expected = spread_sum_by_torch(lenses, channels, slice(3), 1)
        found = spread_sum(lenses, channels, slice(3), 1)
        assert_close(torch.view_as_real(found), torch.view_as_real(expected), atol=1e-6, what="chromatic")


@pytest.mark.parametrize("architecture", [80, 90])
def test_it_compiles_for_gpus_that_are_not_here(architecture: int) -> None:
    assert ".entry _summed" in ptx("simulator.scatter.spread_sum_triton", "_kernel", architecture)
