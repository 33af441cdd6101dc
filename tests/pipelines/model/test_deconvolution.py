"""Known blur, taken away: against discs made here, not by the code under test."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import convolve

from pipelines.model.deconvolution import NOISE_TO_SIGNAL, deconvolved
from simulator.optics.color import linear_to_srgb, srgb_to_linear

SIDE = 96


def disc(radius: float) -> np.ndarray:
    places = (np.arange(41 * 5) + 0.5) / 5 - 20.5
    inside = places[:, None] ** 2 + places**2 <= radius**2
    kernel = inside.reshape(41, 5, 41, 5).mean((1, 3))
    return np.asarray(kernel / kernel.sum())


def photo() -> torch.Tensor:
    """1/f noise in 8 bits of display values, [3, H, W] in [-1, 1]."""
    draws = np.random.default_rng(8)
    frequency = np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.fftfreq(SIDE)) + 1.0 / SIDE
    picture = np.fft.ifft2(np.fft.fft2(draws.standard_normal((3, SIDE, SIDE))) / frequency).real
    display = 0.5 + 0.18 * (picture - picture.mean()) / picture.std()
    return torch.from_numpy(np.rint(display.clip(0, 1) * 255) / 127.5 - 1).float()


def blurred(picture: torch.Tensor, radius: float) -> torch.Tensor:
    light = srgb_to_linear((picture + 1) / 2).numpy()
    spread = np.stack([convolve(channel, disc(radius), mode="reflect") for channel in light])
    return (linear_to_srgb(torch.from_numpy(spread)) * 255).round().float() / 127.5 - 1


@pytest.mark.parametrize("radius", [0.85, 1.7, 3.3, 6.5])
def test_detail_comes_back_where_the_radius_is_told(radius: float) -> None:
    """Also between the radii of the list; the recovered share is <made - given, true - given> / |true - given|^2."""
    true = photo()
    given = blurred(true, radius)
    made = deconvolved(given[None], torch.full((1, 1, SIDE, SIDE), -radius))[0]  # [E, 3, H, W]
    lost = true - given
    shares = [float(((copy - given) * lost).sum() / lost.square().sum()) for copy in made]
    errors = [float((copy - true).square().mean()) for copy in made]
    assert max(shares) > 0.25
    assert min(errors) < 0.95 * float(lost.square().mean())


def test_what_is_sharp_stays_as_it_is() -> None:
    true = photo()
    radius = torch.zeros(1, 1, SIDE, SIDE)
    radius[..., SIDE // 2 :] = 3.0
    made = deconvolved(true[None], radius)[0]
    assert made.shape == (len(NOISE_TO_SIGNAL), 3, SIDE, SIDE)
    torch.testing.assert_close(
        made[..., : SIDE // 2], true[None, :, :, : SIDE // 2].expand_as(made[..., : SIDE // 2]), atol=1e-4, rtol=0.0
    )
    assert not torch.allclose(made[..., SIDE // 2 :], true[..., SIDE // 2 :])
