from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from simulator.layers.bins import BinnedSurfaces, DisparityBins, depth_groups, disparity_bins
from simulator.layers.bright_spots import drawn_singly
from simulator.layers.covered_pixels import disparity_slope
from simulator.reference.scatter import spline_shares
from tests.simulator.closeness import assert_close


def shares(disparity: Tensor, bins: DisparityBins) -> Tensor:
    """Share of each pixel in each bin: binned content of ones."""
    flat = disparity.reshape(1, 1, -1)
    content = torch.ones_like(flat)[:, None].expand(-1, 2, -1, -1)  # one color and coverage
    numbers = list(range(bins.centers.numel()))
    return BinnedSurfaces(content, flat, bins).pictures(numbers)[:, 1].reshape(-1, *disparity.shape)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(3, 12))
def test_shares_equal_the_twin_and_add_up_to_one(seed: int, count: int) -> None:
    disparity = torch.rand(5, 7, generator=torch.Generator().manual_seed(seed)) * 3 - 1
    bins = disparity_bins(disparity, count)
    weights = shares(disparity, bins)
    twin = torch.tensor([[spline_shares(float(d), bins.centers.tolist()) for d in row] for row in disparity]).permute(
        2, 0, 1
    )
    assert_close(weights, twin, atol=1e-5, what="weights")
    assert_close(weights.sum(0), torch.ones(5, 7), atol=1e-5, what="sum of shares")


def test_shares_have_the_pixels_disparity_as_mean_and_the_same_variance_everywhere() -> None:
    disparity = torch.linspace(0, 1, 101)
    bins = disparity_bins(disparity, 9)
    weights, centers = shares(disparity, bins), bins.centers[:, None]
    assert_close((weights * centers).sum(0), disparity, atol=1e-6, what="mean disparity")
    variance = (weights * (centers - disparity) ** 2).sum(0)
    assert_close(variance, torch.full_like(disparity, bins.variance), atol=1e-6, what="variance")


def test_pictures_of_selected_bins_equal_those_among_all_bins() -> None:
    disparity = torch.linspace(0, 1, 101).reshape(1, 1, -1)
    content = torch.ones_like(disparity)[:, None].expand(-1, 2, -1, -1)
    surfaces = BinnedSurfaces(content, disparity, disparity_bins(disparity, 9))
    assert torch.equal(surfaces.pictures([3, 4, 7]), surfaces.pictures(list(range(9)))[[3, 4, 7]])


def test_rows_and_bright_pixels_of_bins() -> None:
    """Two surfaces, one of them thin; light above white only in the thin one, too much of it to be drawn singly."""
    disparity = torch.full((2, 4, 8), 0.25)
    disparity[1] = 0.8
    content = torch.ones(2, 2, 4, 8)
    content[1] = 0.0
    content[1, :, 2, 3] = torch.tensor([3.0, 1.0])
    surfaces = BinnedSurfaces(content, disparity, DisparityBins(torch.linspace(1, 0, 11), 0.1))
    bins = [round(float(b), 1) for b in surfaces.centers]
    rows = dict(zip(bins, surfaces.rows(), strict=True))
    assert rows[0.3] == rows[0.2] == slice(0, 4)
    assert rows[0.8] == slice(2, 3)
    assert rows[0.5].start == rows[0.5].stop
    assert {b for b, is_sharp in zip(bins, surfaces.is_sharp(), strict=True) if is_sharp} == {0.7, 0.8, 0.9}


def test_small_bright_things_are_spots_and_large_ones_are_not() -> None:
    """A lamp clipped to white, a glint of a tenth of that; a window and a texture of twice its mean are none."""
    content = torch.full((4, 60, 80), 0.02)
    content[3] = 1.0
    light = content[:3]
    light[:, 10, 10], light[0, 30, 12] = 1.0, 0.4
    light[:, 20:50, 40:70] = 0.9
    light[:, 55, 5:20] = 0.04
    single, sharp = drawn_singly(content[None])
    assert {tuple(place) for place in single[0].nonzero().tolist()} == {(10, 10), (30, 12)}
    assert not sharp.any()
    light[:, 30, 50] = 1.2  # brighter than a display can show: a lamp in the window
    assert bool(drawn_singly(content[None])[0][0, 30, 50])


def test_far_parts_of_mixed_pixels_do_not_stand_out_before_the_emptiness_of_their_own_surface() -> None:
    """A silhouette in a gray picture: its mixed pixels are shared by two surfaces, and none of them is a spot."""
    content = torch.zeros(2, 4, 40, 40)
    content[0, :3], content[0, 3] = 0.3, 1.0
    content[:, :, :, 20] = content[0, :, :, 20] / 2
    single, sharp = drawn_singly(content)
    assert not single.any()
    assert not sharp.any()
    content[1, :3, 12, 20] = 3.0  # a lamp behind the rim is one
    assert bool(drawn_singly(content)[0][1, 12, 20])


def test_one_pixel_in_256_is_drawn_singly_the_outstanding_first_and_of_these_the_brightest() -> None:
    content = torch.full((1, 4, 64, 64), 0.02)
    content[:, 3] = 1.0
    light = content[:, :3]
    light[..., 5:48:6, 5:48:6] = torch.linspace(0.5, 0.9, 8)  # 64 spots, 16 may be drawn singly
    light[..., 58:64, 63] = 3.0  # bright, but on the edge
    single, sharp = drawn_singly(content)
    assert 0 < int(single.sum()) <= 16
    assert float(light.amax(1)[single].min()) > float(light.amax(1)[sharp & (light.amax(1) < 1)].max())
    assert int((single | sharp).sum()) == 70


def test_spots_leave_their_bins_and_keep_their_light() -> None:
    """Taken out of the bins with their coverage left behind; shares of two depth groups add up to one."""
    disparity = torch.linspace(0, 1, 4096).view(1, 64, 64)
    content = torch.full((1, 4, 64, 64), 0.02)
    content[:, 3] = 1.0
    content[0, :3, 20, 30] = torch.tensor([0.9, 0.6, 0.3])
    surfaces = BinnedSurfaces(content, disparity, disparity_bins(disparity[0], 9))
    total = surfaces.pictures(list(range(9))).sum(0)
    assert_close(total[3], torch.ones(64, 64), atol=1e-5, what="coverage")
    assert total[:3, 20, 30].abs().max() == 0
    middle = int(surfaces.bins.middle(disparity[0, 20, 30:31]))
    parts = [surfaces.spots_of(0, middle - 1), surfaces.spots_of(middle, 8)]
    assert all(part.count == 1 and part.pixel.tolist() == [20 * 64 + 30] for part in parts)
    assert_close(parts[0].light + parts[1].light, content[0, :3, 20, 30:31], atol=1e-6, what="light")


def test_few_distinct_disparities_get_a_bin_each() -> None:
    disparity = torch.tensor([[0.1, 0.9], [0.9, 0.35]])
    assert torch.equal(disparity_bins(disparity, 48).centers, torch.tensor([0.9, 0.35, 0.1]))


def test_groups_cover_all_bins_in_order() -> None:
    for length in (1, 2, 7, 48):
        runs = depth_groups(torch.linspace(1, 0, length), 8)
        covered = [i for run in runs for i in range(length)[run]]
        assert covered == list(range(length))
        assert len(runs) == min(8, length)


def test_slopes_are_those_of_planes_and_end_at_silhouettes() -> None:
    down, right = torch.meshgrid(torch.arange(8.0), torch.arange(10.0), indexing="ij")
    plane = 0.1 + 0.02 * down - 0.03 * right
    slope = disparity_slope(plane)
    assert_close(slope[0], torch.full((8, 10), 0.02), atol=1e-6, what="down")
    assert_close(slope[1], torch.full((8, 10), -0.03), atol=1e-6, what="right")
    stepped = torch.where(right < 5, 0.2, 0.9)
    assert_close(disparity_slope(stepped), torch.zeros(2, 8, 10), atol=0.0, what="a silhouette")
    alone = torch.where((right > 2) & (right < 5), plane, torch.nan)  # two columns, with nothing beside them
    assert_close(disparity_slope(alone)[1], torch.zeros(8, 10), atol=0.0, what="beside nothing")
