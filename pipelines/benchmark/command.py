"""The verb `benchmark`: the test set alone (`--set-only`), or the report on every method."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pipelines.benchmark.config import BenchmarkConfig
from pipelines.benchmark.report import PAGE_FILE, Report
from pipelines.benchmark.run import prepare, run
from pipelines.runs.verb_result import VerbResult


@dataclass(frozen=True)
class WrittenSet(VerbResult):
    """The test set's folder and counts."""

    set: str
    scenes: int
    tasks: int

    def summary(self) -> str:
        """One line."""
        return f"{self.set}: {self.scenes} scenes, {self.tasks} tasks"


@dataclass(frozen=True)
class WrittenReport(VerbResult):
    """The report and the path of its page."""

    report: Report
    page: str

    def to_json(self) -> dict[str, Any]:
        """The report alone."""
        return self.report.to_json()

    def summary(self) -> str:
        """One line for each method, then the page's path."""
        return f"{self.report.summary()}\n{self.page}"


def benchmark(config: BenchmarkConfig) -> VerbResult:
    """Make the test set; unless `--set-only`, score every method. Raises UserError for what a user can change."""
    if config.set_only:
        test_set = prepare(config)
        return WrittenSet(str(config.set), len(test_set.scenes), test_set.tasks)
    return WrittenReport(run(config), str(config.out / PAGE_FILE))
