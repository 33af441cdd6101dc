"""The record of a measurement: for --json as it is, for people as one table a part."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.bench.feeding import FeedingRate
from pipelines.bench.machine import Machine
from pipelines.bench.memory import MemoryPeak
from pipelines.bench.pipeline import ExecutorRate, ReaderRate, StageRate
from pipelines.bench.renderers import RendererRow
from pipelines.runs.disk import format_bytes
from pipelines.runs.markdown import markdown_table
from pipelines.runs.verb_result import VerbResult


@dataclass(frozen=True)
class NotRun:
    """A measurement that was left out, and why."""

    what: str
    why: str


@dataclass(frozen=True)
class BenchReport(VerbResult):
    """All numbers of one run; a part is empty where `not_run` says why."""

    machine: Machine
    direct_scatter: str
    """What the direct scatter was built with; empty when it was not run."""
    subject: str
    renderer: tuple[RendererRow, ...]
    memory: tuple[MemoryPeak, ...]
    stages: tuple[StageRate, ...]
    executors: tuple[ExecutorRate, ...]
    feeding: tuple[FeedingRate, ...]
    reader: ReaderRate | None
    not_run: tuple[NotRun, ...]

    def sections(self) -> dict[str, Sequence[Any]]:
        """Records by the title of their table; columns are the fields."""
        return {
            "Machine": (self.machine,),
            f"Renderer: {self.subject}; direct scatter: {self.direct_scatter}": self.renderer,
            "Peak memory of a stack, set-up included": self.memory,
            "Pipeline: stages of the inline run, by the worker's clock": self.stages,
            "Pipeline: photos to shards": self.executors,
            "Feeding a GPU: one worker, 1 ms of sleep a frame in place of rendering": self.feeding,
            "Reader: one process": (self.reader,) if self.reader else (),
            "Not run": self.not_run,
        }

    def summary(self) -> str:
        """Tables, one below the other."""
        parts = self.sections().items()
        return "\n\n".join(table(title, [*map(dataclasses.asdict, records)]) for title, records in parts if records)


def table(title: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows with the same columns as Markdown, one a line."""
    cells = [_cells(row) for row in rows]
    return f"{title}\n\n{markdown_table(list(cells[0]), [list(row.values()) for row in cells])}"


def _cells(fields: Mapping[str, Any]) -> dict[str, str]:
    """Name and text of each number of a record; those of a record within it stand beside the others."""
    cells: dict[str, str] = {}
    for name, value in fields.items():
        if isinstance(value, Mapping):
            cells |= _cells(value)
        elif name.endswith("_bytes"):
            cells[name.removesuffix("_bytes")] = format_bytes(value)
        else:
            cells[name] = f"{value:.4g}" if isinstance(value, float) else str(value)
    return cells
