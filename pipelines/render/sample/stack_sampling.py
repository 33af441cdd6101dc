"""Planes in focus and blur levels of a photo's stack: a pure function of (dataset seed, scene id, disparity).

Letters: P planes, L blur levels, F = P·L frames, K blur scale.

Focus points are stratified over image quantiles of disparity, and one of them is the subject's (focus_points.py). Blur
levels are log-stratified: L strata of equal ratio, one draw in each.

The stack is the full grid of these P planes and L levels. A Latin hypercube asks that over the data set every stratum
of every axis is hit equally often; here every photo hits each of the P·L joint strata exactly once, so the condition
holds for any set of photos, and no photo needs to know which others are in the data set. It also makes each level a
stacking group: P frames that share the blur level and differ in the plane.

Two planes are a pixel of blur apart at the middle level, or they would be one. A photo without as many such planes as
asked for gets fewer planes and more levels: every sample has F frames, so P must divide F. The fewest planes (mostly
two) are drawn even where they are closer, as in small pictures with weak blur: then as far apart as there is depth.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from statistics import median

import numpy as np

from pipelines.errors import Rejection
from pipelines.render.config import StackConfig
from pipelines.render.sample.focus_points import FocusField, FocusPoint, focus_points
from pipelines.render.seeds import uniform

LEAST_APART_PX = 1.0
"""Blur radius of one plane when another is in focus."""
FEWEST_PLANES = 2  # of a stacking group


@dataclass(frozen=True)
class SampledStack:
    """P focus points, far to near, and L blur levels in percent of the long side, weak to strong."""

    points: tuple[FocusPoint, ...]
    blur_levels: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.points) < FEWEST_PLANES or not self.blur_levels:
            raise ValueError(f"a stack needs 2 points and 1 level, got {len(self.points)}, {len(self.blur_levels)}")


def sample_stack(
    seed: int,
    scene_id: str,
    field: FocusField,
    stack: StackConfig,
    levels_of: Callable[[int], tuple[float, ...]],
    codes_per_px: Callable[[float], float],
) -> SampledStack:
    """Sample planes and levels for one photo.

    Args:
        levels_of: the blur levels of a stack of so many, in percent of the long side, weak to strong.
        codes_per_px: difference of disparity codes that a pixel of blur radius is, at a blur level.

    Raises Rejection(stage "draw", code "flat_disparity") when there are fewer depths than planes.
    """
    grids = list(_grids(stack))
    for shown in (field, replace(field, subject=None)):
        for planes, levels in grids:
            blur_levels = levels_of(levels)
            gap = LEAST_APART_PX * codes_per_px(median(blur_levels))
            for apart in (gap, *(_closer(field, gap) if (planes, levels) == grids[-1] else ())):
                points = focus_points(seed, scene_id, shown, planes, apart)
                if points is not None:
                    return SampledStack(points, blur_levels)
    must = f"{grids[-1][0]} planes need as many depths with a hundredth of the photo each, it does not have them"
    raise Rejection("draw", "flat_disparity", f"{must}; leave the photo out, or lower --planes")


def _closer(field: FocusField, gap: float) -> list[float]:
    """Smaller gaps, in codes, from the whole depth range down to a 32nd of it in steps of a fifth."""
    depth_range = float(np.ptp(field.codes[field.known]))
    return [apart for step in range(16) if (apart := depth_range * 0.8**step) < gap]


def log_stratified(seed: int, scene_id: str, name: str, first: float, last: float, count: int) -> tuple[float, ...]:
    """One value in each of `count` strata of equal ratio, in order from `first` to `last`."""
    places = [(i + uniform(seed, scene_id, name, i)) / count for i in range(count)]  # in [0, 1)
    return tuple(first * (last / first) ** place for place in places)


def _grids(stack: StackConfig) -> Iterator[tuple[int, int]]:
    """Planes and levels with F frames, from the planes asked for down to two; with f-numbers given, as asked alone."""
    if stack.f_number:
        yield stack.planes, stack.levels
        return
    for planes in range(stack.planes, FEWEST_PLANES - 1, -1):
        if stack.frames % planes == 0:
            yield planes, stack.frames // planes
