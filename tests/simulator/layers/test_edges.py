from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from simulator.layers.edges import sharpened

HEIGHT, WIDTH = 72, 96


def grid() -> tuple[Tensor, Tensor]:
    return torch.meshgrid(torch.arange(HEIGHT) + 0.5, torch.arange(WIDTH) + 0.5, indexing="ij")


def texture(seed: int, *color: float) -> Tensor:
    """A grainy material [3, H, W] in linear light."""
    noise = torch.rand(3, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(seed))
    return torch.tensor(color)[:, None, None] * (0.7 + 0.6 * noise)


def photo_of(near: Tensor) -> Tensor:
    """A photo in which the near side, share [H, W], is of another material than the far side."""
    return near * texture(1, 0.5, 0.2, 0.1) + (1.0 - near) * texture(2, 0.1, 0.25, 0.4)


def soft(distance_px: Tensor, softness_px: float) -> Tensor:
    """A step from 0.2 to 0.9, blurred by a Gaussian; distance from the edge, positive on the near side."""
    return 0.2 + 0.7 * torch.special.ndtr(distance_px.double() / softness_px).float()


def stairs(disparity: Tensor) -> Tensor:
    """As an 8-bit file holds it."""
    low, high = disparity.min(), disparity.max()
    return low + torch.round((disparity - low) / (high - low) * 255) / 255 * (high - low)


@pytest.mark.parametrize("softness_px", [0.9, 1.5, 2.0, 2.5, 3.0])
@pytest.mark.parametrize("shift_px", [-1.0, -0.8, 0.0, 0.8, 1.0])
def test_soft_ramp_becomes_a_step_at_the_photos_edge(softness_px: float, shift_px: float) -> None:
    rows, columns = grid()
    distance = (columns - 48) * 0.96 + (rows - 36) * 0.28  # a slanted edge: the whole range of sub-pixel places
    image = photo_of((distance + 0.5).clamp(0.0, 1.0))
    result = sharpened(stairs(soft(distance + shift_px, softness_px)), image)
    near = result > 0.55
    inside = slice(6, HEIGHT - 6)
    place_px = 48 - (near.sum(1) - (WIDTH - 48)) - (36 - rows[:, 0]) * 0.28 / 0.96
    assert (place_px[inside] - 48).abs().max() < 1.0  # half a pixel of rounding, half of mistakes
    between = ((result - 0.2).abs() > 0.05) & ((result - 0.9).abs() > 0.05)
    assert between[inside].float().mean() < 0.002  # of the band of 2 to 9 % that were in between


def test_rounded_silhouettes_keep_their_shape() -> None:
    rows, columns = grid()
    distance = 22.0 - torch.hypot(rows - 36, columns - 48)
    image = photo_of((distance + 0.5).clamp(0.0, 1.0))
    result = sharpened(stairs(soft(distance, 2.0)), image)
    wrong = (result > 0.55) != (distance > 0)
    assert wrong.float().mean() < 0.01  # a third of a pixel along a rim of 138


@pytest.mark.parametrize("overshoot", [0.02, 0.04])
def test_overshoot_beside_a_step_is_leveled(overshoot: float) -> None:
    """A rim of other depth along a silhouette has an inner outline, which shows where the surface is in focus."""
    rows, columns = grid()
    distance = (columns - 48) * 0.96 + (rows - 36) * 0.28
    rim = overshoot * distance.sign() * torch.exp(-((distance.abs() - 3.0) ** 2) / 2.0)
    result = sharpened(soft(distance, 1.5) + rim, photo_of((distance + 0.5).clamp(0.0, 1.0)))
    inside = slice(6, HEIGHT - 6)
    near = result[inside] > 0.55
    # 0.003: what is left of the rim and of the step's foot where the zone ends
    assert float(result[inside][near].max()) < 0.903
    assert float(result[inside][~near].min()) > 0.197


def test_exact_maps_come_back_bit_by_bit() -> None:
    rows, columns = grid()
    disc = torch.hypot(rows - 30, columns - 40) < 14
    wire = (columns - 70 - 0.2 * rows).abs() < 0.8
    ground = 0.3 + 0.004 * rows  # slanted, so that the steps' heights differ
    exact = torch.where(wire, 0.9, torch.where(disc, 0.6, ground))
    misplaced = photo_of((torch.hypot(rows - 32, columns - 42) < 14).float())
    assert torch.equal(sharpened(exact, misplaced), exact)


@pytest.mark.parametrize("bits", [8, 16])
def test_planes_are_left_alone(bits: int) -> None:
    rows, columns = grid()
    plane = 0.1 + 0.004 * rows + 0.006 * columns
    stored = torch.round(plane * (2**bits - 1)) / (2**bits - 1)
    assert torch.equal(sharpened(stored, photo_of((columns > 48).float())), stored)


def test_terrain_without_edges_in_the_photo_is_left_alone() -> None:
    rows, columns = grid()
    hills = 0.5 + 0.01 * rows + 0.1 * torch.sin(columns / 3.0 + torch.sin(rows / 9.0)) * torch.sin(rows / 4.0)
    assert torch.equal(sharpened(hills, texture(3, 0.2, 0.3, 0.1)), hills)


def test_a_ramp_that_the_photo_denies_stays() -> None:
    _, columns = grid()
    ramp = soft(columns - 48, 2.0)
    assert torch.equal(sharpened(ramp, texture(3, 0.2, 0.3, 0.1)), ramp)


def test_pixels_away_from_the_edge_are_left_alone() -> None:
    rows, columns = grid()
    disparity = soft(columns - 48, 2.0) + 0.001 * rows
    result = sharpened(disparity, photo_of((columns > 48).float()))
    far_off = (columns - 48).abs() > 12
    assert torch.equal(result[far_off], disparity[far_off])
    assert not torch.equal(result, disparity)


def test_plateaus_keep_their_slopes() -> None:
    rows, columns = grid()
    disparity = soft(columns - 48, 2.0) + 0.002 * rows
    result = sharpened(disparity, photo_of((columns > 48).float()))
    exact = torch.where(columns > 48, 0.9, 0.2) + 0.002 * rows
    assert (result - exact)[6:-6].abs().max() < 0.03  # of a step of 0.7


def test_range_is_kept_and_units_do_not_matter() -> None:
    _, columns = grid()
    disparity = stairs(soft(columns - 48.4, 2.0))
    image = photo_of((columns > 48).float())
    result = sharpened(disparity, image)
    assert result.min() >= disparity.min()
    assert result.max() <= disparity.max()
    assert torch.equal(sharpened(disparity * 1024.0, image), result * 1024.0)  # a power of two: no rounding


def test_same_bytes_again_and_inputs_untouched() -> None:
    _, columns = grid()
    disparity, image = stairs(soft(columns - 48.4, 2.0)), photo_of((columns > 48).float())
    before = disparity.clone(), image.clone()
    assert torch.equal(sharpened(disparity, image), sharpened(disparity, image))
    assert torch.equal(disparity, before[0])
    assert torch.equal(image, before[1])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="CUDA is not available")
def test_devices_agree() -> None:
    rows, columns = grid()
    distance = 22.0 - torch.hypot(rows - 36, columns - 48)
    disparity, image = stairs(soft(distance, 2.0)), photo_of((distance + 0.5).clamp(0.0, 1.0))
    there = sharpened(disparity.cuda(), image.cuda()).cpu()
    differs = (there - sharpened(disparity, image)).abs() > 1e-5
    assert differs.float().mean() < 1e-3  # a pixel on the fence may fall to either side


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (3, 2), (7, 40)])
def test_small_maps(size: tuple[int, int]) -> None:
    disparity = torch.rand(size, generator=torch.Generator().manual_seed(0))
    result = sharpened(disparity, torch.rand(3, *size))
    assert result.shape == disparity.shape
    assert torch.isfinite(result).all()


def test_highlights_are_no_trouble() -> None:
    _, columns = grid()
    image = photo_of((columns > 48).float()) * torch.where(columns > 80, 50.0, 1.0)
    assert torch.isfinite(sharpened(soft(columns - 48, 2.0), image)).all()


@pytest.mark.parametrize(
    ("disparity", "image", "complaint"),
    [
        (torch.zeros(3, 4, 4), torch.zeros(3, 4, 4), r"disparity must be floating point \[H, W\]"),
        (torch.zeros(4, 4, dtype=torch.int32), torch.zeros(3, 4, 4), "disparity must be floating point"),
        (torch.zeros(4, 4), torch.zeros(3, 4, 5), r"image must be floating point \[3, 4, 4\]"),
        (torch.zeros(4, 4), torch.zeros(4, 4, 4), r"image must be floating point \[3, 4, 4\]"),
        (torch.full((4, 4), math.nan), torch.zeros(3, 4, 4), "disparity must be finite"),
        (torch.zeros(4, 4), torch.full((3, 4, 4), -1.0), "image must be finite linear light"),
    ],
)
def test_bad_input_is_named(disparity: Tensor, image: Tensor, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        sharpened(disparity, image)
