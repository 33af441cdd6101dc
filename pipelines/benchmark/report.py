"""The report as report.json and as report.html, a single file with its plots and pictures inside.

Neither depends on time or place: the same answers give the same bytes.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import jinja2

from pipelines.benchmark import plots
from pipelines.benchmark.cases import select_cases
from pipelines.benchmark.recipe import RECIPE_SHA256, VERSION
from pipelines.benchmark.scoring import SceneScores
from pipelines.benchmark.summary import Summary
from pipelines.benchmark.tasks import KINDS
from pipelines.benchmark.test_set import TestSet
from pipelines.measure.bootstrap import CONFIDENCE, RESAMPLES, Interval
from pipelines.runs.markdown import markdown_table
from pipelines.runs.verb_result import VerbResult
from shards.durable import write_durably
from simulator import RENDERER_VERSION

JSON_FILE, PAGE_FILE, ANSWERS = "report.json", "report.html", "answers"

CONTROL_COLUMNS = (
    (
        "slope",
        "slope",
        3,
        "of fitted against requested radius from 1 px up; 1: the method follows the requested radius; 0: it ignores it",
    ),
    ("error_px", "radius error, px", 2, "mean |fitted - requested| of the 95th percentile of the blur radius"),
    (
        "plane_error_px",
        "plane error, px",
        2,
        "median distance of the sharpest from the requested plane, as blur radius",
    ),
    ("plane_found", "has a plane", 2, "share of answers in which one plane is sharper than the others"),
    ("lv_corr", "LVCorr", 3, "correlation of blur level and 1/sqrt(Laplacian variance) over a sweep of five levels"),
    ("monotonicity", "monotonic", 2, "share of the steps to a stronger level after which the frame is softer"),
    (
        "stacking",
        "stacking, levels",
        2,
        "mean |sum w I - photo| of a group of planes where some plane is sharp, in gray levels of 255; "
        "a method that never blurs scores 0 too: read it beside the slope",
    ),
    ("blur_left_px", "blur left, px", 2, "fitted radius that remains after deblurring"),
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
class BenchmarkReport(VerbResult):
    """All scores; by contestant, one record per scene. unavailable: measures that cannot run here."""

    part: str
    test_set: TestSet
    summaries: tuple[Summary, ...]
    scores: Mapping[str, Sequence[SceneScores]]
    unavailable: Mapping[str, str]
    page: Path

    def not_run(self) -> dict[str, str]:
        """Measures, parts and tasks without a score, with the reason."""
        part = {} if self.part == "full" else {"part full": "twenty larger built-in scenes; --part full"}
        unanswered = {
            f"{s.name}, {s.tasks - s.answered} of {s.tasks} tasks": "no answer"
            for s in self.summaries
            if s.answered < s.tasks
        }
        return {**self.unavailable, **part, **unanswered}

    def to_json(self) -> dict[str, Any]:
        """Plain data: the set, every contestant's figures with intervals, every task's score."""
        content = {
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
            "not_run": self.not_run(),
            "contestants": [asdict(summary) for summary in self.summaries],
            "scores": {name: [asdict(scene) for scene in scenes] for name, scenes in self.scores.items()},
        }
        return dict(rounded(content))

    def summary(self) -> str:
        """One table row per contestant, what was not run, and the path of the page."""
        columns = CONTROL_COLUMNS[:3]
        rows = [
            [s.name, *(_with_ends(s.control[key], digits) for key, _, digits, _ in columns)] for s in self.summaries
        ]
        counts = f"test set {VERSION}, {self.part}: {len(self.test_set.scenes)} scenes, {self.test_set.tasks} tasks"
        not_run = [f"not run: {item} ({reason})" for item, reason in self.not_run().items()]
        return "\n".join(
            [counts, markdown_table(["method", *(title for _, title, _, _ in columns)], rows), *not_run, str(self.page)]
        )


def _with_ends(interval: Interval | None, digits: int) -> str:
    if interval is None:
        return "-"
    return f"{interval.value:.{digits}f} [{interval.low:.{digits}f}, {interval.high:.{digits}f}]"


def rounded(value: Any) -> Any:
    """Floats to six decimals, through dicts and lists."""
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, Mapping):
        return {key: rounded(inner) for key, inner in value.items()}
    return [rounded(inner) for inner in value] if isinstance(value, (list, tuple)) else value


def write_report(report: BenchmarkReport, out: Path, *, keep_answers: bool) -> None:
    """report.json and report.html in OUT, each atomically."""
    write_durably(out / JSON_FILE, (json.dumps(report.to_json(), indent=1, sort_keys=True) + "\n").encode())
    write_durably(out / PAGE_FILE, page(report, out / ANSWERS).encode())
    if not keep_answers:
        shutil.rmtree(out / ANSWERS, ignore_errors=True)


def page(report: BenchmarkReport, answers: Path) -> str:
    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    environment = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)
    cases = {
        name: select_cases(name, scores, report.test_set.scenes, answers)
        for name, scores in report.scores.items()
        if name != "truth"  # its errors are all 0
    }
    return environment.get_template("report.html").render(
        report=report,
        version=VERSION,
        recipe=RECIPE_SHA256,
        control_columns=CONTROL_COLUMNS,
        picture_columns=PICTURE_COLUMNS,
        kinds=[(kind, KIND_NAMES[kind]) for kind in KINDS],
        control_plot=plots.control_plot(report.scores),
        strata_plot=plots.strata_plot(report.summaries),
        cases=cases,
    )
