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
    for px in (30.0, 2.0, 1.3, 0.9):
        for number in range(8):
            stack = sampled(codes, STACK, px, f"scene{number}")
            planes, levels = len(stack.points), len(stack.blur_levels)
            assert planes * levels == 12
            found.add(planes)
            depths = [int(codes[p.row, p.column]) for p in stack.points]
            level = median(stack.blur_levels) if planes > 2 else stack.blur_levels[-1]
            assert min(np.diff(depths)) / 65535 * px * level >= 1.0
    assert found == {2, 3, 4}


def test_two_planes_are_apart_at_the_middle_level_where_they_can_be() -> None:
    stack = sampled(hill(60, 80), StackConfig(planes=2, levels=3), 3.0)
    depths = [int(hill(60, 80)[p.row, p.column]) for p in stack.points]
    assert np.diff(depths)[0] / 65535 * 3.0 * median(stack.blur_levels) >= 1.0


@pytest.mark.parametrize(("planes", "fewest", "level"), [(4, 2, "strongest"), (3, 3, "middle")])
def test_a_photo_without_two_planes_is_rejected_with_the_way_out(planes: int, fewest: int, level: str) -> None:
    """Nine frames have no other shape than 3 x 3."""
    message = f"{fewest} planes must be a pixel of blur apart at the {level} blur level.*raise --blur-level-max"
    with pytest.raises(Rejection, match=message) as caught:
        sampled(hill(60, 80), StackConfig(planes=planes, levels=3), 0.2)
    assert (caught.value.stage, caught.value.code) == ("draw", "flat_disparity")
