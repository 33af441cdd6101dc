"""The page and the JSON of an examination."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from pipelines.bench.machine import Machine
from pipelines.bench.report import table
from pipelines.runs.verb_result import VerbResult
from shards.durable import write_durably


@dataclass(frozen=True)
class PartReport:
    """One part: `done`, or how it ended; what does not hold; its tables."""

    name: str
    outcome: str
    seconds: float
    complaints: tuple[str, ...]
    sections: Mapping[str, Sequence[Mapping[str, Any]]]

    @property
    def is_sound(self) -> bool:
        return self.outcome == "done" and not self.complaints


@dataclass(frozen=True)
class GpuReport(VerbResult):
    """An examination: the machine, where the page lies, and the parts."""

    machine: Machine
    page: str
    seconds: float
    parts: tuple[PartReport, ...]

    @property
    def exit_code(self) -> int:
        """1 when a part failed, was stopped, or found something wrong."""
        return 0 if all(part.is_sound for part in self.parts) else 1

    def write(self) -> None:
        """The page, and the same as JSON beside it. Raises OSError."""
        page = Path(self.page)
        page.parent.mkdir(parents=True, exist_ok=True)
        write_durably(page, f"{self.markdown()}\n".encode())
        write_durably(page.with_suffix(".json"), json.dumps(self.to_json(), indent=1, sort_keys=True).encode())

    def summary(self) -> str:
        """The page, and where it lies."""
        return f"{self.markdown()}\n\n{self.page}"

    def markdown(self) -> str:
        """The page in Markdown."""
        is_miniature = self.machine.device == "cpu"
        title = "Examination in miniature, on a CPU: no figures to quote" if is_miniature else "Measured on a GPU"
        when = datetime.now(timezone.utc).strftime("%Y-%m-%d")
        parts = [
            {"part": part.name, "outcome": part.outcome, "seconds": part.seconds, "wrong": len(part.complaints)}
            for part in self.parts
        ]
        blocks = [
            f"# {title}",
            f"`refocus-foundry gpu`, {when}, {self.seconds:.0f} s in all. docs/performance.md explains the numbers.",
            table("Machine", [dataclasses.asdict(self.machine)]),
            table("Parts", parts),
        ]
        for part in self.parts:
            blocks.append(f"## {part.name}: {part.outcome}")
            blocks += [f"- wrong: {complaint}" for complaint in part.complaints]
            blocks += [table(title, rows) for title, rows in part.sections.items()]
        return "\n\n".join(blocks)
