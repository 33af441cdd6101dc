"""The covered part of a picture, and means over footprints."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from simulator.scatter.covering import Covering, footprint_mean, footprint_reach


def test_a_window_is_that_of_the_padded_picture() -> None:
    """Within the frame, beyond it, and beyond the picture, whose edge is repeated."""
    margin, reach = 2, 9
    content = torch.zeros(2, 16, 20)
    content[:, 5:, 3:9] = torch.rand(2, 11, 6, generator=torch.Generator().manual_seed(0)) + 0.1
    covering = Covering.from_content(content, margin)
    assert covering.box == (slice(3, 14), slice(1, 7))
    padded = F.pad(content[None], (reach,) * 4, mode="replicate")[0]
    window = covering.window((slice(-8, 20), slice(-7, 24)))
    assert torch.equal(
        window, padded[:, margin + reach - 8 : margin + reach + 20, margin + reach - 7 : margin + reach + 24]
    )


def test_nothing_covered_is_refused() -> None:
    with pytest.raises(ValueError, match="must be covered somewhere"):
        Covering.from_content(torch.zeros(4, 8, 8), 0)


@pytest.mark.parametrize("width_px", [0.4, 1.0, 1.7, 3.0, 4.9, 11.3])
def test_a_footprint_keeps_light_and_has_the_variance_of_its_square(width_px: float) -> None:
    """Of a square of n pixels: (n² − 1)/12 along an axis; a pixel is not widened."""
    point = torch.zeros(1, 41, 41)
    point[0, 20, 20] = 1.0
    reach = footprint_reach(width_px)
    mean = footprint_mean(F.pad(point[None], (reach,) * 4)[0], width_px)
    assert mean.shape == point.shape
    offset = torch.arange(41.0) - 20
    assert float(mean.sum()) == pytest.approx(1.0, abs=1e-5)
    expected = max(width_px**2 - 1.0, 0.0) / 12
    for axis in (1, 2):
        assert float((mean.sum(axis)[0] * offset.square()).sum()) == pytest.approx(expected, abs=1e-4)
