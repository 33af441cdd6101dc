"""One line of an audit: a figure, the bound it must keep, and which samples are worst."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

WORST_SHOWN = 5

Sense = Literal["at most", "at least"]


@dataclass(frozen=True)
class Line:
    """A line that was measured, or one that could not be (figure None, with the reason in `note`).

    figure keeps the bound when it is `sense` (at most, at least) `bound`. worst_keys: samples, worst first.
    """

    name: str
    figure: float | None
    bound: float
    sense: Sense
    unit: str
    note: str
    worst_keys: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """False only for a figure that breaks its bound: what was not run is no fault, and says so."""
        if self.figure is None:
            return True
        return self.figure <= self.bound if self.sense == "at most" else self.figure >= self.bound

    @property
    def status(self) -> str:
        """`pass`, `FAIL` or `not run`."""
        return "not run" if self.figure is None else "pass" if self.passed else "FAIL"

    def to_json(self) -> dict[str, Any]:
        """Plain data; the same keys for every line."""
        rounded = None if self.figure is None else round(self.figure, 6)
        fields = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return {
            **fields,
            "figure": rounded,
            "worst_keys": list(self.worst_keys),
            "details": dict(self.details),
            "passed": self.passed,
            "status": self.status,
        }


def worst(badness: Mapping[str, float], above: float = 0.0) -> tuple[str, ...]:
    """The keys with the largest badness, worst first, ties by key; those at or below `above` are not bad at all."""
    bad = sorted((-value, key) for key, value in badness.items() if value > above)
    return tuple(key for _, key in bad[:WORST_SHOWN])


def not_run(name: str, bound: float, sense: Sense, unit: str, reason: str) -> Line:
    """A line that could not be measured, and why."""
    return Line(name, None, bound, sense, unit, reason)
