"""The report as report.json, as tables in report.md, and as report.html, one file with its plots and pictures inside.

None depends on time or place: the same answers give the same bytes.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipelines.benchmark import plots
from pipelines.benchmark.cases import select_cases
from pipelines.benchmark.columns import CONTROL_COLUMNS, DIFFERENCE_COLUMNS, PICTURE_COLUMNS, Column
from pipelines.benchmark.scoring import SceneScores
from pipelines.benchmark.summary import Summary
from pipelines.benchmark.tasks import KINDS, Kind
from pipelines.benchmark.test_set import TestSet
from pipelines.measure.bootstrap import CONFIDENCE, RESAMPLES
from pipelines.pages.house import environment
from pipelines.runs.markdown import markdown_table
from pipelines.runs.verb_result import VerbResult
from shards.durable import write_durably
from simulator import RENDERER_VERSION

JSON_FILE, PAGE_FILE, TEXT_FILE, ANSWERS = "report.json", "report.html", "report.md", "answers"

KIND_NAMES = {
    "refocus": "Refocus: frame to frame, new plane and level",
    "bokeh": "Bokeh: all-in-focus photo to frame",
    "deblur": "Deblur: frame to all-in-focus photo",
}


@dataclass(frozen=True)
class BenchmarkReport(VerbResult):
    """All scores; by contestant, one record per scene. unavailable: measures that cannot run here.

    compared_with: the method that the differences of all others are from.
    """

    part: str
    test_set: TestSet
    summaries: tuple[Summary, ...]
    scores: Mapping[str, Sequence[SceneScores]]
    compared_with: str | None
    unavailable: Mapping[str, str]
    page: Path

    def not_run(self) -> dict[str, str]:
        """Measures, parts and tasks without a score, with the reason."""
        part = {"part full": "fifty larger built-in scenes; --part full"} if self.part == "quick" else {}
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
                "version": self.test_set.version,
                "recipe_sha256": self.test_set.recipe_sha256,
                "content_sha256": self.test_set.content_sha256,
                "part": self.part,
                "scenes": [{"name": scene.name, "source": scene.source} for scene in self.test_set.scenes],
                "tasks": self.test_set.tasks,
            },
            "renderer_version": RENDERER_VERSION,
            "intervals": {
                "method": "bootstrap over scenes and runs",
                "resamples": RESAMPLES,
                "level": CONFIDENCE,
            },
            "not_run": self.not_run(),
            "compared_with": self.compared_with,
            "contestants": [asdict(summary) for summary in self.summaries],
            "scores": {name: [asdict(scene) for scene in scenes] for name, scenes in self.scores.items()},
        }
        return dict(rounded(content))

    def summary(self) -> str:
        """The tables, what was not run, and the path of the page."""
        found = self.test_set
        counts = f"test set {found.version}, {self.part}: {len(found.scenes)} scenes, {found.tasks} tasks"
        not_run = [f"not run: {item} ({reason})" for item, reason in self.not_run().items()]
        return "\n\n".join([counts, *self.tables(), "\n".join([*not_run, str(self.page)])])

    def tables(self) -> list[str]:
        """Markdown: control, then the pictures of each kind of task; means, and in brackets the worst scene's."""
        control = [column for column in CONTROL_COLUMNS if self.measured(column.key)]
        return [
            f"Control: mean (worst scene)\n\n{self._table(control)}",
            *(f"{KIND_NAMES[k]}: mean (worst scene)\n\n{self._table(self.picture_columns(k))}" for k in self.kinds()),
        ]

    def measured(self, key: str) -> bool:
        """Whether any method has the figure."""
        return any(key in summary.figures for summary in self.summaries)

    def kinds(self) -> list[Kind]:
        """The kinds of task that the set has."""
        return [kind for kind in KINDS if any(task.kind == kind for s in self.test_set.scenes for task in s.tasks)]

    def picture_columns(self, kind: Kind) -> list[Column]:
        """The columns of one kind of task that any method has."""
        return [column for column in (c.of(kind) for c in PICTURE_COLUMNS) if self.measured(column.key)]

    def _table(self, columns: Sequence[Column]) -> str:
        best = {column.key: column.best(self.summaries) for column in columns}
        rows = [
            [s.name, *(_with_worst(column, s, s.name in best[column.key]) for column in columns)]
            for s in self.summaries
            if any(column.key in s.figures for column in columns)
        ]
        return markdown_table(["method", *(column.head for column in columns)], rows)


def _with_worst(column: Column, summary: Summary, is_best: bool) -> str:
    interval, worst = summary.figures.get(column.key), column.worst_scene(summary)
    if interval is None:
        return "–"
    value = f"{interval.value:.{column.digits}f}"
    return f"{f'**{value}**' if is_best else value}{f' ({worst[1]:.{column.digits}f})' if worst else ''}"


def rounded(value: Any) -> Any:
    """Floats to six decimals, through dicts and lists."""
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, Mapping):
        return {key: rounded(inner) for key, inner in value.items()}
    return [rounded(inner) for inner in value] if isinstance(value, (list, tuple)) else value


def write_report(report: BenchmarkReport, out: Path, *, keep_answers: bool) -> None:
    """report.json, report.md and report.html in OUT, each atomically."""
    write_durably(out / JSON_FILE, (json.dumps(report.to_json(), indent=1, sort_keys=True) + "\n").encode())
    write_durably(out / TEXT_FILE, ("\n\n".join(report.tables()) + "\n").encode())
    write_durably(out / PAGE_FILE, page(report, out / ANSWERS).encode())
    if not keep_answers:
        shutil.rmtree(out / ANSWERS, ignore_errors=True)


def page(report: BenchmarkReport, answers: Path) -> str:
    cases = {
        name: select_cases(name, scores, report.test_set.scenes, answers)
        for name, scores in report.scores.items()
        if name != "truth"  # its errors are all 0
    }
    template = environment("pipelines.benchmark").get_template("report.html")
    return template.render(
        report=report,
        control_columns=[column for column in CONTROL_COLUMNS if report.measured(column.key)],
        picture_columns=PICTURE_COLUMNS,
        difference_columns=DIFFERENCE_COLUMNS,
        kinds=[(kind, KIND_NAMES[kind], report.picture_columns(kind)) for kind in report.kinds()],
        control_plot=plots.control_plot(report.scores),
        strata_plot=plots.strata_plot(report.summaries),
        cases=cases,
    )
