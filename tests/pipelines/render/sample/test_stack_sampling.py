from __future__ import annotations

import math
from collections import Counter

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pipelines.errors import Rejection
from pipelines.render.config import StackConfig
from pipelines.render.sample.stack_sampling import equal_strata, sample_stack
from tests.pipelines.tiny_photos import hill

Codes = npt.NDArray[np.uint16]
STACK = StackConfig(planes=4, levels=3)


def codes_at_points(codes: Codes, scene_id: str = "scene", stack: StackConfig = STACK) -> list[int]:
    return [int(codes[p.row, p.column]) for p in sample_stack(0, scene_id, codes, stack).points]


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
    found = codes_at_points(codes, scene, StackConfig(planes=planes, levels=1))
    # A stratum ends at a whole depth level: the fullest level is how far its ends may be off.
    low, high = np.quantile(codes, [0.05, 0.95])
    slack = np.histogram(codes, bins=32, range=(low, high))[0].max() / codes.size
    for plane, code in enumerate(found):
        low, high = quantile_interval(codes, code)
        assert high >= 0.05 + 0.9 * plane / planes - slack
        assert low <= 0.05 + 0.9 * (plane + 1) / planes + slack


@settings(deadline=None, max_examples=30)
@given(scene=st.text("0123456789abcdef", min_size=1, max_size=16), levels=st.integers(1, 8))
def test_each_stratum_of_log_blur_gets_one_level(scene: str, levels: int) -> None:
    stack = StackConfig(planes=2, levels=levels, blur_level_min=0.5, blur_level_max=8.0)
    drawn = sample_stack(0, scene, hill(30, 40), stack).blur_levels
    places = [math.log(level / 0.5) / math.log(8.0 / 0.5) * levels for level in drawn]
    assert [math.floor(place + 1e-9) for place in places] == list(range(levels))


def test_the_draw_is_a_pure_function_of_seed_scene_and_disparity() -> None:
    codes = hill(48, 64)
    first = sample_stack(7, "scene", codes, STACK)
    assert sample_stack(7, "scene", codes.copy(), STACK) == first
    for other in (sample_stack(8, "scene", codes, STACK), sample_stack(7, "other", codes, STACK)):
        assert not set(other.points) & set(first.points)
        assert not set(other.blur_levels) & set(first.blur_levels)


def test_over_many_scenes_a_stratum_is_covered_evenly() -> None:
    """Jitter, not always the same place: each half of each blur stratum is hit by about half of the scenes."""
    halves: Counter[int] = Counter()
    for number in range(200):
        levels = sample_stack(0, f"scene{number}", hill(24, 32), STACK).blur_levels
        span = math.log(STACK.blur_level_max / STACK.blur_level_min)
        halves.update(int(2 * STACK.levels * math.log(level / STACK.blur_level_min) / span) for level in levels)
    # 200 fair coins: 100 +- 3.3 standard deviations of 7.1.
    assert all(76 < halves[half] < 124 for half in range(6)), halves


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
        found = codes_at_points(codes, f"scene{number}")
        low, high = np.quantile(codes, [0.05, 0.95])
        assert min(np.diff(found)) >= (high - low) / 32 - 1  # codes are whole numbers


def test_focus_points_keep_off_depth_edges() -> None:
    """Steps between flat terraces: every point's window must lie on one terrace."""
    terraces = np.repeat(np.arange(8, dtype=np.uint16) * 8000, 12)[:, None]
    codes = np.broadcast_to(terraces, (96, 120)).copy()
    reach = 1  # px: 1 % of the short side
    for number in range(50):
        for point in sample_stack(0, f"scene{number}", codes, STACK).points:
            window = codes[max(0, point.row - reach) : point.row + reach + 1]
            assert np.ptp(window[:, point.column]) <= 0.04 * np.ptp(codes)


def test_focus_points_keep_off_the_frame_by_three_percent_and_no_more() -> None:
    """Of 800 points on 100 x 120 pixels some lie on the innermost forbidden line's neighbor, none beyond it."""
    codes = slanted(100, 120)
    points = [point for number in range(200) for point in sample_stack(0, f"scene{number}", codes, STACK).points]
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
def test_fewer_depths_than_planes_are_rejected(depths: int) -> None:
    codes = (np.arange(40 * 50).reshape(40, 50) % depths * 20000).astype(np.uint16)
    with pytest.raises(Rejection, match=f"{depths} distinct depths, 4 planes") as caught:
        sample_stack(0, "scene", codes, STACK)
    assert (caught.value.stage, caught.value.code) == ("draw", "flat_disparity")


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
