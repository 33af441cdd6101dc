"""Unknown is not far: which values of a map are filled, which are sky, and what a unit that looks wrong says."""

from __future__ import annotations

import math

import pytest
import torch

from pipelines.errors import Rejection
from pipelines.render.depth.validity import metric_disparity, relative_disparity, unit_warning

NAN, INF = math.nan, math.inf


def ramp(low: float, high: float) -> torch.Tensor:
    return torch.linspace(low, high, 2000).reshape(40, 50)


def test_metric_depth_that_is_no_distance_is_unknown_and_infinite_depth_is_sky() -> None:
    depth = torch.tensor([[2.0, 4.0, 0.0, -1.0], [NAN, INF, -INF, 0.0005]])
    expected = torch.tensor([[0.5, 0.25, NAN, NAN], [NAN, 0.0, NAN, NAN]])
    torch.testing.assert_close(metric_disparity(depth, is_depth=True), expected, equal_nan=True)


def test_metric_disparity_of_zero_is_sky_and_infinite_disparity_is_unknown() -> None:
    disparity = torch.tensor([[0.5, 0.25, 0.0, -1.0], [NAN, INF, -INF, 2000.0]])
    expected = torch.tensor([[0.5, 0.25, 0.0, NAN], [NAN, NAN, NAN, NAN]])
    torch.testing.assert_close(metric_disparity(disparity, is_depth=False), expected, equal_nan=True)


def test_relative_disparity_is_unknown_only_where_it_is_not_finite() -> None:
    disparity = torch.tensor([[-3.0, 0.0, NAN], [INF, -INF, 7.0]])
    expected = torch.tensor([[-3.0, 0.0, NAN], [NAN, NAN, 7.0]])
    torch.testing.assert_close(relative_disparity(disparity), expected, equal_nan=True)


def test_a_spike_is_unknown_and_a_thing_that_is_merely_near_is_not() -> None:
    disparity = ramp(0.1, 0.4)
    disparity[20, 20] = 5.0  # one pixel of 2000 is beyond the 99.9 % quantile
    disparity[30:33, 30:33] = 2.0  # nine are within
    found = metric_disparity(disparity, is_depth=False)
    assert torch.isnan(found).nonzero().tolist() == [[20, 20]]
    assert found[31, 31] == 2.0


@pytest.mark.parametrize("is_depth", [True, False])
def test_a_map_without_a_known_pixel_is_rejected_with_the_way_out(is_depth: bool) -> None:
    with pytest.raises(Rejection, match="is nowhere; check its unit") as caught:
        metric_disparity(torch.full((4, 5), -1.0), is_depth=is_depth)
    assert (caught.value.stage, caught.value.code) == ("depth", "no_depth")
    with pytest.raises(Rejection, match="disparity must be finite at some pixels"):
        relative_disparity(torch.full((4, 5), NAN))


def test_a_median_that_looks_like_another_unit_is_said_with_the_median() -> None:
    assert unit_warning(1 / ramp(1.0, 4.0)) == ""
    assert '2.5e+03 m; if the file holds millimeters, add a depth.json with "scale": 0.001' in unit_warning(
        1 / ramp(1000.0, 4000.0)
    )
    assert "farther than 0.0333 m; if the file holds pixels of a stereo pair" in unit_warning(ramp(7.0, 53.0))
    assert unit_warning(torch.tensor([[0.0, 0.0, 1.0]])) == ""  # mostly sky
