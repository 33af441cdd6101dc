"""How time grows: exponents of power laws fitted to the medians, time ∝ xᵖ, by least squares of the logarithms."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipelines.bench.renderers import BINNED, DIRECT, STACK, RendererRow
from pipelines.bench.timing import Timing


@dataclass(frozen=True)
class Growth:
    """Of one method, in one quantity (pixels, radius, frames), with the others held at `at`."""

    method: str
    quantity: str
    at: str
    exponent: float
    ratio: float
    """Time at the largest over time at the smallest."""
    first: float
    last: float


def growths(rows: Sequence[RendererRow]) -> list[Growth]:
    """In radius at each size, and in pixels at each radius; where there are two values at least."""
    found: list[Growth] = []
    for method in (STACK, BINNED, DIRECT):
        ours = {(row.side_px, row.max_radius_px): row.ms.median_ms for row in rows if row.method == method}
        for side in sorted({side for side, _ in ours}):
            by_radius = {float(r): ms for (s, r), ms in ours.items() if s == side}
            found += _fitted(method, "radius", f"{side}²", by_radius)
        for radius in sorted({radius for _, radius in ours}):
            by_pixels = {float(s * s): ms for (s, r), ms in ours.items() if r == radius}
            found += _fitted(method, "pixels", f"r {radius}", by_pixels)
    return found


def growth_in_frames(timings: Mapping[int, Timing], at: str) -> list[Growth]:
    """Of a whole stack, set-up included: below 1 as long as the set-up is shared."""
    return _fitted(STACK, "frames", at, {float(count): timing.median_ms for count, timing in timings.items()})


def exponent(points: Mapping[float, float]) -> float:
    """p of y = a·xᵖ through points x -> y. Raises ValueError for fewer than two."""
    if len(points) < 2:
        raise ValueError(f"points must be two at least, got {len(points)}")
    xs = [math.log(x) for x in points]
    ys = [math.log(y) for y in points.values()]
    x0, y0 = sum(xs) / len(xs), sum(ys) / len(ys)
    covariance = sum((x - x0) * (y - y0) for x, y in zip(xs, ys, strict=True))
    return covariance / sum((x - x0) ** 2 for x in xs)


def _fitted(method: str, quantity: str, at: str, points: dict[float, float]) -> list[Growth]:
    if len(points) < 2:
        return []
    first, last = min(points), max(points)
    return [Growth(method, quantity, at, exponent(points), points[last] / points[first], first, last)]
