"""Lamps that the photo clipped: brighter than white again, of the same color; and back to the display."""

from __future__ import annotations

import math

import pytest
import torch

from simulator import ThinLens, render_stack
from simulator.optics.highlight import HighlightCurve, _mean_around, clipped_at_white, soft_shoulder
from tests.simulator.closeness import assert_close


def night(side: int = 80) -> torch.Tensor:
    image = torch.full((3, side, side), 0.05)
    image[:, 40, 40] = torch.tensor([1.0, 0.8, 0.4])  # a warm lamp, clipped in red
    return image


def test_a_small_clipped_spot_becomes_a_lamp_of_the_same_color() -> None:
    image = night()
    lit = HighlightCurve(peak=10.0, window=0.1).expanded(image)
    share = 1.0 / 81  # one clipped pixel in a window of 9 × 9
    assert float(lit[0, 40, 40]) == pytest.approx(1.0 + 9.0 * (1 - share) ** 2, rel=1e-5)
    assert_close(lit[:, 40, 40] / lit[0, 40, 40], image[:, 40, 40], atol=1e-6, what="color")
    dark = image.clone()
    dark[:, 40, 40] = lit[:, 40, 40]
    assert_close(lit, dark, atol=0.0, what="everything below the knee")


def test_a_clipped_sky_stays_white() -> None:
    image = night()
    image[:, :30] = 1.0
    lit = HighlightCurve(peak=10.0).expanded(image)
    assert_close(lit[:, :26], image[:, :26], atol=1e-5, what="sky")


def test_a_blurred_lamp_glows_where_the_photo_s_white_would_vanish() -> None:
    image, disparity = night(), torch.full((80, 80), 0.5)
    lens = ThinLens(0.0, 10.0)  # r = 5: the disc has 79 pixels
    plain = render_stack(image, disparity, [lens])[0, 0, 40, 40] - 0.05
    lit = render_stack(HighlightCurve(peak=50.0).expanded(image), disparity, [lens])[0, 0, 40, 40] - 0.05
    assert float(plain) < 0.02
    assert float(lit) > 0.5


def test_off_changes_nothing_and_the_curve_rises() -> None:
    image = night()
    assert HighlightCurve(peak=1.0).expanded(image) is image
    values = []
    for level in torch.linspace(0.5, 1.0, 40):
        one = torch.zeros(3, 50, 50)
        one[:, 25, 25] = level
        values.append(float(HighlightCurve().expanded(one)[0, 25, 25]))
    assert values == sorted(values)
    half = torch.zeros(3, 50, 50)
    half[:, 25, 25] = 0.935  # t = ½; the window has 9 pixels
    expected = 0.935 * (1 + 7.0 * 0.25 * (1 - 0.5 / 9) ** 2)
    assert float(HighlightCurve().expanded(half)[0, 25, 25]) == pytest.approx(expected, rel=1e-4)


def test_the_window_s_mean_is_that_of_its_pixels() -> None:
    values = torch.rand(20, 30, generator=torch.Generator().manual_seed(1))
    mean = _mean_around(values, 3)
    assert float(mean[10, 12]) == pytest.approx(float(values[7:14, 9:16].mean()), abs=1e-6)
    assert mean.shape == values.shape


def test_the_shoulder_is_smooth_keeps_hue_and_never_reaches_white() -> None:
    x = torch.linspace(0, 20, 4001, dtype=torch.float64)
    gray = soft_shoulder(x.expand(3, 1, -1))[0, 0]
    assert_close(gray[x <= 0.8], x[x <= 0.8], atol=1e-12, what="below the shoulder")
    assert float(gray.max()) <= 1.0
    slope = gray.diff() / x.diff()
    assert float(slope.diff().abs().max()) < 0.03  # no kink: slope falls from 1 by 1/(1 − s) a unit at most
    assert float(soft_shoulder(torch.ones(3, 1, 1, dtype=torch.float64))[0]) == pytest.approx(1 - 0.2 / math.e)
    warm = soft_shoulder(torch.tensor([4.0, 2.0, 1.0])[:, None, None])[:, 0, 0]
    assert_close(warm / warm[0], torch.tensor([1.0, 0.5, 0.25]), atol=1e-6, what="hue")
    assert clipped_at_white(torch.tensor([-1.0, 0.5, 3.0])).tolist() == [0.0, 0.5, 1.0]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"knee": 1.0}, r"highlight knee must lie in \(0, 1\), got 1.0"),
        ({"peak": 0.5}, "highlight peak must be finite and >= 1, got 0.5"),
        ({"peak": math.nan}, "highlight peak must be finite"),
        ({"window": 0.0}, r"highlight window must lie in \(0, 1\], got 0.0"),
    ],
)
def test_a_curve_that_makes_no_sense(fields: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        HighlightCurve(**fields)
