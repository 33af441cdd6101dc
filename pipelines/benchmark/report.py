"""The report: report.json for machines, report.html for people, one file with its plots and pictures inside.

Nothing in either depends on when or where they were made: the same answers give the same bytes.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import jinja2

from pipelines.benchmark import plots
from pipelines.benchmark.cases import Case, cases_of
from pipelines.benchmark.recipe import DIFFICULTIES, RECIPE_SHA256, VERSION
from pipelines.benchmark.scoring import SceneScores, Score
from pipelines.benchmark.summary import Summary
from pipelines.benchmark.tasks import KINDS
from pipelines.benchmark.test_set import TestSet
from pipelines.measure.bootstrap import CONFIDENCE, RESAMPLES, Interval
from shards.durable import write_durably
from simulator import RENDERER_VERSION

JSON_FILE, PAGE_FILE, ANSWERS = "report.json", "report.html", "answers"

CONTROL_COLUMNS = (
    ("slope", "slope", 3, "of fitted against asked blur radius, from 1 px up; 1 obeys, 0 does not hear"),
    ("error_px", "radius error, px", 2, "mean |fitted - asked| of the 95th percentile of the blur radius"),
    ("plane_error_px", "plane error, px", 2, "blur at the asked plane if the sharpest plane were in focus; median"),
    ("plane_found", "has a plane", 2, "share of answers in which one plane is sharper than the others"),
    ("lv_corr", "LVCorr", 3, "correlation of blur level and 1/sqrt(Laplacian variance) over a sweep of five levels"),
    ("monotonicity", "monotonic", 2, "share of steps to a stronger level that really are softer"),
    (
        "stacking",
        "stacking, levels",
        2,
        "mean |sum w I - photo| of a group of planes where some plane is sharp, in grey levels of 255; "
        "0 as well for who never blurs: read it beside the slope",
    ),
    ("blur_left_px", "blur left, px", 2, "fitted radius that is left after deblurring"),
)
PICTURE_COLUMNS = (
    ("all/psnr", "PSNR", 1),
    ("in_focus/psnr", "in focus", 1),
    ("defocused/psnr", "defocused", 1),
    ("silhouette/psnr", "silhouettes", 1),
    ("all/ssim", "SSIM", 3),
    ("all/mae", "MAE", 4),
)
KIND_NAMES = {
    "refocus": "Refocus: frame to frame, new plane and level",
    "bokeh": "Bokeh: all-in-focus photo to frame",
    "deblur": "Deblur: frame to all-in-focus photo",
}


@dataclass(frozen=True)
class Report:
    """Everything that was scored; scores by contestant, a record a scene."""

    part: str
    test_set: TestSet
    summaries: tuple[Summary, ...]
    scores: Mapping[str, Sequence[SceneScores]]
    not_run: Mapping[str, str]

    def left_out(self) -> dict[str, str]:
        """What was not run, and why: measures, the full part, tasks without an answer."""
        part = {} if self.part == "full" else {"part full": "twenty larger built-in scenes; --part full"}
        holes = {
            f"{s.name}, {s.asked - s.answered} of {s.asked} tasks": "no answer"
            for s in self.summaries
            if s.answered < s.asked
        }
        return {**self.not_run, **part, **holes}

    def to_json(self) -> dict[str, Any]:
        """Plain data: the set, every contestant's figures with intervals, every task's score."""
        return {
            "set": {
                "version": VERSION,
                "recipe_sha256": RECIPE_SHA256,
                "content_sha256": self.test_set.content_sha256,
                "part": self.part,
                "scenes": [{"name": scene.name, "source": scene.source} for scene in self.test_set.scenes],
                "tasks": self.test_set.tasks,
            },
            "renderer_version": RENDERER_VERSION,
            "intervals": {"method": "percentile bootstrap over scenes", "resamples": RESAMPLES, "level": CONFIDENCE},
            "not_run": self.left_out(),
            "contestants": [summary.to_json() for summary in self.summaries],
            "scores": {name: [_scene_json(scene) for scene in scenes] for name, scenes in self.scores.items()},
        }

    def summary(self) -> str:
        """A line a contestant."""
        head = f"{'':<22}" + "".join(f"{title:>22}" for _, title, _, _ in CONTROL_COLUMNS[:3])
        rows = [
            f"{s.name:<22}" + "".join(f"{_plain(s.control[key], n):>22}" for key, _, n, _ in CONTROL_COLUMNS[:3])
            for s in self.summaries
        ]
        missing = [f"not run: {what} ({why})" for what, why in self.left_out().items()]
        counts = f"test set {VERSION}, {self.part}: {len(self.test_set.scenes)} scenes, {self.test_set.tasks} tasks"
        return "\n".join([counts, head, *rows, *missing])


def _plain(interval: Interval | None, digits: int) -> str:
    return (
        "-"
        if interval is None
        else f"{interval.value:.{digits}f} [{interval.low:.{digits}f}, {interval.high:.{digits}f}]"
    )


def _scene_json(scene: SceneScores) -> dict[str, Any]:
    return {
        "scene": scene.scene,
        "sweep": rounded(asdict(scene.sweep)) if scene.sweep else None,
        "stacking": rounded(scene.stacking),
        "unanswered": list(scene.unanswered),
        "tasks": [_score_json(score) for score in scene.scores],
    }


def _score_json(score: Score) -> dict[str, Any]:
    return dict(rounded(asdict(score)))


def rounded(value: Any) -> Any:
    """Floats to six decimals, through dicts and lists."""
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, Mapping):
        return {key: rounded(inner) for key, inner in value.items()}
    return [rounded(inner) for inner in value] if isinstance(value, (list, tuple)) else value


def write_report(report: Report, out: Path, *, keep_answers: bool) -> None:
    """report.json and report.html in OUT, each whole or not at all."""
    told = report.to_json()
    write_durably(out / JSON_FILE, (json.dumps(told, indent=1, sort_keys=True) + "\n").encode())
    write_durably(out / PAGE_FILE, page(report, out / ANSWERS).encode())
    if not keep_answers:
        shutil.rmtree(out / ANSWERS, ignore_errors=True)


def page(report: Report, answers: Path) -> str:
    """The whole page as text."""
    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    environment = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)
    environment.filters["figure"] = _figure
    cases: list[tuple[Summary, list[Case]]] = [
        (summary, cases_of(summary.name, report.scores[summary.name], report.test_set.scenes, answers))
        for summary in report.summaries
        if summary.name != "truth"  # it differs from itself nowhere
    ]
    return environment.get_template("report.html").render(
        report=report,
        version=VERSION,
        recipe=RECIPE_SHA256,
        control_columns=CONTROL_COLUMNS,
        picture_columns=PICTURE_COLUMNS,
        kinds=[(kind, KIND_NAMES[kind]) for kind in KINDS],
        difficulties=DIFFICULTIES,
        control_plot=plots.control_plot(report.scores),
        strata_plot=plots.strata_plot(report.summaries),
        cases=[(summary, found) for summary, found in cases if found],
        left_out=report.left_out(),
    )


def _figure(interval: Interval | None, digits: int) -> str:
    """HTML of a figure with its interval."""
    if interval is None:
        return "–"
    low, high = f"{interval.low:.{digits}f}", f"{interval.high:.{digits}f}"
    return f"{interval.value:.{digits}f}|{low} to {high}"
