"""What silhouettes hide is guessed from the far side only, and only where a lens may look."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from simulator.layers.hole_filling import fill_holes
from simulator.layers.matting import split_mixed_pixels
from simulator.layers.morphology import dilate
from simulator.layers.occlusion import _cuts, hidden_surfaces
from simulator.layers.surfaces import Surfaces
from tests.simulator.closeness import assert_close


def behind(image: Tensor, disparity: Tensor, *, reach_px: int, step: float = 0.1) -> list[Surfaces]:
    """In pixels, as they lie in the frame."""
    split = split_mixed_pixels(image, disparity, step)
    found = hidden_surfaces(split, disparity, reach_px=reach_px, step=step)
    return [surface.in_pixels(*disparity.shape) for surface in found]


def card() -> tuple[Tensor, Tensor]:
    """Red card (disparity 0.9) before a green wall (0.1)."""
    image, disparity = torch.zeros(3, 60, 60), torch.full((60, 60), 0.1)
    image[1] = 1.0
    image[:, 20:40, 20:40] = torch.tensor([1.0, 0.0, 0.0])[:, None, None]
    disparity[20:40, 20:40] = 0.9
    return image, disparity


def test_behind_a_card_is_the_wall_never_the_card() -> None:
    first = behind(*card(), reach_px=6)[0]
    hidden = first.coverage[0] > 0
    assert bool(hidden[20:26, 20:40].all())
    green = torch.tensor([0.0, 1.0, 0.0])[:, None].expand(3, int(hidden.sum()))
    # A pixel is split into parts in float32, and its far part divided by its share again.
    assert_close(first.light[0, :, hidden], green, atol=1e-3, what="color behind the card")
    depth = first.disparity[0, hidden]
    assert_close(depth, torch.full_like(depth, 0.1), atol=1e-5, what="its depth")


def test_the_rim_of_a_lamp_does_not_light_what_is_behind_it() -> None:
    """A lamp a hundred times white whose edges lie half-way between pixels: by depth, mixed pixels are the wall."""
    share = torch.zeros(40, 40)
    share[17:24, 17:24] = 0.4
    share[18:23, 18:23] = 1.0
    image = (100.0 * share + 0.02 * (1 - share)).expand(3, 40, 40)
    disparity = torch.where(share == 1.0, 0.9, 0.1)
    first = behind(image, disparity, reach_px=6)[0]
    hidden = first.coverage[0] > 0
    assert bool(hidden[18:23, 18:23].all())
    assert float(first.light[0, :, hidden].max()) < 0.05  # not 40


@pytest.mark.parametrize("offset", [0.0, -5.0, 40.0])
def test_hidden_surfaces_lie_behind_what_hides_them(offset: float) -> None:
    """Blocks at many depths, in any unit: each guess is farther than the nearest pixel of its cell."""
    blocks = torch.rand(12, 12, generator=torch.Generator().manual_seed(3)) + offset
    disparity = blocks.repeat_interleave(6, 0).repeat_interleave(6, 1)
    split = split_mixed_pixels(torch.rand(3, 72, 72), disparity, 0.1)
    nearest = torch.nn.functional.max_pool2d(disparity[None, None], 2)[0, 0]
    found = hidden_surfaces(split, disparity, reach_px=8, step=0.1)
    assert len(found) > 1
    for surface in found:
        is_hidden = surface.coverage[0] > 0
        assert bool((surface.disparity[0] < nearest)[is_hidden].all())


def test_only_what_a_lens_may_see_is_filled() -> None:
    first = behind(*card(), reach_px=6)[0]
    assert float(first.coverage[0, 28:32, 28:32].max()) == 0.0  # the card's middle, out of reach
    assert float(first.coverage[0, :19].max()) == 0.0  # nothing is hidden in front of the wall


def test_stacked_cards_hide_two_surfaces() -> None:
    image, disparity = card()
    image[:, 26:34, 24:36] = torch.tensor([0.0, 0.0, 1.0])[:, None, None]  # a blue card on the red one, nearer
    disparity[26:34, 24:36] = 1.5
    colors = [s.light[0, :, 30, 25] for s in behind(image, disparity, reach_px=8) if s.coverage[0, 30, 25]]
    assert colors[0][0] > 0.9  # the red card lies right behind the blue one's rim
    assert colors[-1][1] > 0.9  # and the green wall behind that


def test_slopes_hide_nothing_beside_silhouettes() -> None:
    """A thing whose left side is a silhouette and whose right side slopes back: only its left half hides anything."""
    disparity = torch.full((40, 80), 0.1)
    disparity[:, 20:50] = 0.9
    disparity[:, 50:66] = torch.linspace(0.85, 0.1, 16)
    first = behind(torch.rand(3, 40, 80), disparity, reach_px=40, step=0.2)[0]
    assert bool(first.coverage[0, :, 20:32].all())
    assert float(first.coverage[0, :, 50:].max()) == 0.0


def test_cuts_avoid_slopes() -> None:
    """Steps with middles evenly from 0.2 to 1, and many pixels of a slope around 0.5, the middle of a quarter."""
    middles, slope = torch.linspace(0.2, 1.0, 801), torch.full((1000,), 0.5)
    high, low = torch.cat([middles + 0.3, slope + 0.02])[None], torch.cat([middles - 0.3, slope - 0.02])[None]
    cuts = _cuts(high, low, high - low > 0.1)
    assert cuts == pytest.approx([0.9, 0.7, 0.5, 0.3], abs=0.05)
    assert abs(cuts[2] - 0.5) > 0.02


def test_a_smooth_ramp_hides_nothing() -> None:
    disparity = torch.linspace(0, 1, 64).expand(64, 64)
    assert behind(torch.rand(3, 64, 64), disparity, reach_px=8, step=0.125) == []


def test_near_sources_weigh_more() -> None:
    content = torch.zeros(1, 1, 32)
    content[0, 0, 31] = 1.0
    known = torch.zeros(1, 32, dtype=torch.bool)
    known[0, 0] = known[0, 31] = True
    filled, found = fill_holes(content * known, known.float(), 32)
    assert bool(found.all())
    assert float(filled[0, 0, 8]) < 0.2
    assert float(filled[0, 0, 23]) > 0.8
    assert float(filled[0, 0, 15] + filled[0, 0, 16]) == pytest.approx(1.0, abs=1e-5)  # the same from both ends


@pytest.mark.parametrize("radius", [1, 3, 10])
def test_local_max_against_a_loop(radius: int) -> None:
    x = torch.rand(15, 18, generator=torch.Generator().manual_seed(radius))
    expected = torch.stack(
        [
            torch.stack(
                [x[max(0, i - radius) : i + radius + 1, max(0, j - radius) : j + radius + 1].max() for j in range(18)]
            )
            for i in range(15)
        ]
    )
    assert torch.equal(dilate(x, radius), expected)


def test_colors_behind_a_silhouette_are_means_of_compressed_light() -> None:
    """A card before a wall of equally many black and white rows: the mean of light^(1/1.5), (1/2)^1.5."""
    image, disparity = torch.full((3, 64, 64), 0.3), torch.full((64, 64), 0.1)
    image[:, :, 32:] = (torch.arange(64) // 2 % 2).float()[:, None]
    disparity[:, :32] = 0.9
    visible = split_mixed_pixels(image, disparity, 0.1)
    (surface,) = hidden_surfaces(visible, disparity, reach_px=16, step=0.1)
    deep = surface.light[0, :, 8:24, 9:12]  # of half-size cells, 4 to 7 from the silhouette
    assert float(deep.mean()) == pytest.approx(0.5**1.5, abs=0.05)
