"""The results of a run and of a dry run: records for --json, with a summary for people."""

from dataclasses import dataclass
from shlex import quote
from typing import Any

from pipelines.render.executors.stage_clock import shares
from pipelines.render.reject_reasons import left_out_lines
from pipelines.runs.disk import counted, format_bytes
from pipelines.runs.verb_result import VerbResult

COARSE_LEVELS = 256
"""Depth maps with so many distinct values or fewer hold 8 bits."""


@dataclass(frozen=True)
class RenderResult(VerbResult):
    """The data set after a run. Counts are those of the whole data set, over all runs that made it.

    coarse_depth_maps: samples whose depth map has 8 bits or fewer; debanded_depth_maps: those of them whose steps were
    smoothed. filled_depth_maps: samples with pixels of unknown depth; fewer_planes: those with fewer planes than asked.
    bytes_on_disk: of the shards. run_photos and run_seconds: rendered by this run, and its time by the clock.
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
    filled_depth_maps: int
    fewer_planes: int
    failed_shards: dict[str, str]
    seconds_by_stage: dict[str, float]
    bytes_on_disk: int
    run_photos: int
    run_seconds: float

    @property
    def exit_code(self) -> int:
        """1 when a shard failed, 3 when too many photos were rejected or none is left."""
        if self.failed_shards:
            return 1
        return 3 if not self.samples or self.rejected > self.max_reject_fraction * self.photos else 0

    def to_json(self) -> dict[str, Any]:
        """Plain data, with the exit code."""
        return {**super().to_json(), "exit_code": self.exit_code}

    def summary(self) -> str:
        """For people: counts and size, speed, rejects by reason, what to know of the depth, the next command."""
        lines = [f"{self.out}: {_sizes(self.samples, self.frames, self.shards)}, {format_bytes(self.bytes_on_disk)}"]
        if self.run_photos:
            each = self.run_seconds / self.run_photos
            where = shares(self.seconds_by_stage)
            lines.append(f"{counted(self.run_photos, 'photo')} in {self.run_seconds:.0f} s, {each:.2g} s each: {where}")
        lines += left_out_lines(self.rejected_by_code, self.photos)
        if self.coarse_depth_maps:
            lines.append(self._about_coarse_maps())
        if self.filled_depth_maps:
            filled = f"{self.filled_depth_maps} of {counted(self.samples, 'sample')}"
            lines.append(f"pixels of unknown depth, filled in and marked in valid.png: in {filled}")
        if self.fewer_planes:
            fewer = f"{self.fewer_planes} of {counted(self.samples, 'sample')}"
            lines.append(f"fewer planes and more levels, as depths are too close for more planes: in {fewer}")
        lines += [f"{name} failed: {reason}" for name, reason in self.failed_shards.items()]
        return "\n".join([*lines, self._next])

    @property
    def _next(self) -> str:
        if self.failed_shards:
            return "the same command again tries the failed shards once more"
        if not self.samples:
            return f"no sample is left; {self.out}/rejects.jsonl names each photo and the reason"
        return f"next: refocus-foundry preview {quote(self.out)}  (a page to look at; `verify` checks every byte)"

    def _about_coarse_maps(self) -> str:
        count = f"{self.coarse_depth_maps} of {counted(self.samples, 'sample')}"
        smoothed = f"the steps of {self.debanded_depth_maps} were smoothed"
        return f"depth maps of {COARSE_LEVELS} levels or fewer: in {count}; {smoothed}. 16-bit maps hold more depth"


@dataclass(frozen=True)
class Forecast(VerbResult):
    """The data set that a run would make, for --dry-run.

    depth_not_checked: photos whose depth a model would estimate. They count as samples; a run may reject some of them.
    """

    out: str
    photos: int
    samples_by_split: dict[str, int]
    frames: int
    shards: int
    estimated_bytes: int
    free_bytes: int | None
    rejected_by_code: dict[str, int]
    depth_not_checked: int
    depth: list[str]
    device: str

    @property
    def exit_code(self) -> int:
        """3 when no sample would be left."""
        return 0 if self.frames else 3

    def to_json(self) -> dict[str, Any]:
        """Plain data, with the exit code."""
        return {**super().to_json(), "exit_code": self.exit_code}

    def summary(self) -> str:
        """For people: counts, size, depth and device, and the photos that are left out, with reasons."""
        lines = [
            f"{self.out}: {_by_split(self.samples_by_split)} samples, {_sizes(None, self.frames, self.shards)}",
            f"about {format_bytes(self.estimated_bytes)}"
            + (f", {format_bytes(self.free_bytes)} are free" if self.free_bytes is not None else ""),
            f"depth: {', '.join(self.depth) or 'exact'}; device: {self.device}",
        ]
        left_out = left_out_lines(self.rejected_by_code, self.photos)
        lines += left_out or [f"none of {counted(self.photos, 'photo')} left out"]
        if self.depth_not_checked:
            count = f"{self.depth_not_checked} of {counted(self.photos, 'photo')}"
            what = "a dry run estimates none, so a run may still leave out flat scenes and those of few depths"
            lines.append(f"depth of {count} not checked: {what}")
        return "\n".join([*lines, *([] if self.frames else ["no sample would be left"])])


def _by_split(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())


def _sizes(samples: int | None, frames: int, shards: int) -> str:
    counts = [(frames, "frame"), (shards, "shard")]
    counts = counts if samples is None else [(samples, "sample"), *counts]
    return ", ".join(counted(*pair) for pair in counts)
