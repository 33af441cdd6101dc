"""What a measurement came to: one record for --json, and the same as tables for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.bench.growth import Growth
from pipelines.bench.machine import Machine
from pipelines.bench.memory import MemoryPeak
from pipelines.bench.pipeline import ExecutorRate, ReaderRate, StageRate
from pipelines.bench.renderers import BINNED, DIRECT, SETUP, STACK, RendererRow
from pipelines.bench.roofline import Rates, Roofline
from pipelines.bench.targets import Target
from pipelines.runs.disk import format_bytes


@dataclass(frozen=True)
class NotRun:
    """Something that was not measured, and why."""

    what: str
    why: str


@dataclass(frozen=True)
class BenchReport:
    """All numbers of one run; a list is empty where `not_run` says why."""

    machine: Machine
    direct_scatter: str
    """What the direct scatter was built with; empty when it was not run."""
    subject: str
    renderer: tuple[RendererRow, ...]
    growth: tuple[Growth, ...]
    rates: Rates | None
    rooflines: tuple[Roofline, ...]
    memory: tuple[MemoryPeak, ...]
    stages: tuple[StageRate, ...]
    executors: tuple[ExecutorRate, ...]
    reader: ReaderRate | None
    targets: tuple[Target, ...]
    not_run: tuple[NotRun, ...]

    def summary(self) -> str:
        """Tables, one below the other."""
        blocks = [self.machine.summary()]
        if self.renderer:
            blocks += [self._renderer_table(), self._growth_table()]
        if self.rates:
            blocks.append(_roofline_table(self.rooflines, self.rates))
        if self.memory:
            blocks.append(_memory_table(self.memory))
        if self.stages:
            blocks += [_stage_table(self.stages), _executor_table(self.executors)]
        if self.reader:
            blocks.append(_reader_lines(self.reader))
        if self.targets:
            rows = [
                [target.what, target.aim, target.came, "met" if target.met else "not met"] for target in self.targets
            ]
            blocks.append(table("Targets", ["", "aim", "came", ""], rows))
        if self.not_run:
            blocks.append("\n".join(["Not run", *(f"  {each.what}: {each.why}" for each in self.not_run)]))
        return "\n\n".join(blocks)

    def _renderer_table(self) -> str:
        rows = {(row.method, row.side_px, row.max_radius_px): row for row in self.renderer}
        lines = []
        for (method, side, radius), row in rows.items():
            ours, ms = rows[STACK, side, radius].ms.median_ms, row.ms
            ratio = f"{ms.median_ms / ours:.2f}" if method in (BINNED, DIRECT) else ""
            spread = f"{ms.lower_quartile_ms:.3g} to {ms.upper_quartile_ms:.3g}"
            counted = f"{ms.repeats} x {row.frames} {'scene' if method == SETUP else 'frames'}"
            times = [f"{ms.median_ms:.4g}", f"{ms.least_ms:.4g}", spread, f"{ms.first_ms:.4g}"]
            lines.append([f"{side}²", str(radius), method, *times, ratio, counted])
        head = ["size", "r max", "", "median", "least", "quartiles", "first", "x ours", "measured"]
        note = (
            f"{self.subject}\n{STACK}: set-up and all frames, over the frames; {SETUP}: a scene's, alone; "
            f"direct scatter: {self.direct_scatter}"
        )
        return table("Renderer: ms a frame", head, lines) + f"\n{note}"

    def _growth_table(self) -> str:
        rows = [
            [
                *(growth.method, growth.quantity, growth.at, f"{growth.exponent:.2f}"),
                f"{growth.ratio:.2f} from {growth.first:g} to {growth.last:g}",
            ]
            for growth in self.growth
        ]
        return table("Growth: time ~ quantity^p", ["", "quantity", "at", "p", "ratio"], rows)


def _roofline_table(rooflines: Sequence[Roofline], rates: Rates) -> str:
    rows = [
        [
            *(f"{r.side_px}²", str(r.max_radius_px), f"{r.bytes_a_frame / 1e6:.0f}"),
            *(f"{r.transform_flops_a_frame / 1e6:.0f}", f"{r.operations_a_frame:.0f}"),
            *(f"{r.bytes_ms:.1f}", f"{r.transforms_ms:.1f}", f"{r.took_ms:.1f}", f"{r.share:.0%}"),
        ]
        for r in rooflines
    ]
    head = ["size", "r max", "MB", "MFLOP of transforms", "operations", "bytes ms", "transforms ms", "took ms", "share"]
    note = (
        f"Measured here, at best: {rates.cached_bytes_per_s / 1e9:.0f} GB/s within the caches, "
        f"{rates.streamed_bytes_per_s / 1e9:.0f} GB/s beyond them (bytes ms: the higher), "
        f"transforms {rates.transform_flops_per_s / 1e9:.0f} GFLOP/s"
    )
    return table("Roofline: a frame of a stack, set-up shared", head, rows) + f"\n{note}"


def _memory_table(peaks: Sequence[MemoryPeak]) -> str:
    rows = [
        [f"{p.side_px}²", str(p.max_radius_px), str(p.frames), format_bytes(p.peak_bytes), format_bytes(p.added_bytes)]
        for p in peaks
    ]
    title = f"Peak memory of a stack, set-up included: {peaks[0].of}"
    return table(title, ["size", "r max", "frames", "peak", "added"], rows)


def _stage_table(stages: Sequence[StageRate]) -> str:
    rows = [
        [
            *(stage.stage, f"{stage.frames_per_s:.1f}"),
            *(f"{1e3 * stage.seconds_per_sample:.1f}", f"{1e3 * stage.cpu_s_per_sample:.1f}"),
            "" if stage.busy_share is None else f"{stage.busy_share:.0%}",
        ]
        for stage in stages
    ]
    head = ["stage", "frames/s", "ms a sample", "CPU ms a sample", "busy share in the run"]
    return table("Pipeline: each stage alone, with the threads that a worker gives it", head, rows)


def _executor_table(executors: Sequence[ExecutorRate]) -> str:
    rows = [
        [
            *(f"{rate.executor} x{rate.workers}", f"{rate.frames_per_s:.1f}", f"{rate.start_s:.1f}"),
            *(f"{rate.of_slowest_stage:.0%}", f"{rate.of_sum_of_stages:.0%}", f"{rate.of_cores:.0%}"),
        ]
        for rate in executors
    ]
    head = ["executor", "frames/s", "start s", "of slowest stage", "of stages in turn", "of cores"]
    return table("Pipeline: photos to shards", head, rows)


def _reader_lines(reader: ReaderRate) -> str:
    return (
        f"Reader: {reader.samples_per_s:.1f} samples/s decoded by one process "
        f"({reader.frames_per_s:.1f} frames/s, {reader.megabytes_per_s:.1f} MB/s of shard; {reader.samples} samples)"
    )


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest cell; text that stays whole in a log."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    lines = ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)) for row in (head, *rows)]
    return "\n".join([title, *(f"  {line}".rstrip() for line in lines)])
