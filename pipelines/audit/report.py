"""The audit's result: its checks as a table, as JSON, and as OUT/.meta/audit.json."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.audit.check import Check
from pipelines.runs.verb_result import VerbResult
from shards.durable import write_durably
from shards.storage import StoragePath

AUDIT_FILE = Path(".meta") / "audit.json"


@dataclass(frozen=True)
class AuditReport(VerbResult):
    """samples: all that were read; measured: those whose frames were measured. Repeated runs give the same report."""

    samples: int
    measured: int
    frames: int
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        return all(check.passed for check in self.checks)

    @property
    def exit_code(self) -> int:
        """4 when a check fails, as for damage that `verify` finds."""
        return 0 if self.passed else 4

    def to_json(self) -> dict[str, Any]:
        counts = {"samples": self.samples, "measured": self.measured, "frames": self.frames}
        return {**counts, "passed": self.passed, "checks": [check.to_json() for check in self.checks]}

    def summary(self) -> str:
        """One table row per check, then the verdict."""
        failed = [check.name for check in self.checks if not check.passed]
        verdict = f"fails on {', '.join(failed)}" if failed else "no check fails"
        not_run = sum(check.figure is None for check in self.checks)
        skipped = f" ({not_run} not run)" if not_run else ""
        counts = f"{self.samples} samples, {self.frames} frames; frames of {self.measured} samples measured"
        return "\n".join([*map(_row, self.checks), f"{counts}: {verdict}{skipped}"])

    def write(self, out: StoragePath) -> None:
        """OUT/.meta/audit.json, atomically; the same audit gives the same bytes."""
        write_durably(out / AUDIT_FILE, (json.dumps(self.to_json(), indent=1, sort_keys=True) + "\n").encode())


def read_checks(out: StoragePath) -> list[Check]:
    """The checks that an audit kept in OUT. Raises any exception when its file is damaged."""
    return [Check.from_json(check) for check in json.loads((out / AUDIT_FILE).read_bytes())["checks"]]


def _row(check: Check) -> str:
    rule = check.criterion
    figure = "" if check.figure is None else f"{check.figure:.4g}, {rule.sense} {rule.bound:g} {rule.unit}; "
    keys = f"; worst {' '.join(check.worst_keys)}" if check.worst_keys and not check.passed else ""
    return f"{check.status:<8}{check.name:<22}{figure}{check.note}{keys}"
