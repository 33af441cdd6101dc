from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from pipelines.measure.rendering_error import psnr
from pipelines.render.depth.degraded import WORKING_SHORT_SIDE_PX, degraded, displacement_px
from simulator import ThinLens, render_stack
from simulator.layers.edges import sharpened


def step(height: int = 64, width: int = 96, at: int = 48) -> Tensor:
    disparity = torch.full((height, width), 0.25)
    disparity[:, at:] = 0.75
    return disparity


@pytest.mark.parametrize("softness_px", [1.0, 2.0, 3.0])
def test_a_step_gets_the_softness_that_was_asked_for(softness_px: float) -> None:
    profile = degraded(step(), seed=0, softness_px=softness_px, shift_px=0.0)[32].double()
    slope = profile.diff() / 0.5
    places = torch.arange(1, slope.numel() + 1, dtype=torch.float64)
    middle = (slope * places).sum()
    assert float(middle) == pytest.approx(48.0, abs=0.05)
    spread = math.sqrt(float((slope * (places - middle) ** 2).sum()))
    assert spread == pytest.approx(softness_px, rel=0.03)  # the slope of a blurred step is the sampled kernel itself


def test_edges_move_by_up_to_a_pixel_and_not_all_alike() -> None:
    edge = degraded(step(160, 240, 120), seed=3, softness_px=1.0)
    place = 240 - ((edge - 0.25) / 0.5).sum(1) - 120
    assert place.abs().max() <= 1.0
    assert place.abs().max() > 0.3
    assert place.diff().abs().max() < 0.2  # neighbors go astray together


def test_the_longest_displacement_is_the_one_asked_for() -> None:
    field = displacement_px(90, 120, seed=5, largest_px=0.7)
    assert field.shape == (2, 90, 120)
    assert float(field.norm(dim=0).max()) == pytest.approx(0.7)


def test_256_values_at_most() -> None:
    rows, columns = torch.meshgrid(torch.linspace(0, 1, 100), torch.linspace(0, 1, 150), indexing="ij")
    smooth = rows + columns
    coarse = degraded(smooth, seed=0, softness_px=0.0, shift_px=0.0)
    assert coarse.unique().numel() == 256
    assert (coarse - smooth).abs().max() <= 1 / 255 + 1e-6  # half a step of a range of 2


def test_photos_larger_than_the_network_sees_are_softer_in_their_own_pixels() -> None:
    scale = 2
    large = step(WORKING_SHORT_SIDE_PX * scale, 1200, 600)
    slope = degraded(large, seed=0, softness_px=2.0, shift_px=0.0)[500].double().diff() / 0.5
    places = torch.arange(slope.numel(), dtype=torch.float64)
    middle = (slope * places).sum()
    spread = math.sqrt(float((slope * (places - middle) ** 2).sum()))
    assert spread == pytest.approx(2.0 * scale, rel=0.06)


def test_a_seed_decides_all() -> None:
    assert torch.equal(degraded(step(), seed=1), degraded(step(), seed=1))
    assert not torch.equal(degraded(step(), seed=1), degraded(step(), seed=2))


def test_constant_maps_pass() -> None:
    assert torch.equal(degraded(torch.full((9, 12), 0.5), seed=0), torch.full((9, 12), 0.5))


@pytest.mark.parametrize(
    ("disparity", "settings", "complaint"),
    [
        (torch.zeros(3, 4, 4), {}, r"disparity must be floating point \[H, W\]"),
        (torch.full((4, 4), math.inf), {}, "disparity must be finite"),
        (torch.zeros(4, 4), {"softness_px": -1.0}, "softness_px must be finite and >= 0, got -1.0"),
        (torch.zeros(4, 4), {"shift_px": math.nan}, "shift_px must be finite and >= 0, got nan"),
    ],
)
def test_bad_input_is_named(disparity: Tensor, settings: dict[str, float], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        degraded(disparity, seed=0, **settings)


def test_sharpening_takes_back_half_of_the_loss() -> None:
    """Cut-outs of three materials at three depths; the truth is the render from exact disparity."""
    generator = torch.Generator().manual_seed(0)
    rows, columns = torch.meshgrid(torch.arange(120.0), torch.arange(160.0), indexing="ij")
    image, disparity = torch.zeros(3, 120, 160), torch.zeros(120, 160)
    for row, column, radius, depth in ((60, 80, 400, 0.1), (50, 60, 30, 0.4), (70, 100, 28, 0.9)):
        inside = torch.hypot(rows - row, columns - column) < radius
        color = torch.rand(3, 1, 1, generator=generator)
        material = color * (0.6 + 0.8 * torch.rand(1, 120, 160, generator=generator))
        image, disparity = torch.where(inside, material, image), torch.where(inside, depth, disparity)
    lenses = [ThinLens(focus, 12.0) for focus in (0.1, 0.4, 0.9)]
    truth = render_stack(image, disparity, lenses)
    found = degraded(disparity, seed=1)
    loss, rest = (render_stack(image, map_, lenses) for map_ in (found, sharpened(found, image)))
    for before, after, frame in zip(loss, rest, truth, strict=True):
        assert psnr(after, frame) > psnr(before, frame) + 3.0  # half of the amplitude of the error is 6 dB
