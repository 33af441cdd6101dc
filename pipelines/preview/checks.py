"""Lines of the report that pass or fail: those of the label audit where it was run, and what can be checked at hand."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.preview.flags import CLOSE_PX, HARDLY_BLURRED, HARDLY_FOCUSED, label_flags
from pipelines.preview.histogram import CountMap
from pipelines.preview.stored import StoredSample
from shards.validate import ValidationReport

AUDIT_FILE = Path(".meta") / "audit.json"
MAX_AUDIT_BYTES = 64 << 20
WORST = 8
"""Keys that a line names."""
POINTS_A_CELL = 8
"""Coverage is judged from this many points a cell on: fewer leave cells empty by chance."""


@dataclass(frozen=True)
class Check:
    """One line: what was measured, what must hold, whether it does (None: not judged), and the samples at fault."""

    name: str
    figure: str
    bound: str
    passed: bool | None
    worst_keys: tuple[str, ...] = ()


def read_audit(out: Path) -> list[Check]:
    """The audit's lines; none where it was not run; a failed line where its file cannot be understood."""
    path = out / AUDIT_FILE
    if not path.is_file():
        return []
    try:
        if path.stat().st_size > MAX_AUDIT_BYTES:
            raise ValueError(f"larger than {MAX_AUDIT_BYTES} bytes")
        return [_audit_line(line) for line in json.loads(path.read_text(encoding="utf-8"))["lines"]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return [Check(str(AUDIT_FILE), f"not readable: {error!r}", "run the audit again", False)]


def _audit_line(line: dict[str, Any]) -> Check:
    keys = tuple(str(key) for key in line.get("worst_keys", ()))
    return Check(str(line["name"]), _text(line["figure"]), _text(line["bound"]), bool(line["passed"]), keys)


def _text(value: object) -> str:
    if isinstance(value, float) and math.isfinite(value):
        return f"{value:.4g}"
    return value if isinstance(value, str) else json.dumps(value)


def checks_at_hand(
    samples: Sequence[StoredSample], verified: ValidationReport | None, coverage: Sequence[CountMap]
) -> list[Check]:
    """What labels and `verify` say."""
    frames = [frame for sample in samples for frame in sample.record.frames]
    too_sharp = sum(frame.in_focus_fraction >= HARDLY_BLURRED for frame in frames) / len(frames)
    too_soft = sum(frame.in_focus_fraction < HARDLY_FOCUSED for frame in frames) / len(frames)
    close = _flagged(samples, "close planes")
    return [
        _verify_line(verified),
        Check(
            f"frames with {100 * HARDLY_BLURRED:.0f} % or more of their pixels in focus",
            _percent(too_sharp),
            "at most 10 %",
            too_sharp <= 0.1,
            _flagged(samples, "hardly blurred")[:WORST],
        ),
        Check(
            f"frames with less than {100 * HARDLY_FOCUSED:.1f} % of their pixels in focus",
            _percent(too_soft),
            "at most 10 %",
            too_soft <= 0.1,
            _flagged(samples, "hardly focused")[:WORST],
        ),
        Check(
            f"samples with planes less than {CLOSE_PX:g} px of blur apart",
            _percent(len(close) / len(samples)),
            "at most 10 %",
            len(close) <= 0.1 * len(samples),
            close[:WORST],
        ),
        *(_coverage_line(counts) for counts in coverage),
    ]


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _flagged(samples: Sequence[StoredSample], flag: str) -> tuple[str, ...]:
    return tuple(sample.key for sample in samples if flag in label_flags(sample.record))


def _verify_line(verified: ValidationReport | None) -> Check:
    if verified is None:
        return Check("verify: complaints", "not run for a set this large", "none: run `refocus-foundry verify`", None)
    keys = tuple(dict.fromkeys(complaint.key for complaint in verified.complaints if complaint.key.isdigit()))
    return Check("verify: complaints", str(len(verified.complaints)), "none", verified.ok, keys[:WORST])


def _coverage_line(counts: CountMap) -> Check:
    cells = sum(map(len, counts.counts))
    points = sum(map(sum, counts.counts))
    name, figure = f"{counts.title}: cells that hold a frame", f"{100 * counts.covered:.0f} %"
    if points < POINTS_A_CELL * cells:
        return Check(name, figure, f"judged from {POINTS_A_CELL * cells} points on, here {points}", None)
    return Check(name, figure, "at least 75 %", counts.covered >= 0.75)
