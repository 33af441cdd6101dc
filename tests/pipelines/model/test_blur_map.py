"""The estimate of a picture's own blur: what is learned is the radius, and honest about its error."""

from __future__ import annotations

import math

import pytest
import torch

from pipelines.model.blur_map import blur_map_loss, blur_map_of


@pytest.mark.parametrize("noise", [0.05, 0.3])
def test_the_loss_is_least_at_the_radius_and_its_scatter(noise: float) -> None:
    """Of a constant output fitted to scattered radii: the median, and the mean distance from it as the spread."""
    draws = torch.Generator().manual_seed(3)
    u = math.asinh(4.0) + noise * torch.randn(1, 40, 40, generator=draws)
    output = torch.zeros(1, 2, 1, 1, requires_grad=True)
    optimizer = torch.optim.Adam([output], lr=0.05)
    for _ in range(400):
        optimizer.zero_grad()
        blur_map_loss(output.expand(1, 2, 40, 40), torch.sinh(u)).sum().backward()
        optimizer.step()
    found = blur_map_of(output.detach())
    assert float(found.radius_px) == pytest.approx(4.0, rel=0.03)
    assert float(found.spread_px) == pytest.approx(noise * math.sqrt(2 / math.pi) * math.sqrt(17), rel=0.15)


def test_no_output_gives_a_negative_or_an_endless_radius() -> None:
    found = blur_map_of(torch.tensor([[-50.0, -50.0], [900.0, 900.0]])[:, :, None, None])
    assert (found.radius_px >= 0).all()
    assert torch.isfinite(found.radius_px).all()
    assert (found.spread_px > 0).all()
