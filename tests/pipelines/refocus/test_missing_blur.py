"""Missing blur: with the picture's own it makes the asked one; a picture that is too soft stays as it is."""

from __future__ import annotations

import torch

from pipelines.measure.fidelity import fidelity
from pipelines.pictures.srgb8 import from_srgb8, to_srgb8
from pipelines.refocus.missing_blur import missing_blur, missing_radius_px
from simulator import ThinLens, render_stack
from tests.pipelines.measure.pictures import slope, texture

PHOTO = from_srgb8(texture())
CARD = torch.zeros(80, 120)
CARD[20:60, 40:80] = 1.0


def psnr(made: torch.Tensor, truth: torch.Tensor) -> float:
    return fidelity(*(to_srgb8(picture[None])[0] for picture in (made, truth))).psnr


def frame(disparity: torch.Tensor, lens: ThinLens) -> torch.Tensor:
    return render_stack(PHOTO, disparity, [lens])[0]


def test_radii_add_in_squares() -> None:
    missing = missing_radius_px(torch.tensor([0.0, 1.0]), ThinLens(1.0, 3.0), ThinLens(1.0, 5.0))
    assert missing.tolist() == [4.0, 0.0]
    wall, own, asked = torch.zeros(80, 120), ThinLens(1.0, 3.0), ThinLens(1.0, 5.0)
    before, truth = frame(wall, own), frame(wall, asked)
    assert psnr(missing_blur(before, wall, own, asked), truth) > max(42.0, psnr(before, truth) + 10.0)


def test_what_is_too_soft_stays_as_it_is() -> None:
    wall = torch.zeros(80, 120)
    before = frame(wall, ThinLens(1.0, 5.0))
    assert torch.equal(missing_blur(before, wall, ThinLens(1.0, 5.0), ThinLens(1.0, 3.0)), before)


def test_a_photo_goes_through_the_renderer() -> None:
    depth, lens = torch.from_numpy(slope()), ThinLens(0.3, 6.0)
    assert torch.equal(missing_blur(PHOTO, depth, None, lens), frame(depth, lens))


def test_the_near_side_still_covers_the_far_one() -> None:
    """Of a stronger blur behind a card in focus and before a wall in focus: with the sides swapped it loses 5 dB."""
    for focus in (0.0, 1.0):
        own, asked = ThinLens(focus, 3.0), ThinLens(focus, 6.0)
        before, truth = frame(CARD, own), frame(CARD, asked)
        assert psnr(missing_blur(before, CARD, own, asked), truth) > max(35.0, psnr(before, truth) + 5.0)
