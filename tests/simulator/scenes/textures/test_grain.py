"""Grain: detail at the width of a pixel whatever the distance, without seams."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from simulator.scenes.mipmap import textured
from simulator.scenes.textures.grain import Grain, grain_of

ROUGH = Grain(strength=0.3)


def line(footprint: float, count: int = 4000, across: float = 0.3) -> tuple[Tensor, Tensor]:
    """Samples side by side, and their width."""
    u = torch.arange(count, dtype=torch.float32) * footprint
    return torch.stack([u, torch.full_like(u, across)]), torch.full_like(u, footprint)


@pytest.mark.parametrize("footprint", [1e-5, 3e-4, 1e-3, 0.02, 0.3])
def test_a_pixel_differs_from_the_next_one_at_every_distance(footprint: float) -> None:
    pixels = ROUGH.modulation(*line(footprint)).reshape(-1, 2).mean(dim=1)
    assert float(pixels.std()) > 0.15
    neighbors = torch.corrcoef(torch.stack([pixels[:-1], pixels[1:]]))[0, 1]
    assert 0.0 < float(neighbors) < 0.8  # a magnified texture has 0.99, white noise 0


@pytest.mark.parametrize("footprint", [1e-4, 1.4e-4, 2e-4])
def test_contrast_is_the_strength_and_the_mean_stays(footprint: float) -> None:
    uv = torch.rand(2, 50_000, generator=torch.Generator().manual_seed(0)) * 9.0
    factors = ROUGH.modulation(uv, torch.full((50_000,), footprint))
    assert float(factors.std()) == pytest.approx(0.3, rel=0.15)  # bilinear interpolation takes some off
    assert float(factors.mean()) == pytest.approx(1.0, abs=0.02)
    assert float(factors.min()) > 0.0


def test_there_is_no_seam_where_the_enlargement_changes() -> None:
    uv, _ = line(1e-3)
    for power in range(-7, 0):
        below, above = (torch.full_like(uv[0], share * 2.0**power / (1.4 * 256)) for share in (0.999999, 1.000001))
        step = Grain(0.3, 0.2).modulation(uv, below) - Grain(0.3, 0.2).modulation(uv, above)
        assert float(step.abs().max()) < 0.01  # rounded positions; a seam would be 1


def test_dirt_darkens_slowly() -> None:
    dirty = Grain(dirt=0.2).modulation(*line(1e-3))
    assert float(dirty.std()) > 0.05
    assert float(dirty.diff().abs().max()) < 0.05


def test_a_recolored_mipmap_keeps_its_grain_and_seeds_differ() -> None:
    assert textured("brick", 16, 3, "#808080").grain == grain_of("brick", 3) != grain_of("brick", 4)
    assert grain_of("clouds", 3) == Grain()
