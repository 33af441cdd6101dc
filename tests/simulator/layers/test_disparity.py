from __future__ import annotations

import pytest
import torch

from simulator.layers.disparity import normalized


def test_scale_and_offset_do_not_matter() -> None:
    raw = torch.rand(40, 50, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    assert torch.allclose(normalized(raw), normalized(7.0 + 300.0 * raw), atol=1e-12)
    assert normalized(raw).min() == 0.0
    assert normalized(raw).max() == 1.0


def test_one_wild_pixel_does_not_set_the_scale() -> None:
    raw = torch.linspace(0, 1, 10_000).view(100, 100)
    wild = raw.clone()
    wild[3, 3] = 1e6
    assert (normalized(wild) - normalized(raw)).abs().median() < 1e-3


def test_constant_depth_is_refused() -> None:
    with pytest.raises(ValueError, match="inverse_depth must vary over the image, got 3"):
        normalized(torch.full((8, 8), 3.0))


def test_nan_is_refused() -> None:
    with pytest.raises(ValueError, match="inverse_depth must be finite"):
        normalized(torch.tensor([[0.0, float("nan")]]))
