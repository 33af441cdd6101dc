"""The pixels whose disparities become the planes in focus of a stack: a pure function of (seed, scene, depth).

1. Fit pixels: disparity known, off depth edges and the frame, and something there to be in focus (`_populated`).
2. Strata: the depths between two *image quantiles* are cut into P runs with as equal numbers of fit pixels as whole
   depth levels allow, and one pixel is drawn in each. (Uniform in disparity, most planes of a portrait lie in the empty
   air between person and background.)
3. The subject: one of the planes moves to the thing that stands out, if something does (subject.py). Points that the
   user gives come before that.
4. Distance: planes that are too close to be told apart move away from each other, as little as possible.

Letters: P planes; c code, the disparity as it is stored.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from pipelines.render.seeds import uniform

Codes = npt.NDArray[np.uint16]  # [H, W] disparity as it is stored
Mask = npt.NDArray[np.bool_]  # [H, W]

FOCUS_QUANTILES = (0.05, 0.95)
DEPTH_LEVELS = 32
LEAST_IN_BAND = 0.01
"""A plane shows something when so many of the pixels lie within 1/32 of the depth range of it."""
EDGE_RANGE = 0.04
"""A window whose disparity spans more than this share of the photo's range lies on a depth edge."""
EDGE_WINDOW = 0.01
"""Half the side of that window, as a share of the photo's short side."""
BORDER = 0.03
"""No focus points this close to the frame, as a share of the short side, unless a depth occurs nowhere else."""
_BINS = 256  # of the depth range: one fit pixel of each is a place that a plane can move to


@dataclass(frozen=True)
class FocusPoint:
    """The pixel whose disparity is the plane in focus."""

    row: int
    column: int


@dataclass(frozen=True)
class FocusField:
    """One photo as the draw of its planes sees it.

    codes, known: [H, W], disparity and where it was not filled in. subject: [H, W], what stands out, None for nothing.
    given: points that the user names; they come first, in their order.
    """

    codes: Codes
    known: Mask
    subject: Mask | None = None
    given: tuple[FocusPoint, ...] = ()


def focus_points(seed: int, scene_id: str, field: FocusField, planes: int, gap: float) -> tuple[FocusPoint, ...] | None:
    """P points, far to near, whose codes are at least `gap` apart; None where the photo does not have as many.

    Also None where so many planes leave no room for one at the subject. Of given points that are closer to each other,
    the first is kept.
    """
    codes, fitness = field.codes, _Fitness.of(field)
    strata = _strata(field, fitness, planes, gap)
    if strata is None:
        return None
    targets = [_drawn(strata == plane, seed, scene_id, "focus", plane) for plane in range(planes)]
    places = [*targets, *_one_of_each_depth(codes, strata >= 0, seed, scene_id)]
    given = _apart(codes.ravel(), [codes.shape[1] * p.row + p.column for p in field.given], gap)[:planes]
    subject = [] if field.subject is None else _subject_pixel(codes, fitness.best(field.subject), seed, scene_id)
    for pinned in ([*given, *subject], given):
        chosen = _spread_out(codes.ravel(), targets, places, pinned[:planes], gap)
        if chosen is not None and _is_shown(codes.ravel(), chosen, subject, gap):
            return tuple(FocusPoint(*divmod(pixel, codes.shape[1])) for pixel in chosen)
    return None


@dataclass(frozen=True)
class _Fitness:
    """Pixels that can be focus points [H, W], how much depth each one's window spans, and how much is calm."""

    candidates: Mask
    variation: npt.NDArray[np.int64]
    calm: float

    @classmethod
    def of(cls, field: FocusField) -> _Fitness:
        candidates = field.known & _populated(field.codes, field.known)
        calm = EDGE_RANGE * int(np.ptp(field.codes[field.known]))
        return cls(candidates, _variation(field.codes, field.known), calm)

    def best(self, mask: Mask) -> Mask:
        """The calm candidates of a mask. Foliage may have none: then the calmest there are."""
        inside = mask & self.candidates
        least = float(self.variation[inside].min(initial=np.iinfo(np.uint16).max))
        return np.asarray(inside & (self.variation <= max(self.calm, least)))


def _is_shown(codes: npt.NDArray[np.uint16], chosen: list[int], subject: list[int], gap: float) -> bool:
    """Whether a plane is so close to the subject that none could be between them."""
    return all(min(abs(int(codes[pixel]) - int(codes[s])) for pixel in chosen) <= gap / 2 for s in subject)


def _apart(codes: npt.NDArray[np.uint16], pixels: list[int], gap: float) -> list[int]:
    kept: list[int] = []
    for pixel in pixels:
        if all(abs(int(codes[pixel]) - int(codes[other])) >= gap for other in kept):
            kept.append(pixel)
    return kept


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


def _strata(field: FocusField, fitness: _Fitness, planes: int, gap: float) -> npt.NDArray[np.int64] | None:
    """The stratum of each fit pixel [H, W], −1 elsewhere; None where fewer depths are `gap` apart than planes."""
    level = _depth_levels(field.codes, field.known, gap)
    pixels = np.bincount(level[fitness.candidates & (level >= 0)], minlength=1)
    occupied = np.flatnonzero(pixels)
    if len(occupied) < planes:
        return None
    strata = np.full(level.shape, -1)
    for plane, (first, last) in enumerate(equal_strata(pixels[occupied], planes)):
        strata[fitness.best((level >= occupied[first]) & (level <= occupied[last]))] = plane
    return strata


def _populated(codes: Codes, known: Mask) -> Mask:
    """Pixels [H, W] with enough others at nearly their depth: a plane there has something to show."""
    values = codes[known].astype(np.int64)
    reach = int(np.ptp(values)) // DEPTH_LEVELS
    below = np.concatenate([[0], np.cumsum(np.bincount(values, minlength=1 << 16))])  # number of pixels with c < i
    code = np.arange(1 << 16)
    within = below[np.minimum(code + reach + 1, 1 << 16)] - below[np.maximum(code - reach, 0)]
    return np.asarray((within >= LEAST_IN_BAND * values.size)[codes])


def _depth_levels(codes: Codes, known: Mask, gap: float) -> npt.NDArray[np.int64]:
    """Each pixel's depth level [H, W] between FOCUS_QUANTILES, −1 outside; a level is about `gap` wide, or a 32nd."""
    ordered = np.sort(codes[known])
    farthest, nearest = (int(ordered[round(q * (ordered.size - 1))]) for q in FOCUS_QUANTILES)
    levels = min(DEPTH_LEVELS, 1 + int((nearest - farthest) / gap))
    level = (codes.astype(np.int64) - farthest) * levels // (nearest - farthest + 1)
    return np.where((codes >= farthest) & (codes <= nearest), level, -1)


def _variation(codes: Codes, known: Mask) -> npt.NDArray[np.int64]:
    """How unfit each pixel is as a focus point, [H, W]: the disparity that the window around it spans.

    Along the frame and beside unknown pixels it is the largest there is: nobody focuses there.
    """
    short_side = min(codes.shape)
    reach = max(1, round(EDGE_WINDOW * short_side))
    window = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    nearest, farthest = cv2.dilate(codes, window), cv2.erode(codes, window)
    spanned = nearest.astype(np.int64) - farthest.astype(np.int64)
    most = np.iinfo(np.uint16).max
    spanned[cv2.erode(known.astype(np.uint8), window) == 0] = most
    border = max(1, round(BORDER * short_side))
    return np.pad(spanned[border:-border, border:-border], border, constant_values=most)


def _drawn(mask: Mask, seed: int, scene_id: str, *name: object) -> int:
    """One pixel of a mask by its flat index."""
    pixels = np.flatnonzero(mask)
    return int(pixels[int(uniform(seed, scene_id, *name) * len(pixels))])


def _one_of_each_depth(codes: Codes, fit: Mask, seed: int, scene_id: str) -> list[int]:
    """One fit pixel of each 256th of the depth range that has one."""
    pixels = np.flatnonzero(fit)
    bins = codes.ravel()[pixels].astype(np.int64)
    bins = (bins - bins.min()) * _BINS // (int(np.ptp(bins)) + 1)
    order = np.argsort(bins, kind="stable")
    first, count = np.unique(bins[order], return_index=True, return_counts=True)[1:]
    shares = [uniform(seed, scene_id, "place", int(bins[order[start]])) for start in first]
    return [int(pixels[order[a + int(share * n)]]) for a, n, share in zip(first, count, shares, strict=True)]


def _subject_pixel(codes: Codes, subject: Mask, seed: int, scene_id: str) -> list[int]:
    """A pixel at the subject's middle depth; none where it has no fit pixel."""
    pixels = np.flatnonzero(subject)
    if not pixels.size:
        return []
    depth = codes.ravel()[pixels].astype(np.int64)
    off = np.abs(depth - np.median(depth))
    middle = pixels[off <= max(off.min(), np.ptp(depth) / 8)]
    return [int(middle[int(uniform(seed, scene_id, "subject") * len(middle))])]


def _spread_out(
    codes: npt.NDArray[np.uint16], targets: list[int], places: list[int], pinned: list[int], gap: float
) -> list[int] | None:
    """One pixel for each target, `gap` apart in code, moved as little as possible; those `pinned` among them.

    Dynamic programming over `places` in the order of their codes. Each pinned pixel takes the place of the target that
    makes the least movement. None where there is no such choice.
    """
    best: tuple[float, list[int]] | None = None
    for aims in _with_pinned(codes, targets, pinned):
        found = _least_movement(codes, aims, sorted({*places, *pinned}, key=lambda p: (codes[p], p)), set(pinned), gap)
        if found is not None and (best is None or found[0] < best[0]):
            best = found
    return None if best is None else best[1]


def _with_pinned(codes: npt.NDArray[np.uint16], targets: list[int], pinned: list[int]) -> list[list[int]]:
    """Every way in which the last pinned pixel can replace a target; the others replace the nearest ones."""
    aims, free = list(targets), set(range(len(targets)))
    for pixel in pinned[:-1]:
        nearest = min(free, key=lambda i: abs(int(codes[aims[i]]) - int(codes[pixel])))
        aims[nearest] = pixel
        free.discard(nearest)
    if not pinned:
        return [aims]
    ways = ([*aims[:i], pinned[-1], *aims[i + 1 :]] for i in sorted(free))
    return [sorted(way, key=lambda p: (codes[p], p)) for way in ways]


def _least_movement(
    codes: npt.NDArray[np.uint16], aims: list[int], places: list[int], pinned: set[int], gap: float
) -> tuple[float, list[int]] | None:
    """Total movement and the chosen places, ascending; aims that are pinned stay where they are."""
    code = codes[places].astype(np.float64)
    before = np.searchsorted(code, code - gap, side="right")  # number of places that are a gap farther
    cost, steps = np.zeros(len(places)), []
    for i, aim in enumerate(aims):
        moved = np.abs(code - float(codes[aim]))
        if aim in pinned:
            moved[[place != aim for place in places]] = np.inf
        if i:
            least = np.minimum.accumulate(cost)
            arg = _running_argmin(cost)
            steps.append(arg[np.maximum(before - 1, 0)])
            moved = moved + np.where(before > 0, least[np.maximum(before - 1, 0)], np.inf)
        cost = moved
    last = int(np.argmin(cost))
    if not np.isfinite(cost[last]):
        return None
    chosen = [last]
    for step in reversed(steps):
        chosen.append(int(step[chosen[-1]]))
    return float(cost[last]), [places[i] for i in reversed(chosen)]


def _running_argmin(cost: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Index of the smallest cost up to each place."""
    least = np.minimum.accumulate(cost)
    new = np.r_[True, least[1:] < least[:-1]]
    return np.maximum.accumulate(np.where(new, np.arange(len(cost)), 0))
