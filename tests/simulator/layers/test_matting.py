"""Mixed pixels: both parts add up to the photo, and each gets its own side's color."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from simulator.layers.matting import split_mixed_pixels
from tests.simulator.closeness import assert_close

NEAR, FAR = torch.tensor([0.9, 0.2, 0.1]), torch.tensor([0.1, 0.3, 0.8])


def card(share: float) -> tuple[Tensor, Tensor]:
    """Near card left of column 10; its last column covers only `share` of each pixel. Image and disparity."""
    alpha = (torch.arange(20) < 10).float().expand(16, 20).clone()
    alpha[:, 9] = share
    image = NEAR[:, None, None] * alpha + FAR[:, None, None] * (1 - alpha)
    return image, torch.where(torch.arange(20) < 10, 0.8, 0.2).expand(16, 20).clone()


def test_both_parts_add_up_to_the_photo() -> None:
    image = torch.rand(3, 30, 30, generator=torch.Generator().manual_seed(0)) * 3
    disparity = (torch.rand(30, 30, generator=torch.Generator().manual_seed(1)) > 0.5).float()
    split = split_mixed_pixels(image, disparity, 0.1)
    assert_close(split.light.sum(0), image, atol=1e-6, what="light of both parts")
    assert_close(split.coverage.sum(0), torch.ones(30, 30), atol=1e-6, what="coverage of both parts")
    assert float(split.light.min()) >= 0.0


@pytest.mark.parametrize("share", [0.6, 0.75, 0.9])
def test_the_share_of_a_plain_card_is_found(share: float) -> None:
    split = split_mixed_pixels(*card(share), 0.1)
    near_share = float(split.coverage[0, 8, 9])
    # color decides: its variance is only the assumed noise, 1e-4 over a contrast of 1.1, against 0.01 of geometry
    assert near_share == pytest.approx(share, abs=0.01)
    pure = split.light[0, :, 8, 9] / near_share
    assert_close(pure, NEAR, atol=0.02, what="near part's own color")
    assert float(split.disparity[0, 8, 9]) == pytest.approx(0.8)
    assert float(split.disparity[1, 8, 9]) == pytest.approx(0.2)


def test_without_a_step_nothing_is_split() -> None:
    image, disparity = torch.rand(3, 12, 12), torch.linspace(0, 1, 12).expand(12, 12)
    split = split_mixed_pixels(image, disparity, 0.5)
    assert torch.equal(split.light[0], image)
    assert float(split.coverage[1].max()) == 0.0


@pytest.mark.parametrize("light", [[30.0, 30.0, 30.0], [30.0, 2.0, 2.0]])
def test_a_lamp_behind_the_rim_is_not_the_cards(light: list[float]) -> None:
    """Neither its light nor its place: a near part of more than half of the pixel would stop the lamp's blur."""
    image, disparity = card(1.0)
    image[:, 8, 9] = torch.tensor(light)  # shines out in the card's last column
    split = split_mixed_pixels(image, disparity, 0.1)
    assert float(split.light[0, :, 8, 9].max()) <= 2.0
    assert_close(split.light[:, :, 8, 9].sum(0), torch.tensor(light), atol=1e-5, what="light of both parts")
    assert float(split.coverage[0, 8, 9]) <= 0.5


def textured_board(edge_of_disparity: int) -> tuple[torch.Tensor, torch.Tensor]:
    """A dark, textured board up to column 20 before a smooth sky of 0.8; its disparity ends at the column given."""
    random = torch.Generator().manual_seed(4)
    image = torch.full((3, 40, 40), 0.8)
    image[:, :, :20] = 0.05 + 0.1 * torch.rand(3, 40, 20, generator=random)
    disparity = torch.full((40, 40), 0.1)
    disparity[:, :edge_of_disparity] = 0.9
    return image, disparity


def test_a_smooth_far_side_keeps_none_of_the_near_side_s_texture() -> None:
    """The board's last column covers half of its pixels. What the mixture leaves is its texture: not the sky's."""
    image, disparity = textured_board(20)
    image[0, :, 19] = 0.5 * image[0, :, 18] + 0.5 * 0.8  # red has texture, green and blue the mean
    image[1:, :, 19] = 0.5 * 0.1 + 0.5 * 0.8
    parts = split_mixed_pixels(image, disparity, 0.05)
    color = parts.light[1, :, :, 19] / parts.coverage[1, :, 19]
    assert float((color - 0.8).abs().max()) < 0.008


def test_an_outline_beside_that_of_the_disparity_leaves_no_line_on_the_far_side() -> None:
    """The board reaches a pixel further than its disparity: those pixels belong to it all the same."""
    image, disparity = textured_board(19)
    parts = split_mixed_pixels(image, disparity, 0.05)
    assert_close(parts.light.sum(0), image, atol=1e-6, what="both parts together")
    assert float(parts.coverage[1, :, 19].max()) < 0.2


def test_beside_a_lamp_the_disparity_decides() -> None:
    """A lamp in the sky is no measure of the far side's color: what looks like the near side stays where it is."""
    image, disparity = textured_board(19)
    image[:, 20, 23] = 9.0
    parts = split_mixed_pixels(image, disparity, 0.05)
    assert float(parts.coverage[1, 20, 19]) == 1.0


@pytest.mark.parametrize("rim", [[0.6, 0.6, 0.6], [0.35, 0.42, 0.5]], ids=["halo of sharpening", "fringe of color"])
def test_a_rim_beside_the_silhouette_is_not_the_far_side_s(rim: list[float]) -> None:
    """Where the board is blurred and the sky in focus, no outline of the board may be left in the sky."""
    image, disparity = textured_board(20)
    image[:, :, 20:] = 0.5
    image[:, :, 20] = torch.tensor(rim)[:, None]
    parts = split_mixed_pixels(image, disparity, 0.05)
    color = parts.light[1, :, :, 20] / parts.coverage[1, :, 20]
    assert_close(parts.light.sum(0), image, atol=1e-6, what="both parts together")
    # two deviations of noise: 2 · √1e-4
    assert float((color - 0.5).abs().max()) < 0.021


def board_with_one_cut_pixel(is_belied: bool) -> float:
    """α of a far pixel of which the board covers 0.7; the map ends beside the board in half of the rows, or in none."""
    image, disparity = textured_board(20)
    image, disparity = 0.9 - image.repeat(1, 5, 1), disparity.repeat(5, 1)  # a board brighter than the sky
    image[:, 100, 20] = 0.7 * 0.8 + 0.3 * 0.1
    if is_belied:
        disparity[:80:2, 20] = 0.9
    return float(split_mixed_pixels(image, disparity, 0.05).coverage[0, 100, 20])


def test_a_map_whose_outlines_the_photo_belies_has_less_say() -> None:
    """At most half of a far pixel is the near side's, unless colors tell that the map is not exact."""
    assert board_with_one_cut_pixel(is_belied=False) <= 0.5
    assert board_with_one_cut_pixel(is_belied=True) == pytest.approx(0.7, abs=0.05)


def test_a_wire_thinner_than_two_pixels_leaves_no_dashes_on_what_lies_behind() -> None:
    """The map names the pixels whose centers a slanted wire covers; those that it brushes look like wall."""
    middle = 12.0 + 0.17 * torch.arange(40.0)  # row of the wire in each column, 1.2 px wide
    row = torch.arange(32.0)[:, None]
    fine = row[..., None] + (torch.arange(64) + 0.5) / 64 - 0.5  # [H, 1, 64] places within each pixel
    share = ((fine - middle[None, :, None]).abs() < 0.6).float().mean(-1)  # [H, W]
    wall, wire = torch.tensor([0.6, 0.5, 0.4])[:, None, None], torch.tensor([0.1, 0.1, 0.15])[:, None, None]
    image = share * wire + (1.0 - share) * wall
    disparity = torch.where((row - middle).abs() < 0.6, 0.9, 0.1)
    parts = split_mixed_pixels(image, disparity, 0.05)
    color = parts.light[1] / parts.coverage[1].clamp(min=1e-6)
    color = color.where(parts.coverage[1] > 0.05, wall)
    color = parts.light[0].where(parts.disparity[0] < 0.5, color)  # pixels that are not split
    inner = (..., slice(4, -4))
    assert float((color - wall).abs()[inner].max()) < 0.08
