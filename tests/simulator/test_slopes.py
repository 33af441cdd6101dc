"""Light on slopes: a point of a slanted plane keeps its light, and a plane of one color keeps that."""

from __future__ import annotations

import pytest
import torch

from simulator import ThinLens, render_stack


@pytest.mark.parametrize(("slope", "most"), [(0.1, 0.005), (0.25, 0.02), (0.5, 0.04)])
@pytest.mark.parametrize("column", [50, 120, 190])
@pytest.mark.parametrize("defocus_px", [-16.0, 5.0, 16.0])
def test_a_point_on_a_slope_keeps_its_light(slope: float, most: float, column: int, defocus_px: float) -> None:
    """To first order in the slope, in pixels of radius a pixel; near the frame's edges as well.

    A point on black is the worst case: what the skew takes from beyond the rim is below black, and cut off.
    """
    height, width, scale = 81, 241, 60.0
    disparity = (0.5 + slope / scale * (torch.arange(width) - 120.0)).expand(height, width).contiguous()
    image = torch.zeros(3, height, width)
    image[:, 40, column] = 1.0
    lens = ThinLens(float(disparity[40, column]) - defocus_px / scale, scale)
    frame = render_stack(image, disparity, [lens])[0, 1].double()
    assert float(frame.sum()) == pytest.approx(1.0, abs=most)


@pytest.mark.parametrize("axis", [0, 1])
def test_a_slanted_plane_of_one_color_keeps_it(axis: int) -> None:
    disparity = torch.linspace(0.0, 1.0, 90).expand(90, 90).contiguous()
    disparity = disparity.T.contiguous() if axis == 0 else disparity
    frame = render_stack(torch.full((3, 90, 90), 0.4), disparity, [ThinLens(0.3, 40.0)])
    torch.testing.assert_close(frame, torch.full_like(frame, 0.4), atol=1e-4, rtol=0)
