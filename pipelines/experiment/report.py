"""The experiment's outcome: a Markdown table, paired differences with intervals, a grid of pictures."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipelines.experiment.scores import Pixels, SceneScores
from pipelines.measure.bootstrap import Interval, over_scenes
from pipelines.pictures.drawing import QUIET, Box, Sheet

MEASURES = {
    "psnr": ("PSNR, dB", "{:.2f}"),
    "ssim": ("SSIM", "{:.4f}"),
    "psnr_in_focus": ("in focus, dB", "{:.2f}"),
    "psnr_defocused": ("defocused, dB", "{:.2f}"),
    "psnr_without_depth": ("without depth, dB", "{:.2f}"),
    "psnr_from_frame": ("from a frame, dB", "{:.2f}"),
    "psnr_from_frame_in_focus": ("from a frame, in focus, dB", "{:.2f}"),
    "control": ("control correlation", "{:.3f}"),
    "focus_error": ("focus error", "{:.3f}"),
    "stack_error": ("stack error", "{:.4f}"),
}
"""Heading and format of every measure of SceneScores."""


@dataclass(frozen=True)
class Arm:
    """One method and its scores, scene by scene."""

    name: str
    scores: tuple[SceneScores, ...]

    def mean(self, measure: str) -> float:
        """Over the scenes that have something to measure."""
        return _mean([getattr(score, measure) for score in self.scores])


def table(arms: Sequence[Arm]) -> str:
    """A line a measure, a column a method."""
    lines = [f"| measure | {' | '.join(arm.name for arm in arms)} |", "|---" * (1 + len(arms)) + "|"]
    for measure, (heading, form) in MEASURES.items():
        lines.append(f"| {heading} | {' | '.join(form.format(arm.mean(measure)) for arm in arms)} |")
    return "\n".join(lines)


def differences(base: Arm, other: Arm) -> str:
    """What `other` is above `base`, scene by scene, with the 95 % interval over scenes."""
    lines = [f"| {other.name} minus {base.name} | difference | 95 % interval over scenes |", "|---|---|---|"]
    for measure, (heading, form) in MEASURES.items():
        found = difference(base, other, measure)
        plus = form.replace("{:", "{:+")
        interval = f"{plus.format(found.low)} … {plus.format(found.high)}"
        lines.append(f"| {heading} | {plus.format(found.value)} | {interval} |")
    return "\n".join(lines)


def difference(base: Arm, other: Arm, measure: str) -> Interval:
    """Mean of the paired differences; scenes in which one of the two has nothing to measure are left out."""
    theirs = {score.scene: getattr(score, measure) for score in base.scores}
    pairs = [getattr(score, measure) - theirs[score.scene] for score in other.scores]
    known = [[pair] for pair in pairs if not math.isnan(pair)]
    return over_scenes(known, _mean) if known else Interval(*[float("nan")] * 3)


def to_json(arms: Sequence[Arm]) -> dict[str, object]:
    """Means and scenes by method; what could not be measured is left out."""

    def plain(values: Mapping[str, object]) -> dict[str, object]:
        return {name: v for name, v in values.items() if not (isinstance(v, float) and math.isnan(v))}

    return {
        arm.name: {
            "mean": plain({measure: arm.mean(measure) for measure in MEASURES}),
            "scenes": [plain(dataclasses.asdict(score)) for score in arm.scores],
        }
        for arm in arms
    }


@dataclass(frozen=True, eq=False)
class GridRow:
    """One frame of one scene: pictures by their headings, where the focus was asked for, and a caption."""

    pictures: Mapping[str, Pixels]
    focus_point: tuple[float, float]
    caption: str


_CELL, _GAP, _MARGIN, _HEAD, _CAPTION = 260, 8, 24, 34, 26


def write_grid(rows: Sequence[GridRow], path: Path) -> None:
    """Draw the rows below each other."""
    headings = list(rows[0].pictures)
    height, width = rows[0].pictures[headings[0]].shape[:2]
    cell_height = round(_CELL * height / width)
    row_height = cell_height + _CAPTION + _GAP
    sheet = Sheet(2 * _MARGIN + len(headings) * (_CELL + _GAP) - _GAP, 2 * _MARGIN + _HEAD + len(rows) * row_height)
    for column, heading in enumerate(headings):
        sheet.text(_MARGIN + column * (_CELL + _GAP), _MARGIN, heading, 18, width=_CELL)
    for number, row in enumerate(rows):
        y = _MARGIN + _HEAD + number * row_height
        for column, picture in enumerate(row.pictures.values()):
            place = sheet.picture(Box(_MARGIN + column * (_CELL + _GAP), y, _CELL, cell_height), picture)
            if column == 0:
                sheet.focus_mark(place, *row.focus_point, (255, 176, 64), radius=6)
        sheet.text(_MARGIN, y + cell_height + 4, row.caption, 15, color=QUIET)
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.image.save(path, quality=92, subsampling=0)


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return float(np.mean(known)) if known else float("nan")
