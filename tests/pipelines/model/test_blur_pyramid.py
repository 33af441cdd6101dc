from __future__ import annotations

import pytest
import torch

from pipelines.model.blur_pyramid import SIGMAS, blur_pyramid, gaussian_blur


@pytest.mark.parametrize("sigma_px", [1.0, 2.0, 4.0])
def test_a_point_becomes_a_gaussian_and_keeps_its_light(sigma_px: float) -> None:
    light = torch.zeros(1, 3, 61, 61)
    light[:, :, 30, 30] = 1.0
    spot = gaussian_blur(light, sigma_px)[0, 0]
    places = torch.arange(61) - 30.0
    assert float(spot.sum()) == pytest.approx(1.0, abs=1e-5)
    # The kernel ends at 2.5 sigma, which takes about a tenth off the variance.
    assert float((spot.sum(0) * places**2).sum()) == pytest.approx(sigma_px**2, rel=0.12)
    assert float((spot.sum(1) * places).sum()) == pytest.approx(0.0, abs=1e-4)


def test_what_is_even_stays_even_up_to_the_rim() -> None:
    gray = torch.full((1, 3, 16, 24), 0.3)
    torch.testing.assert_close(blur_pyramid(gray, 8), gray[:, None].expand(-1, len(SIGMAS), -1, -1, -1))


def test_light_is_spread_in_linear_light() -> None:
    """A fine board of black and white turns to the display value of half the light: 0.735, not 0.5."""
    board = (torch.arange(64)[:, None] + torch.arange(64)) % 2 * 2.0 - 1.0
    blurred = blur_pyramid(board.expand(1, 3, -1, -1).contiguous(), 16)[0, -1, 0, 32, 32]
    assert float(blurred + 1) / 2 == pytest.approx(0.7354, abs=0.002)


def test_copies_go_from_sharp_to_soft() -> None:
    picture = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    spreads = blur_pyramid(picture, 8)[0].flatten(1).std(dim=1)
    assert (spreads.diff() < 0).all()
    assert float(spreads[0]) < float(picture.std())
