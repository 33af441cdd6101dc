"""Bleeding at the outline of a card in focus: none in the truth, some behind a blur without occlusion."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pipelines.measure.edge_bleed import edge_bleed
from pipelines.pictures.srgb8 import from_srgb8, to_srgb8
from simulator import ThinLens
from simulator.reference.scatter import direct_scatter
from tests.pipelines.measure.pictures import rendered, slope, texture

CARD = np.zeros((80, 120), np.bool_)
CARD[20:60, 40:80] = True
PHOTO = np.where(CARD[..., None], texture(seed=1) // 2 + [110, 40, 0], texture() // 2 + [0, 30, 110]).astype(np.uint8)
DISPARITY = CARD.astype(np.float32)
ON_CARD, ON_WALL = ThinLens(1.0, 7.0), ThinLens(0.0, 7.0)
DEFOCUS = 7.0 * (DISPARITY - 1.0)


def test_order_of_the_truth_the_photo_and_blurs_without_occlusion() -> None:
    truth, wrong_plane = rendered(PHOTO, DISPARITY, [ON_CARD, ON_WALL])
    scattered = to_srgb8(direct_scatter(from_srgb8(PHOTO), torch.from_numpy(DISPARITY), ON_CARD)[None])[0]
    bleed = {
        name: edge_bleed(made, truth, DEFOCUS)
        for name, made in {"truth": truth, "photo": PHOTO, "scattered": scattered, "kept": wrong_plane}.items()
    }
    assert bleed["truth"] == 0.0
    assert abs(bleed["photo"]) < 0.03  # its background is too sharp, and yet no light has crossed the outline
    assert 0.05 < bleed["scattered"] < bleed["kept"] < 0.5  # the card's own blur reaches farther than its rim


@pytest.mark.parametrize("bled", [CARD, ~CARD, CARD | ~CARD])
def test_either_side_counts_by_its_share(bled: np.ndarray) -> None:
    truth = rendered(PHOTO, DISPARITY, [ON_CARD])[0]
    wall, card = (truth[side].mean(axis=0) for side in (~CARD, CARD))
    mixed = 0.75 * truth + 0.25 * np.where(CARD[..., None], wall, card)
    made = np.rint(np.where(bled[..., None], mixed, truth)).astype(np.uint8)
    bleed = edge_bleed(made, truth, DEFOCUS)
    assert bleed is not None
    assert abs(bleed - (0.25 if bled.all() else 0.125)) < 0.03


def test_without_an_outline_in_focus_there_is_none() -> None:
    assert edge_bleed(PHOTO, PHOTO, 10 * (slope() - 0.5)) is None  # a smooth slope
    assert edge_bleed(PHOTO, PHOTO, 7.0 * DISPARITY) is None  # the card is blurred in front: that light is right
    gray = np.full_like(PHOTO, 128)
    assert edge_bleed(PHOTO, gray, DEFOCUS) is None
