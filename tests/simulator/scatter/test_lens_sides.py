"""Two half-planes at one place, blurred: the share of the lens that both cover, against points of the lens counted."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from simulator.optics.aperture import Aperture
from simulator.reference.scatter import spread
from simulator.scatter.lens_sides import lens_lost

SIZE, NEAR_PX = 61, 9.0


def half_plane(degrees: float) -> Tensor:
    """1 on one side of a line through the middle: [1, 61, 61]."""
    y, x = torch.meshgrid(*[torch.arange(SIZE) - SIZE // 2] * 2, indexing="ij")
    angle = math.radians(degrees)
    return (0.5 + x * math.cos(angle) + y * math.sin(angle)).clamp(0.0, 1.0)[None]


def taken_in_the_middle(degrees: float, defocus_px: float) -> float:
    """Share of the lens that a half-plane at `defocus_px` takes behind one at 9 px, in the middle of both."""
    near = spread(half_plane(0.0), Aperture().mask(NEAR_PX)).float()[None]
    far = spread(half_plane(degrees), Aperture().mask(defocus_px)).float()[None]
    index, lost = lens_lost(far, 1.0 - near, NEAR_PX * near, [[defocus_px]])
    taken = torch.minimum(far, 1.0 - near)
    taken.view(-1)[index] -= lost
    return float(taken[0, 0, SIZE // 2, SIZE // 2])


@pytest.mark.parametrize("degrees", [0.0, 45.0, 90.0, 135.0, 180.0])
@pytest.mark.parametrize("defocus_px", [6.0, -6.0])
def test_the_share_that_two_half_planes_leave(degrees: float, defocus_px: float) -> None:
    """The lens's halves that see the two are as far apart as the half-planes, turned around behind the focus.

    Of the free half of the lens, the far one is seen through the part of its own half: θ/2π of the lens, for an angle
    θ between the halves. The rule is trusted for 0.8 of what it takes away.
    """
    between = degrees if defocus_px > 0 else 180.0 - degrees
    truth = between / 360.0
    assert taken_in_the_middle(degrees, defocus_px) == pytest.approx(0.5 - 0.8 * (0.5 - truth), abs=0.045)


def test_without_silhouettes_shares_add_up() -> None:
    """Two groups that share each pixel of one surface have no side: the second takes all that the first has left."""
    even = torch.full((1, 1, 20, 20), 0.4)
    _, lost = lens_lost(1.0 - even, 1.0 - even, 9.0 * even, [[6.0]])
    assert float(lost.abs().max()) == 0.0


def test_a_group_in_focus_has_no_side() -> None:
    near = spread(half_plane(0.0), Aperture().mask(NEAR_PX)).float()[None]
    _, lost = lens_lost(near, 1.0 - near, NEAR_PX * near, [[0.0]])
    assert lost.numel() > 0
    assert float(lost.abs().max()) == 0.0
