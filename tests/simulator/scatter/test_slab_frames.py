"""A black half-plane before a wall that is dark where it is visible, and white where it is hidden: closed forms."""

from __future__ import annotations

import math

import pytest
import torch

from simulator import Scene, ThinLens
from simulator.layers.ldi import LayeredDepthImage

SIZE, EDGE, RADIUS = 96, 48, 12.0


def left_of(chord: float) -> float:
    """Share of a disc of radius 1 that lies left of a chord at this distance from its middle."""
    c = min(max(chord, -1.0), 1.0)
    return 0.5 + (c * math.sqrt(1.0 - c * c) + math.asin(c)) / math.pi


def scene() -> Scene:
    """Columns below EDGE: the half-plane (D = 1) before the white part of the wall (D = 0)."""
    columns = torch.arange(SIZE).expand(SIZE, SIZE)
    near = (columns < EDGE).float()
    color = torch.stack([torch.zeros(3, SIZE, SIZE), near.expand(3, -1, -1)])
    coverage = torch.stack([near, torch.ones(SIZE, SIZE)])
    disparity = torch.stack([torch.ones(SIZE, SIZE), torch.zeros(SIZE, SIZE)])
    return Scene.from_layers(LayeredDepthImage(color, coverage, disparity), 2 * RADIUS)


@pytest.mark.parametrize("offset", [-9, -4, 3, 8])
def test_behind_the_focus_a_silhouette_in_front_of_it_shows_what_a_pinhole_cannot_see(offset: int) -> None:
    """With s = ±r, the rays u > −x/r pass, and see what is hidden where u > x/r."""
    frame = scene().render([ThinLens(0.5, 2 * RADIUS)])[0]
    x = offset + 0.5
    expected = 1.0 - left_of(abs(x) / RADIUS)
    assert float(frame[0, SIZE // 2, EDGE + offset]) == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize("offset", [-9, -4, 3, 8])
def test_on_one_side_of_the_focus_it_shows_what_a_pinhole_sees(offset: int) -> None:
    """With s₁ = −r/2 and s₂ = −3r/2: of the rays u < x/s that pass, those see the hidden part that have u > 2x/3r."""
    frame = scene().render([ThinLens(1.5, RADIUS)])[0]
    x = offset + 0.5
    hidden = max(0.0, left_of(2 * x / RADIUS) - left_of(2 * x / (3 * RADIUS)))
    assert float(frame[0, SIZE // 2, EDGE + offset]) == pytest.approx(hidden, abs=0.02)


@pytest.mark.parametrize("offset", [3, 6])
def test_what_is_hidden_in_front_of_the_focus_stays_behind_what_hides_it(offset: int) -> None:
    """A white board at s₂ = 3r/5 that ends with the half-plane at s₁ = r: no ray beside the edge meets it alone."""
    columns = torch.arange(SIZE).expand(SIZE, SIZE)
    near = (columns < EDGE).float()
    color = torch.stack([torch.zeros(3, SIZE, SIZE), torch.ones(3, SIZE, SIZE), torch.zeros(3, SIZE, SIZE)])
    coverage = torch.stack([near, near, torch.ones(SIZE, SIZE)])
    disparity = torch.tensor([1.0, 0.8, 0.0])[:, None, None].expand(3, SIZE, SIZE)
    board = Scene.from_layers(LayeredDepthImage(color, coverage, disparity), 2 * RADIUS)
    frame = board.render([ThinLens(0.5, 2 * RADIUS)])[0]
    assert float(frame[0, SIZE // 2, EDGE + offset]) == pytest.approx(0.0, abs=0.02)
