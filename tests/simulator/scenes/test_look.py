"""A camera's look: each step by its closed form, alike for all layers and whatever the margin."""

import math
from dataclasses import replace

import pytest
import torch

from simulator.layers.ldi import LayeredDepthImage
from simulator.scenes.look import CameraLook, draw_look
from simulator.scenes.rng import Rng

PLAIN = CameraLook(white_balance=(1.0, 1.0, 1.0), exposure=0.0, vignetting=0.0, glare=0.0, toe=0.0, anchor=0.5)


def plane(light: float, *, height: int = 40, width: int = 60, margin_px: int = 0) -> LayeredDepthImage:
    size = height + 2 * margin_px, width + 2 * margin_px
    return LayeredDepthImage(
        torch.full((1, 3, *size), light), torch.ones(1, *size), torch.full((1, *size), 0.5), margin_px
    )


def light_of(look: CameraLook, light: float) -> float:
    return float(look.applied(plane(light), 1.0).color[0, 1, 0, 0])


def test_a_plain_look_changes_nothing() -> None:
    assert light_of(PLAIN, 0.3) == pytest.approx(0.3)


def test_exposure_is_in_stops_and_gains_are_by_channel() -> None:
    look = replace(PLAIN, exposure=1.0, white_balance=(1.5, 1.0, 0.5))
    assert look.applied(plane(0.2), 1.0).color[0, :, 0, 0].tolist() == pytest.approx([0.6, 0.4, 0.2])


def test_the_curve_keeps_its_anchor_and_the_hue_and_makes_shadows_steep() -> None:
    look = replace(PLAIN, toe=0.05)
    assert light_of(look, 0.5) == pytest.approx(0.5)
    assert light_of(look, 2e-4) / light_of(look, 1e-4) == pytest.approx(2.0**4, rel=0.01)
    assert light_of(look, 20.0) / light_of(look, 10.0) == pytest.approx(2.0, rel=0.01)
    assert light_of(look, 0.0) == 0.0
    red, green, blue = replace(look, white_balance=(1.5, 1.0, 0.5)).applied(plane(0.1), 1.0).color[0, :, 0, 0].tolist()
    assert (red / green, blue / green) == pytest.approx((1.5, 0.5))


def test_the_darkest_pixels_come_to_a_black_point_and_the_bright_stay() -> None:
    """A ramp from 0.02 to 0.8: its darkest 0.4 % go below 1 % of white, and no steps of it are lost."""
    ramp = torch.linspace(0.02, 0.8, 2500).reshape(50, 50).expand(3, -1, -1)
    for seed in range(20):
        look = replace(draw_look(Rng(seed), ramp), vignetting=0.0, glare=0.0)
        layers = LayeredDepthImage(ramp[None], torch.ones(1, 50, 50), torch.zeros(1, 50, 50))
        levels = look.applied(layers, 1.0).color[0].mul(torch.tensor([0.2126, 0.7152, 0.0722])[:, None, None]).sum(0)
        assert bool((levels.flatten().diff() > 0).all())
        assert float(levels.flatten()[10]) < 0.01
        assert float(levels.median()) > 0.15
        assert look.anchor == pytest.approx(min(0.683 * 2.0**look.exposure, 0.7), rel=0.01)


def test_the_fall_off_is_the_fourth_power_of_the_cosine() -> None:
    lit = replace(PLAIN, vignetting=1.0).applied(plane(0.5), 0.8).color[0, 0]
    angle = math.atan(math.hypot(29.5, 19.5) / (0.8 * 60))  # of the corner pixel's center
    assert lit[[0, 0, -1, -1], [0, -1, 0, -1]].tolist() == pytest.approx([0.5 * math.cos(angle) ** 4] * 4)
    half = replace(PLAIN, vignetting=0.5).applied(plane(0.5), 0.8).color[0, 0, 0, 0]
    assert float(half) == pytest.approx(0.5 * (0.5 + 0.5 * math.cos(angle) ** 4))


def test_glare_reaches_black_and_is_a_small_share_of_the_mean_light_up_to_white() -> None:
    assert light_of(replace(PLAIN, glare=0.04), 0.0) == pytest.approx(0.04)
    image = torch.zeros(3, 40, 60)
    image[..., :15] = 8.0  # a quarter of the frame, as much light as white has
    looks = [draw_look(Rng(seed), image) for seed in range(50)]
    assert 0.004 < max(look.glare / (0.25 * 2.0**look.exposure) for look in looks) <= 0.005


def test_the_frame_does_not_depend_on_the_margin() -> None:
    look = draw_look(Rng(5), plane(0.3).color[0])
    wide = look.applied(plane(0.3, margin_px=7), 1.0).color[..., 7:-7, 7:-7]
    assert torch.equal(wide, look.applied(plane(0.3), 1.0).color)


def test_drawn_looks_keep_a_gray_s_luminance_and_are_varied() -> None:
    looks = [draw_look(Rng(seed), plane(0.3).color[0]) for seed in range(50)]
    for look in looks:
        red, green, blue = look.white_balance
        assert 0.2126 * red + 0.7152 * green + 0.0722 * blue == pytest.approx(1.0)
    assert len({look.exposure for look in looks}) == 50
