"""Frames of known blur give their blur scale back; the slope shows how far a method follows the request."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.measure.blur_ruler import BlurRuler, ControlPoint, control_slope, ruler_scales
from simulator import ThinLens
from tests.pipelines.measure.pictures import rendered, slope, texture

PHOTO, DISPARITY = texture(), slope()
FOCUS = float(DISPARITY[0, 30])


@pytest.fixture(scope="module")
def ruler() -> BlurRuler:
    return BlurRuler.from_photo(PHOTO, DISPARITY, FOCUS, largest_scale_px=14.0)


@pytest.mark.parametrize("scale_px", [1.7, 3.3, 5.9, 9.1, 12.6])
def test_a_rendered_frame_gives_back_its_blur_scale(ruler: BlurRuler, scale_px: float) -> None:
    frame = rendered(PHOTO, DISPARITY, [ThinLens(FOCUS, scale_px)])[0]
    # 8 bits and the straight line between two frames of the ruler; 0.3 % measured
    assert ruler.fit(frame) == pytest.approx(scale_px, rel=0.008)


def test_the_photo_itself_has_no_blur(ruler: BlurRuler) -> None:
    assert ruler.fit(PHOTO) < 0.1


def test_blur_beyond_the_ruler_is_that_of_its_end(ruler: BlurRuler) -> None:
    assert ruler.fit(rendered(PHOTO, DISPARITY, [ThinLens(FOCUS, 25.0)])[0]) == pytest.approx(14.0)


def test_a_spoilt_corner_does_not_sway_the_fit(ruler: BlurRuler) -> None:
    frame = rendered(PHOTO, DISPARITY, [ThinLens(FOCUS, 6.0)])[0].copy()
    frame[:30, :40] = 255  # an eighth of the picture
    assert ruler.fit(frame) == pytest.approx(6.0, rel=0.02)


def test_a_frame_of_another_size_is_refused(ruler: BlurRuler) -> None:
    with pytest.raises(ValueError, match="frame must be 120 x 80 px like the ruler, got 60 x 40"):
        ruler.fit(PHOTO[::2, ::2])


def test_ruler_scales_rise_evenly_and_end_where_asked() -> None:
    scales = ruler_scales(1.0, 10.0)
    assert scales[0] == pytest.approx(1.0)
    assert scales[-1] == pytest.approx(10.0)
    assert (scales[1:] / scales[:-1]).max() <= 1.12 + 1e-9
    with pytest.raises(ValueError, match="largest_scale_px must exceed 2"):
        ruler_scales(2.0, 1.5)


def points(factor: float, offset_px: float = 0.0) -> list[ControlPoint]:
    lenses = [ThinLens(FOCUS, scale) for scale in (2.0, 4.0, 8.0)]
    return [ControlPoint.from_fit(DISPARITY, lens, factor * lens.blur_scale_px + offset_px) for lens in lenses]


def test_the_slope_says_how_much_of_a_change_arrives() -> None:
    assert control_slope(points(1.0)) == pytest.approx(1.0)
    assert control_slope(points(0.6, offset_px=2.0)) == pytest.approx(0.6)
    assert control_slope(points(0.0, offset_px=3.0)) == pytest.approx(0.0)


def test_the_error_is_that_of_the_radius() -> None:
    point = points(1.25)[2]
    reach = np.percentile(np.abs(DISPARITY - FOCUS), 95)
    assert point.requested_px == pytest.approx(8.0 * reach)
    assert point.error_px == pytest.approx(2.0 * reach)


def test_one_radius_has_no_slope() -> None:
    with pytest.raises(ValueError, match="points must hold at least two different requested radii"):
        control_slope(points(1.0)[:1])
