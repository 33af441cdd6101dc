from __future__ import annotations

import pytest
import torch
from torch import Tensor

from simulator.layers.edges import sharpened
from simulator.layers.map_filters import blurred
from simulator.layers.thin_parts import restore_thin_parts

SOFTNESS_PX = 2.0
FAR, NEAR = 0.2, 0.9


def columns(height: int = 48, width: int = 72) -> Tensor:
    return torch.arange(width, dtype=torch.float32).expand(height, width)


def strip(width_px: int) -> Tensor:
    """A near strip before a far wall, [48, 72]; at the left something thick that is as near."""
    near = (columns() >= 36) & (columns() < 36 + width_px) | (columns() < 12)
    return torch.where(near, NEAR, FAR)


def inside(result: Tensor, width_px: int) -> Tensor:
    return result[:, 36 : 36 + width_px]


@pytest.mark.parametrize("width_px", [2, 3])
@pytest.mark.parametrize("shift_px", [-1, 0, 1])
def test_a_wire_gets_its_height_back(width_px: int, shift_px: int) -> None:
    exact = strip(width_px)
    soft = blurred(exact, SOFTNESS_PX).roll(shift_px, 1)
    low = exact.clone()
    inside(low, width_px)[:] = 0.5  # in its place, but not as high as it was
    wire = inside(restore_thin_parts(low, soft, SOFTNESS_PX), width_px)
    # Six turns at 0.4 each leave 5 %; a shift of half of σ hides a tenth of what is left of a blurred wire.
    assert (wire.mean() - NEAR).abs() < 0.15 * (NEAR - FAR)


def test_gaps_and_seams_are_left_alone() -> None:
    gap = FAR + NEAR - strip(3)
    inside(gap, 3)[:] = 0.6  # too near
    assert torch.equal(restore_thin_parts(gap, blurred(FAR + NEAR - strip(3), SOFTNESS_PX), SOFTNESS_PX), gap)
    seam = strip(24)
    inside(seam, 2)[:] = 0.5  # between the two sides
    assert torch.equal(restore_thin_parts(seam, blurred(strip(24), SOFTNESS_PX), SOFTNESS_PX), seam)


def test_what_has_a_plateau_is_left_alone() -> None:
    exact = strip(24)
    result = restore_thin_parts(exact, blurred(exact, SOFTNESS_PX).roll(1, 1), SOFTNESS_PX)
    assert torch.equal(result, exact)


def test_values_stay_within_the_soft_maps_range() -> None:
    exact = strip(3)
    exact[:, :12] = FAR  # without the thick part nothing in the soft map is as near as the wire was
    soft = blurred(exact, SOFTNESS_PX)
    low = exact.clamp(max=0.5)
    result = restore_thin_parts(low, soft, SOFTNESS_PX)
    assert not torch.equal(result, low)
    assert result.max() <= soft.max()


def test_sharpening_uses_it() -> None:
    """A pole of 3 px keeps 0.55 of its height in a map as soft as 2 px; outlined 5 px wide, it can have 0.6 to 0.7."""
    exact = strip(3)
    color = torch.tensor([0.5, 0.2, 0.1])[:, None, None]
    image = torch.where(exact == NEAR, color, torch.tensor(0.3))
    result = sharpened(blurred(exact, SOFTNESS_PX), image)
    assert float(inside(result, 3).mean()) > FAR + 0.65 * (NEAR - FAR)
