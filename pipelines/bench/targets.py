"""What was aimed at, beside what came: ratios of times taken in the same run, so that machines can be compared."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pipelines.bench.growth import Growth
from pipelines.bench.memory import MemoryPeak
from pipelines.bench.pipeline import ExecutorRate
from pipelines.bench.renderers import BINNED, DIRECT, STACK, RendererRow

LARGEST_GROWTH = 1.3
MEMORY_BYTES = 2 * 10**9
OF_SLOWEST_STAGE = 0.85


@dataclass(frozen=True)
class Target:
    """One aim; only those whose conditions were measured are listed."""

    what: str
    aim: str
    came: str
    met: bool


def renderer_targets(rows: Sequence[RendererRow], device: str) -> list[Target]:
    """Ratios at 512² on a CPU; milliseconds, and the ratio to direct scatter, on a GPU."""
    ms = {(row.method, row.side_px, row.max_radius_px): row.ms.median_ms for row in rows}
    found = []
    for side, radius in sorted({(row.side_px, row.max_radius_px) for row in rows if row.max_radius_px <= 32}):
        ours, binned, direct = (ms[method, side, radius] for method in (STACK, BINNED, DIRECT))
        where = f"{side}², r {radius}"
        if device == "cuda" and side in (512, 1024):
            found.append(_at_most(f"ms a frame, {where}", ours, 0.5 if side == 512 else 2.0))
            found.append(_at_least(f"direct scatter / ours, {where}", direct / ours, 5.0))
        if device == "cpu" and side == 512:
            found.append(_at_most(f"ours / binned scatter, {where}", ours / binned, 0.8 if radius <= 16 else 0.5))
            found.append(_at_least(f"direct scatter / ours, {where}", direct / ours, 20.0))
    return found


def growth_targets(growths: Iterable[Growth]) -> list[Target]:
    """Time from r 8 to r 64, at each size."""
    return [
        _at_most(f"time at r 64 / at r 8, {growth.at}", growth.ratio, LARGEST_GROWTH)
        for growth in growths
        if (growth.method, growth.quantity, growth.first, growth.last) == (STACK, "radius", 8, 64)
    ]


def memory_targets(peaks: Iterable[MemoryPeak], device: str) -> list[Target]:
    """At 1024² on a CPU."""
    return [
        _at_most(
            f"peak memory in GB, {peak.side_px}², r {peak.max_radius_px}", peak.peak_bytes / 1e9, MEMORY_BYTES / 1e9
        )
        for peak in peaks
        if device == "cpu" and peak.side_px == 1024
    ]


def pipeline_targets(executors: Iterable[ExecutorRate]) -> list[Target]:
    """Share of what the slowest stage alone allows."""
    return [
        _at_least(f"{rate.executor} x{rate.workers}, of its slowest stage", rate.of_slowest_stage, OF_SLOWEST_STAGE)
        for rate in executors
    ]


def _at_most(what: str, came: float, limit: float) -> Target:
    return Target(what, f"<= {limit:g}", f"{came:.3g}", came <= limit)


def _at_least(what: str, came: float, limit: float) -> Target:
    return Target(what, f">= {limit:g}", f"{came:.3g}", came >= limit)
