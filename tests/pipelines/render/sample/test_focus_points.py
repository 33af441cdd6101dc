"""Planes of a photo: one in each stratum of depth, apart from each other, where something is, and on the subject."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pipelines.render.sample.focus_points import FocusField, FocusPoint, equal_strata, focus_points
from tests.pipelines.tiny_photos import hill

Codes = npt.NDArray[np.uint16]
GAP = 65535 / 32


def everywhere(codes: Codes) -> FocusField:
    return FocusField(codes, np.ones(codes.shape, np.bool_))


def points_of(codes: Codes, scene_id: str = "scene", planes: int = 4, gap: float = GAP) -> tuple[FocusPoint, ...]:
    found = focus_points(0, scene_id, everywhere(codes), planes, gap)
    assert found is not None
    return found


def codes_at_points(codes: Codes, scene_id: str = "scene", planes: int = 4, gap: float = GAP) -> list[int]:
    return [int(codes[p.row, p.column]) for p in points_of(codes, scene_id, planes, gap)]


def quantile_interval(codes: Codes, code: int) -> tuple[float, float]:
    """Shares of the image that are farther, and farther or equal."""
    return float((codes < code).mean()), float((codes <= code).mean())


def slanted(height: int = 60, width: int = 80) -> Codes:
    """Every pixel at a depth of its own, smoothly."""
    return np.linspace(0, 65535, height * width).astype(np.uint16).reshape(height, width)


@settings(deadline=None, max_examples=30)
@given(scene=st.text("0123456789abcdef", min_size=1, max_size=16), planes=st.integers(2, 6), power=st.floats(0.2, 5))
def test_each_stratum_of_image_quantiles_gets_one_plane(scene: str, planes: int, power: float) -> None:
    codes = np.rint(65535 * (slanted() / 65535.0) ** power).astype(np.uint16)
    found = codes_at_points(codes, scene, planes, 1.0)
    # A stratum ends at a whole depth level: the fullest level is how far its ends may be off.
    low, high = np.quantile(codes, [0.05, 0.95])
    slack = np.histogram(codes, bins=32, range=(low, high))[0].max() / codes.size
    for plane, code in enumerate(found):
        low, high = quantile_interval(codes, code)
        assert high >= 0.05 + 0.9 * plane / planes - slack
        assert low <= 0.05 + 0.9 * (plane + 1) / planes + slack


def test_the_draw_is_a_pure_function_of_seed_scene_and_disparity() -> None:
    field = everywhere(hill(48, 64))
    first = focus_points(7, "scene", field, 4, GAP)
    assert first is not None
    assert focus_points(7, "scene", everywhere(hill(48, 64)), 4, GAP) == first
    for other in (focus_points(8, "scene", field, 4, GAP), focus_points(7, "other", field, 4, GAP)):
        assert other is not None
        assert not set(other) & set(first)


def test_planes_are_distinct_also_under_half_an_image_of_sky() -> None:
    codes = hill(60, 80)
    codes[:35] = 0
    found = codes_at_points(codes)
    assert len(set(found)) == 4
    assert found == sorted(found)
    assert found.count(0) == 1


def test_planes_keep_apart_where_nearly_all_of_an_image_is_at_one_depth() -> None:
    """A backdrop that is not quite flat fills four fifths: it must not get three planes out of four."""
    codes = hill(60, 80)
    codes[:48] = np.linspace(0, 1000, 48).astype(np.uint16)[:, None]
    for number in range(20):
        assert min(np.diff(codes_at_points(codes, f"scene{number}", gap=4000.0))) >= 4000


def test_focus_points_keep_off_depth_edges() -> None:
    """Steps between flat terraces: every point's window must lie on one terrace."""
    terraces = np.repeat(np.arange(8, dtype=np.uint16) * 8000, 12)[:, None]
    codes = np.broadcast_to(terraces, (96, 120)).copy()
    reach = 1  # px: 1 % of the short side
    for number in range(50):
        for point in points_of(codes, f"scene{number}"):
            window = codes[max(0, point.row - reach) : point.row + reach + 1]
            assert np.ptp(window[:, point.column]) <= 0.04 * np.ptp(codes)


def test_focus_points_keep_off_the_frame_by_three_percent_and_no_more() -> None:
    """Of 800 points on 100 x 120 pixels some lie on the innermost forbidden line's neighbor, none beyond it."""
    codes = slanted(100, 120)
    points = [point for number in range(200) for point in points_of(codes, f"scene{number}")]
    assert min(min(p.row, 99 - p.row, p.column, 119 - p.column) for p in points) == 3


def test_focus_points_fill_the_quantiles_from_5_to_95_percent() -> None:
    """Rows of a slanted plane are its quantiles: 200 scenes come within 2 % of both ends and never pass them."""
    codes = slanted(100, 120)
    found = [code / 65535 for number in range(200) for code in codes_at_points(codes, f"scene{number}")]
    assert 0.05 <= min(found) < 0.07
    assert 0.93 < max(found) <= 0.95


def test_foliage_without_a_calm_pixel_still_gets_its_planes() -> None:
    codes = np.random.default_rng(0).integers(0, 65536, (40, 50)).astype(np.uint16)
    assert len(set(codes_at_points(codes))) == 4


@pytest.mark.parametrize("depths", [1, 2, 3])
def test_fewer_depths_than_planes_are_no_planes(depths: int) -> None:
    codes = (np.arange(40 * 50).reshape(40, 50) // 100 % depths * 20000).astype(np.uint16)
    assert focus_points(0, "scene", everywhere(codes), depths + 1, GAP) is None


@settings(deadline=None, max_examples=30)
@given(scene=st.text("0123456789abcdef", min_size=1, max_size=16), planes=st.integers(2, 5), power=st.floats(0.3, 3))
def test_planes_are_a_gap_apart_wherever_they_are_drawn(scene: str, planes: int, power: float) -> None:
    """A gap that leaves little room: 85 % of the range between the quantiles is taken."""
    codes = np.rint(65535 * (slanted(200, 40) / 65535.0) ** power).astype(np.uint16)
    low, high = np.quantile(codes, [0.05, 0.95])
    gap = 0.85 * float(high - low) / (planes - 1)
    assert min(np.diff(codes_at_points(codes, scene, planes, gap))) >= gap


def test_a_gap_that_the_depths_do_not_have_is_no_planes() -> None:
    low, high = np.quantile(slanted(), [0.05, 0.95])
    assert focus_points(0, "scene", everywhere(slanted()), 3, 0.51 * float(high - low)) is None


def test_no_plane_where_less_than_a_hundredth_of_the_photo_is() -> None:
    """Soft pixels of an outline lie in the air between person and wall: enough of them to be drawn, too few to show."""
    codes = np.zeros((100, 120), np.uint16)
    codes += np.linspace(0, 3000, 120).astype(np.uint16)
    codes[20:90, 40:80] = 60000 + np.linspace(0, 3000, 40).astype(np.uint16)
    codes[20:90, 38:40] = [20000, 40000]  # 0.6 % of the pixels each
    for number in range(50):
        for code in codes_at_points(codes, f"scene{number}", planes=3, gap=500.0):
            assert np.mean(np.abs(codes.astype(int) - code) <= 65535 // 32) >= 0.01


def test_focus_points_keep_out_of_pixels_of_unknown_depth_and_off_their_rim() -> None:
    codes, known = slanted(100, 120), np.ones((100, 120), np.bool_)
    known[30:80, 20:100] = False
    for number in range(100):
        points = focus_points(0, f"scene{number}", FocusField(codes, known), 4, GAP)
        assert points is not None
        for point in points:
            assert known[point.row - 1 : point.row + 2, point.column - 1 : point.column + 2].all()


def test_a_plane_is_on_the_subject_and_the_others_stay_apart() -> None:
    """A thing of a twentieth of the photo: of a hundred draws by quantile alone, few would meet it."""
    codes = slanted(100, 120) // 4
    subject = np.zeros(codes.shape, np.bool_)
    subject[40:60, 50:80] = True
    codes[subject] = 50000
    without = 0
    for number in range(50):
        points = focus_points(0, f"scene{number}", FocusField(codes, subject | True, subject), 4, 3000.0)
        assert points is not None
        depths = [int(codes[p.row, p.column]) for p in points]
        assert sum(bool(subject[p.row, p.column]) for p in points) == 1
        assert min(np.diff(depths)) >= 3000
        without += 50000 in codes_at_points(codes, f"scene{number}", gap=3000.0)
    assert without < 40


def test_planes_that_leave_no_room_for_the_subject_are_not_drawn() -> None:
    """Three terraces, a gap wider than a step: two planes are the outer terraces, or none is beside the subject."""
    codes = np.repeat(np.array([0, 23000, 46000], np.uint16), 30)[:, None].repeat(100, axis=1)
    known = np.ones(codes.shape, np.bool_)
    points = focus_points(0, "scene", FocusField(codes, known), 2, 32000.0)
    assert points is not None
    assert [int(codes[p.row, p.column]) for p in points] == [0, 46000]
    assert focus_points(0, "scene", FocusField(codes, known, codes == 23000), 2, 32000.0) is None
    assert focus_points(0, "scene", FocusField(codes, known, codes == 46000), 2, 32000.0) is not None


def test_given_points_are_planes_and_the_draw_adds_the_others() -> None:
    codes, known = slanted(100, 120), np.ones((100, 120), np.bool_)
    given_points = (FocusPoint(50, 10), FocusPoint(20, 60), FocusPoint(51, 10))  # the last is a twin of the first
    for number in range(20):
        points = focus_points(0, f"scene{number}", FocusField(codes, known, None, given_points), 4, 5000.0)
        assert points is not None
        assert set(given_points[:2]) < set(points)
        assert given_points[2] not in points
        assert min(np.diff([int(codes[p.row, p.column]) for p in points])) >= 5000


@given(st.lists(st.integers(1, 1000), min_size=2, max_size=40), st.integers(2, 16))
def test_strata_are_runs_of_whole_levels_that_leave_none_out(pixels: list[int], planes: int) -> None:
    assume(len(pixels) >= planes)
    runs = equal_strata(np.array(pixels), planes)
    assert [level for first, last in runs for level in range(first, last + 1)] == list(range(len(pixels)))
    assert len(runs) == planes


def test_strata_of_equal_levels_are_equal() -> None:
    assert equal_strata(np.ones(12, int), 4) == [(0, 2), (3, 5), (6, 8), (9, 11)]


def test_a_level_too_full_for_a_stratum_gets_its_own() -> None:
    assert equal_strata(np.array([500, 10, 10, 10]), 2) == [(0, 0), (1, 3)]
    assert equal_strata(np.array([10, 10, 500, 10]), 3)[1:] == [(2, 2), (3, 3)]
