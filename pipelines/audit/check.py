"""One check: a measured figure, the bound it must keep, and the samples that are worst."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

WORST_SHOWN = 5


@dataclass(frozen=True)
class Criterion:
    """What must hold: a figure in `unit` that is `sense` (at most, at least) `bound`."""

    name: str
    sense: Literal["at most", "at least"]
    bound: float
    unit: str

    def measured(
        self, figure: float, note: str, worst_keys: tuple[str, ...] = (), details: Mapping[str, Any] | None = None
    ) -> Check:
        """The check of a figure. worst_keys: samples, worst first."""
        return Check(self, figure, note, worst_keys, details or {})

    def not_run(self, reason: str) -> Check:
        """The check of a figure that cannot be measured."""
        return Check(self, None, reason)


@dataclass(frozen=True)
class Check:
    """A criterion and its figure; None where it could not be measured, with the reason in `note`."""

    criterion: Criterion
    figure: float | None
    note: str
    worst_keys: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.criterion.name

    @property
    def passed(self) -> bool:
        """False only for a figure that breaks its bound."""
        if self.figure is None:
            return True
        bound = self.criterion.bound
        return self.figure <= bound if self.criterion.sense == "at most" else self.figure >= bound

    @property
    def status(self) -> str:
        """`pass`, `FAIL` or `not run`."""
        return "not run" if self.figure is None else "pass" if self.passed else "FAIL"

    def to_json(self) -> dict[str, Any]:
        """Plain data; the same keys for every check."""
        return {
            **dataclasses.asdict(self.criterion),
            "figure": None if self.figure is None else round(self.figure, 6),
            "note": self.note,
            "worst_keys": list(self.worst_keys),
            "details": dict(self.details),
            "passed": self.passed,
            "status": self.status,
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Check:
        """The inverse of `to_json`. Raises KeyError, TypeError or ValueError for other content."""
        criterion = Criterion(content["name"], content["sense"], float(content["bound"]), content["unit"])
        figure = None if content["figure"] is None else float(content["figure"])
        return cls(criterion, figure, content["note"], tuple(map(str, content["worst_keys"])), dict(content["details"]))


def worst(badness: Mapping[str, float], above: float = 0.0) -> tuple[str, ...]:
    """The keys with the largest badness, worst first, ties by key; only those above `above`."""
    bad = sorted((-value, key) for key, value in badness.items() if value > above)
    return tuple(key for _, key in bad[:WORST_SHOWN])
