from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from simulator.layers import BinShares, bin_disparities, depth_groups
from simulator.reference import hat_shares
from tests.simulator.closeness import assert_close


def shares(disparity: Tensor, bins: Tensor) -> Tensor:
    """Share of each pixel in each bin: binned content of ones."""
    flat = disparity.reshape(1, 1, -1)
    dealt = BinShares.of(torch.ones_like(flat)[:, None], flat, bins)
    pictures = dealt.summed(bins.numel(), 1, flat.shape[-1])  # [L, 1, 1, pixels]
    return pictures.reshape(-1, *disparity.shape)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 12))
def test_shares_equal_the_twin_and_add_up_to_one(seed: int, count: int) -> None:
    disparity = torch.rand(5, 7, generator=torch.Generator().manual_seed(seed)) * 3 - 1
    bins = bin_disparities(disparity, count)
    weights = shares(disparity, bins)
    twin = torch.tensor([[hat_shares(float(d), bins.tolist()) for d in row] for row in disparity]).permute(2, 0, 1)
    assert_close(weights, twin, atol=1e-5, what="hat weights")
    assert_close(weights.sum(0), torch.ones(5, 7), atol=1e-5, what="sum of shares")


def test_the_mean_disparity_of_the_shares_is_the_pixels_own() -> None:
    disparity = torch.linspace(0, 1, 101)
    bins = bin_disparities(disparity, 9)
    assert_close((shares(disparity, bins) * bins[:, None]).sum(0), disparity, atol=1e-6, what="mean disparity")


def test_a_run_of_bins_is_numbered_from_its_first() -> None:
    disparity = torch.linspace(0, 1, 101).reshape(1, 1, -1)
    bins = bin_disparities(disparity, 9)
    dealt = BinShares.of(torch.ones_like(disparity)[:, None], disparity, bins)
    whole = dealt.summed(9, 1, 101)
    assert torch.equal(dealt.of_run(slice(3, 7)).summed(4, 1, 101), whole[3:7])


def test_few_distinct_disparities_get_a_bin_each() -> None:
    disparity = torch.tensor([[0.1, 0.9], [0.9, 0.35]])
    assert torch.equal(bin_disparities(disparity, 48), torch.tensor([0.9, 0.35, 0.1]))


def test_groups_cover_all_bins_in_order() -> None:
    for length in (1, 2, 7, 48):
        runs = depth_groups(torch.linspace(1, 0, length), 8)
        covered = [i for run in runs for i in range(length)[run]]
        assert covered == list(range(length))
        assert len(runs) == min(8, length)
