"""The record of one measurement against its bar."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pipelines.runs.markdown import markdown_table


@dataclass(frozen=True)
class Check:
    """One measured quantity: its worst value over the places tested, the place, and the bar that it has to keep.

    keep:  whether the value must be at most or at least the bar.
    truth: the same quantity of an exact render, where it has one of its own.
    """

    what: str
    value: float
    unit: str
    keep: Literal["at most", "at least"]
    bar: float
    worst_at: str
    truth: float | None = None

    @property
    def met(self) -> bool:
        """False for NaN."""
        return self.value <= self.bar if self.keep == "at most" else self.value >= self.bar

    def to_json(self) -> dict[str, object]:
        """The fields and whether the bar is met. `truth` is left out where there is none."""
        fields = {"value": self.value, "unit": self.unit, "keep": self.keep, "bar": self.bar, "met": self.met}
        return {**fields, "worst_at": self.worst_at, **({} if self.truth is None else {"truth": self.truth})}


def markdown(checks: Sequence[Check]) -> str:
    """One line a check."""
    head = ["check", "worst value", "bar", "", "worst at", "truth"]
    signs = {"at most": "<=", "at least": ">="}
    lines = []
    for c in checks:
        figures = [f"{c.value:.3g} {c.unit}", f"{signs[c.keep]} {c.bar:g} {c.unit}", "met" if c.met else "**missed**"]
        lines.append([c.what, *figures, c.worst_at, "" if c.truth is None else f"{c.truth:.3g}"])
    return markdown_table(head, lines)
