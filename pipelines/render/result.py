"""The results of a run and of a dry run: records for --json, with a summary for people."""

from dataclasses import dataclass
from typing import Any

from pipelines.render.executors.stage_clock import shares
from pipelines.render.reject_reasons import left_out_lines
from pipelines.runs.disk import format_bytes
from pipelines.runs.verb_result import VerbResult

COARSE_LEVELS = 256
"""Depth maps with so many distinct values or fewer hold 8 bits."""


@dataclass(frozen=True)
class RenderResult(VerbResult):
    """The data set after a run. Counts are those of the whole data set, over all runs that made it.

    coarse_depth_maps: samples whose depth map has 8 bits or fewer; debanded_depth_maps: those of them whose steps were
    smoothed.
    """

    out: str
    photos: int
    samples: int
    frames: int
    shards: int
    rejected: int
    rejected_by_code: dict[str, int]
    max_reject_fraction: float
    coarse_depth_maps: int
    debanded_depth_maps: int
    failed_shards: dict[str, str]
    seconds_by_stage: dict[str, float]

    @property
    def exit_code(self) -> int:
        """1 when a shard failed, 3 when too many photos were rejected."""
        if self.failed_shards:
            return 1
        return 3 if self.rejected > self.max_reject_fraction * self.photos else 0

    def to_json(self) -> dict[str, Any]:
        """Plain data, with the exit code."""
        return {**super().to_json(), "exit_code": self.exit_code}

    def summary(self) -> str:
        """For people: counts, rejects by reason, busy time by stage."""
        lines = [f"{self.out}: {self.samples} samples, {self.frames} frames, shards: {self.shards}"]
        lines += left_out_lines(self.rejected_by_code, self.photos)
        if self.coarse_depth_maps:
            lines.append(self._about_coarse_maps())
        lines += [f"{name} failed: {reason}" for name, reason in self.failed_shards.items()]
        if self.seconds_by_stage:
            busy = sum(self.seconds_by_stage.values())
            lines.append(f"workers were busy for {busy:.1f} s: {shares(self.seconds_by_stage)}")
        return "\n".join(lines)

    def _about_coarse_maps(self) -> str:
        count = f"{self.coarse_depth_maps} of {self.samples} samples"
        smoothed = f"the steps of {self.debanded_depth_maps} were smoothed"
        return f"{count} have depth maps of {COARSE_LEVELS} levels or fewer; {smoothed}. 16-bit maps hold more depth"


@dataclass(frozen=True)
class Forecast(VerbResult):
    """The data set that a run would make, for --dry-run."""

    out: str
    photos: int
    samples_by_split: dict[str, int]
    frames: int
    shards: int
    estimated_bytes: int
    free_bytes: int | None
    rejected_by_code: dict[str, int]
    depth: list[str]
    device: str

    def summary(self) -> str:
        """For people: counts, size, depth and device, and the photos that are left out, with reasons."""
        lines = [
            f"{self.out}: {_counted(self.samples_by_split)} samples, {self.frames} frames, shards: {self.shards}",
            f"about {format_bytes(self.estimated_bytes)}"
            + (f", {format_bytes(self.free_bytes)} are free" if self.free_bytes is not None else ""),
            f"depth: {', '.join(self.depth) or 'exact'}; device: {self.device}",
        ]
        left_out = left_out_lines(self.rejected_by_code, self.photos)
        return "\n".join([*lines, *(left_out or [f"none of {self.photos} photos left out"])])


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())
