"""Planes in focus and blur levels of a photo's stack: a pure function of (dataset seed, scene id, disparity).

Letters: P planes, L blur levels, F = P·L frames.

Focus points are stratified over *image quantiles* of disparity in [0.05, 0.95]: P strata with about the same number of
pixels each, one pixel from each. (Uniform in disparity, most planes of a portrait lie in the empty air between person
and background.) Pixels near a depth edge are avoided: there the estimated disparity belongs to neither side.
Blur levels are log-stratified: L strata of equal ratio, one draw in each.

The stack is the full grid of these P planes and L levels. A Latin hypercube asks that over the data set every stratum
of every axis is hit equally often; here every photo hits each of the P·L joint strata exactly once, so the condition
holds for any set of photos, and no photo needs to know which others are in the data set. It also makes each level a
stacking group: P frames that share the blur level and differ in the plane.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from pipelines.errors import Rejection
from pipelines.render.config import StackConfig
from pipelines.render.seeds import uniform

Codes = npt.NDArray[np.uint16]  # [H, W] disparity as it is stored

FOCUS_QUANTILES = (0.05, 0.95)
DEPTH_LEVELS = 32
"""Disparities closer than 1/32 of the range between these quantiles are one plane: even with the strongest blur, 4 % of
768 px, they are not a pixel apart."""
EDGE_RANGE = 0.04
"""A window whose disparity spans more than this share of the photo's range lies on a depth edge."""
EDGE_WINDOW = 0.01
"""Half the side of that window, as a share of the photo's short side."""
BORDER = 0.03
"""No focus points this close to the frame, as a share of the short side, unless a depth occurs nowhere else."""


@dataclass(frozen=True)
class FocusPoint:
    """The pixel whose disparity is the plane in focus."""

    row: int
    column: int


@dataclass(frozen=True)
class SampledStack:
    """P focus points, far to near, and L blur levels in percent of the long side, weak to strong."""

    points: tuple[FocusPoint, ...]
    blur_levels: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.points) < 2 or not self.blur_levels:
            raise ValueError(f"a stack needs 2 points and 1 level, got {len(self.points)}, {len(self.blur_levels)}")


def sample_stack(seed: int, scene_id: str, codes: Codes, stack: StackConfig) -> SampledStack:
    """Sample planes and levels for one photo.

    codes: [H, W] the disparity as it is stored, 16 bits, bigger is nearer.
    Raises Rejection(stage "draw", code "flat_disparity") when there are fewer distinct depths than planes.
    """
    return SampledStack(
        points=_focus_points(seed, scene_id, codes, stack.planes),
        blur_levels=log_stratified(seed, scene_id, "blur", stack.blur_level_min, stack.blur_level_max, stack.levels),
    )


def log_stratified(seed: int, scene_id: str, name: str, first: float, last: float, count: int) -> tuple[float, ...]:
    """One value in each of `count` strata of equal ratio, in order from `first` to `last`."""
    places = [(i + uniform(seed, scene_id, name, i)) / count for i in range(count)]  # in [0, 1)
    return tuple(first * (last / first) ** place for place in places)


def _focus_points(seed: int, scene_id: str, codes: Codes, planes: int) -> tuple[FocusPoint, ...]:
    """One pixel in each stratum of depth, far to near, off depth edges and at least a depth level apart."""
    depth_level, level_width = _depth_levels(codes)  # [H, W], -1 outside the quantile band
    pixels = np.bincount(depth_level[depth_level >= 0], minlength=DEPTH_LEVELS)
    occupied = np.flatnonzero(pixels)
    if len(occupied) < planes:
        raise Rejection(
            "draw",
            "flat_disparity",
            f"disparity has {len(occupied)} distinct depths, {planes} planes need as many; "
            "leave the photo out or lower --planes",
        )
    variation = _variation(codes)
    calm = EDGE_RANGE * (int(codes.max()) - int(codes.min()))
    points: list[FocusPoint] = []
    for plane, (first, last) in enumerate(equal_strata(pixels[occupied], planes)):
        inside = (depth_level >= occupied[first]) & (depth_level <= occupied[last])
        if points:
            apart = inside & (codes >= codes[points[-1].row, points[-1].column] + level_width)
            inside = apart if apart.any() else inside
        # Foliage may have no calm pixel in a stratum: then the calmest there are.
        candidates = np.flatnonzero(inside & (variation <= max(calm, variation[inside].min())))
        chosen = candidates[int(uniform(seed, scene_id, "focus", plane) * len(candidates))]
        points.append(FocusPoint(*map(int, np.unravel_index(chosen, codes.shape))))
    return tuple(points)


def equal_strata(pixels: npt.NDArray[np.integer], planes: int) -> list[tuple[int, int]]:
    """Cut depth levels into `planes` runs with as equal numbers of pixels as whole levels allow.

    A level is never cut, so that two planes never fall on the same depth: a sky that fills half the image gets
    one plane, and the others share the rest. Returns the first and last level of each run.
    """
    runs = []
    start = 0
    for left in range(planes, 0, -1):  # runs still to be cut, this one included
        filled = np.cumsum(pixels[start:])
        goal = filled[-1] / left
        count = 1 + int(np.argmin(np.abs(filled - goal)))  # the end that comes closest to an equal share
        count = min(count, len(filled) - (left - 1))  # and leaves a level for each run to come
        runs.append((start, start + count - 1))
        start += count
    return runs


def _depth_levels(codes: Codes) -> tuple[npt.NDArray[np.int64], float]:
    """Each pixel's depth level between FOCUS_QUANTILES, 0 ... DEPTH_LEVELS − 1, −1 outside; and a level's width."""
    ordered = np.sort(codes, axis=None)
    farthest, nearest = (int(ordered[round(q * (ordered.size - 1))]) for q in FOCUS_QUANTILES)
    width = (nearest - farthest + 1) / DEPTH_LEVELS
    level = ((codes.astype(np.int64) - farthest) / width).astype(np.int64)
    return np.where((codes >= farthest) & (codes <= nearest), level, -1), width


def _variation(codes: Codes) -> npt.NDArray[np.int64]:
    """How unfit each pixel is as a focus point, [H, W]: the disparity that the window around it spans.

    Along the frame it is the largest there is: nobody focuses there.
    """
    short_side = min(codes.shape)
    reach = max(1, round(EDGE_WINDOW * short_side))
    window = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    nearest, farthest = cv2.dilate(codes, window), cv2.erode(codes, window)
    spanned = nearest.astype(np.int64) - farthest.astype(np.int64)
    border = max(1, round(BORDER * short_side))
    return np.pad(spanned[border:-border, border:-border], border, constant_values=np.iinfo(np.uint16).max)
