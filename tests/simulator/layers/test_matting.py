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
