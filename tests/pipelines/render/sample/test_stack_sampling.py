"""Blur levels, and how many planes a photo gets."""

from __future__ import annotations

import math
from collections import Counter
from statistics import median

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.errors import Rejection
from pipelines.render.config import StackConfig
from pipelines.render.sample.focus_points import Codes, FocusField
from pipelines.render.sample.stack_sampling import SampledStack, log_stratified, sample_stack
from tests.pipelines.tiny_photos import hill

STACK = StackConfig(planes=4, levels=3)


def sampled(codes: Codes, stack: StackConfig, px: float, scene_id: str = "scene") -> SampledStack:
    """px: radius, at a blur level of 1 %, of a point the whole depth range off the plane."""
    low, high = stack.blur_level_min, stack.blur_level_max
    field = FocusField(codes, np.ones(codes.shape, np.bool_))

    def levels_of(count: int) -> tuple[float, ...]:
        return log_stratified(0, scene_id, "blur", low, high, count)

    return sample_stack(0, scene_id, field, stack, levels_of, lambda level: 65535 / (px * level))


@settings(deadline=None, max_examples=30)
@given(scene=st.text("0123456789abcdef", min_size=1, max_size=16), levels=st.integers(1, 8))
def test_each_stratum_of_log_blur_gets_one_level(scene: str, levels: int) -> None:
    drawn = log_stratified(0, scene, "blur", 0.5, 8.0, levels)
    places = [math.log(level / 0.5) / math.log(8.0 / 0.5) * levels for level in drawn]
    assert [math.floor(place + 1e-9) for place in places] == list(range(levels))


def test_over_many_scenes_a_stratum_is_covered_evenly() -> None:
    """Jitter, not always the same place: each half of each blur stratum is hit by about half of the scenes."""
    halves: Counter[int] = Counter()
    for number in range(200):
        levels = log_stratified(0, f"scene{number}", "blur", STACK.blur_level_min, STACK.blur_level_max, STACK.levels)
        span = math.log(STACK.blur_level_max / STACK.blur_level_min)
        halves.update(int(2 * STACK.levels * math.log(level / STACK.blur_level_min) / span) for level in levels)
    # 200 fair coins: 100 +- 3.3 standard deviations of 7.1.
    assert all(76 < halves[half] < 124 for half in range(6)), halves


def test_planes_that_blur_cannot_tell_apart_become_levels() -> None:
    """4 x 3, 3 x 4 and 2 x 6 frames are as many; neighbors are a pixel apart at the middle level in each."""
    codes = hill(60, 80)
    found = set()
    for px in (30.0, 3.0, 2.0, 1.4):
        for number in range(8):
            stack = sampled(codes, STACK, px, f"scene{number}")
            planes, levels = len(stack.points), len(stack.blur_levels)
            assert planes * levels == 12
            found.add(planes)
            depths = [int(codes[p.row, p.column]) for p in stack.points]
            assert min(np.diff(depths)) / 65535 * px * median(stack.blur_levels) >= 1.0
    assert found == {2, 3, 4}


def test_two_planes_that_are_always_closer_are_as_far_apart_as_there_is_depth() -> None:
    """A picture of 50 px: 0.5 px of blur at the middle level lie between the nearest and the farthest things."""
    codes = hill(60, 80)
    stack = sampled(codes, STACK, 0.4)
    depths = [int(codes[p.row, p.column]) for p in stack.points]
    low, high = np.quantile(codes, [0.05, 0.95])
    assert len(depths) == 2
    assert np.diff(depths)[0] >= 0.8 * 0.85 * (high - low)  # steps of 0.8, and the frame's rim is not drawn from


@pytest.mark.parametrize(("planes", "levels", "fewest"), [(4, 3, 2), (3, 3, 3)])
def test_a_photo_of_one_depth_is_rejected_with_the_way_out(planes: int, levels: int, fewest: int) -> None:
    codes = np.full((60, 80), 30000, np.uint16)
    codes[30, 40] = 65535
    with pytest.raises(Rejection, match=f"{fewest} planes need as many depths .* or lower --planes") as caught:
        sampled(codes, StackConfig(planes=planes, levels=levels), 30.0)
    assert (caught.value.stage, caught.value.code) == ("draw", "flat_disparity")
