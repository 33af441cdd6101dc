"""Control is measured, not looked at: frames of known blur must give it back, and disobedient ones must be seen."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.benchmark.control import (
    BlurRuler,
    ControlPoint,
    FittedBlur,
    control_slope,
    laplacian_variance,
    ruler_scales,
    sharpest_plane,
    sweep_control,
)
from simulator import ThinLens
from tests.pipelines.benchmark.pictures import rendered, slope, texture

PHOTO, DISPARITY = texture(), slope()
FOCUS = float(DISPARITY[0, 30])


@pytest.fixture(scope="module")
def ruler() -> BlurRuler:
    return BlurRuler.from_photo(PHOTO, DISPARITY, FOCUS, largest_scale_px=14.0)


@pytest.mark.parametrize("scale_px", [1.7, 3.3, 5.9, 9.1, 12.6])
def test_a_rendered_frame_gives_back_its_blur_scale(ruler: BlurRuler, scale_px: float) -> None:
    frame = rendered(PHOTO, DISPARITY, [ThinLens(FOCUS, scale_px)])[0]
    fitted = ruler.fit(frame)
    # 8 bits and the straight line between two frames of the ruler; 0.3 % measured
    assert fitted.blur_scale_px == pytest.approx(scale_px, rel=0.008)
    assert not fitted.at_limit


def test_the_photo_itself_has_no_blur(ruler: BlurRuler) -> None:
    assert ruler.fit(PHOTO).blur_scale_px < 0.1


def test_blur_beyond_the_ruler_is_said(ruler: BlurRuler) -> None:
    fitted = ruler.fit(rendered(PHOTO, DISPARITY, [ThinLens(FOCUS, 25.0)])[0])
    assert fitted.at_limit
    assert fitted.blur_scale_px == pytest.approx(14.0)


def test_a_spoilt_corner_does_not_sway_the_fit(ruler: BlurRuler) -> None:
    frame = rendered(PHOTO, DISPARITY, [ThinLens(FOCUS, 6.0)])[0].copy()
    frame[:30, :40] = 255  # an eighth of the picture
    assert ruler.fit(frame).blur_scale_px == pytest.approx(6.0, rel=0.02)


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
    return [
        ControlPoint.of(DISPARITY, lens, FittedBlur(factor * lens.blur_scale_px + offset_px, 0.0, False))
        for lens in lenses
    ]


def test_the_slope_says_how_much_of_a_change_arrives() -> None:
    assert control_slope(points(1.0)) == pytest.approx(1.0)
    assert control_slope(points(0.6, offset_px=2.0)) == pytest.approx(0.6)
    assert control_slope(points(0.0, offset_px=3.0)) == pytest.approx(0.0)


def test_the_error_is_that_of_the_radius() -> None:
    point = points(1.25)[2]
    reach = np.percentile(np.abs(DISPARITY - FOCUS), 95)
    assert point.asked_px == pytest.approx(8.0 * reach)
    assert point.error_px == pytest.approx(2.0 * reach)


def test_one_radius_has_no_slope() -> None:
    with pytest.raises(ValueError, match="points must hold at least two different asked radii"):
        control_slope(points(1.0)[:1])


@pytest.mark.parametrize("focus", [0.1, 0.35, 0.8])
@pytest.mark.parametrize("scale_px", [6.0, 15.0])
def test_the_sharpest_plane_is_found_within_a_pixel_of_blur(focus: float, scale_px: float) -> None:
    frame = rendered(PHOTO, DISPARITY, [ThinLens(focus, scale_px)])[0]
    found = sharpest_plane(frame, PHOTO, DISPARITY)
    assert found is not None
    assert abs(found - focus) * scale_px < 1.0


def test_rough_things_out_of_focus_are_not_taken_for_sharp_ones() -> None:
    """Contrast rises twentyfold away from the plane: only against the photo's own does the plane stand out."""
    contrast = (0.05 + 0.95 * DISPARITY**2)[..., None]
    photo = np.rint(128 + (PHOTO.astype(float) - 128) * contrast).clip(0, 255).astype(np.uint8)
    frame = rendered(photo, DISPARITY, [ThinLens(0.35, 8.0)])[0]
    found = sharpest_plane(frame, photo, DISPARITY)
    assert found is not None
    assert abs(found - 0.35) * 8.0 < 1.0


def test_a_frame_that_is_sharp_everywhere_has_no_plane() -> None:
    assert sharpest_plane(PHOTO, PHOTO, DISPARITY) is None


def test_a_photo_without_depth_has_no_plane() -> None:
    assert sharpest_plane(PHOTO, PHOTO, np.full_like(DISPARITY, 0.5)) is None


LEVELS = (0.5, 1.0, 2.0, 4.0, 6.0)


def sweep(levels: tuple[float, ...] = LEVELS) -> list[np.ndarray]:
    return rendered(PHOTO, DISPARITY, [ThinLens(FOCUS, level * 1.2) for level in levels])


def test_an_obedient_sweep_correlates_and_falls() -> None:
    control = sweep_control(sweep(), LEVELS, DISPARITY, FOCUS)
    assert control.lv_corr > 0.98  # 0.9885: the weakest level, 0.6 px, hardly blurs
    assert control.monotonicity == 1.0


def test_a_sweep_that_does_not_hear_scores_nothing() -> None:
    control = sweep_control([PHOTO] * 5, LEVELS, DISPARITY, FOCUS)
    assert (control.lv_corr, control.monotonicity) == (0.0, 0.0)


def test_a_sweep_turned_round_anticorrelates() -> None:
    control = sweep_control(sweep()[::-1], LEVELS, DISPARITY, FOCUS)
    assert control.lv_corr < -0.8
    assert control.monotonicity == 0.0


def test_one_step_back_costs_its_share_of_monotonicity() -> None:
    frames = sweep()
    frames[2], frames[3] = frames[3], frames[2]
    assert sweep_control(frames, LEVELS, DISPARITY, FOCUS).monotonicity == pytest.approx(0.75)


@pytest.mark.parametrize("levels", [(1.0, 2.0), (1.0, 3.0, 2.0)])
def test_a_sweep_needs_three_rising_levels(levels: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="a sweep needs 3 frames or more"):
        sweep_control([PHOTO] * len(levels), levels, DISPARITY, FOCUS)


def test_laplacian_variance_falls_with_blur_even_where_8_bits_are_coarse() -> None:
    everywhere = np.ones(DISPARITY.shape, np.bool_)
    values = [laplacian_variance(frame, everywhere) for frame in [PHOTO, *sweep((2.0, 6.0, 12.0, 24.0))]]
    assert (np.diff(values) < 0).all()
