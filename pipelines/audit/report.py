"""The audit's result: its lines as a table, as JSON, and as OUT/.meta/audit.json."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.audit.line import Line
from pipelines.runs.verb_result import VerbResult
from shards.durable import write_durably

AUDIT_FILE = "audit.json"


@dataclass(frozen=True)
class AuditReport(VerbResult):
    """samples: read; measured: of which the frames were looked at. Nothing in it changes from run to run."""

    samples: int
    measured: int
    frames: int
    lines: tuple[Line, ...]

    @property
    def passed(self) -> bool:
        return all(line.passed for line in self.lines)

    @property
    def exit_code(self) -> int:
        """4 when a line fails, as for damage that `verify` finds."""
        return 0 if self.passed else 4

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "samples": self.samples,
            "measured": self.measured,
            "frames": self.frames,
            "passed": self.passed,
            "lines": [line.to_json() for line in self.lines],
        }

    def summary(self) -> str:
        """A line a line, and the verdict."""
        failed = [line.name for line in self.lines if not line.passed]
        verdict = f"fails on {', '.join(failed)}" if failed else "labels hold"
        skipped = sum(line.figure is None for line in self.lines)
        missing = f" ({skipped} lines not run)" if skipped else ""
        counts = f"{self.samples} samples, {self.frames} frames; frames of {self.measured} samples measured"
        return "\n".join([*map(_row, self.lines), f"{counts}: {verdict}{missing}"])

    def write(self, meta: Path) -> None:
        """OUT/.meta/audit.json, whole or not at all; the same audit gives the same bytes."""
        text = json.dumps(self.to_json(), indent=1, sort_keys=True) + "\n"
        write_durably(meta / AUDIT_FILE, text.encode())


def _row(line: Line) -> str:
    figure = "" if line.figure is None else f"{line.figure:.4g}, {line.sense} {line.bound:g} {line.unit}; "
    keys = f"; worst {' '.join(line.worst_keys)}" if line.worst_keys and not line.passed else ""
    return f"{line.status:<8}{line.name:<22}{figure}{line.note}{keys}"
