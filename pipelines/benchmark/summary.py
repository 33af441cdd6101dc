"""The scores of one method over all scenes and runs, with intervals: the content of the report's tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import fmean, median
from typing import TypeVar

from pipelines.benchmark.contestants import Contestant
from pipelines.benchmark.figures import MEDIANS, Values, scene_values
from pipelines.benchmark.scoring import SceneScores
from pipelines.measure.blur_ruler import ControlPoint, control_slope
from pipelines.measure.bootstrap import Interval, mean_difference, mean_over_runs, over_runs

T = TypeVar("T")
Runs = Sequence[Sequence[SceneScores]]

RESOLVED_PX = 1.0
"""Smaller radii stay within a pixel: they count in the radius error, not in the slope."""


@dataclass(frozen=True)
class Summary:
    """One method.

    figures: by the keys of figures.py, and `slope`; those without any answer are missing.
    by_scene: the same of each scene.
    differences: means less those of the method that all others are compared with, on tasks that both answered.
    is_anchor: it is given what no user has. answered: of `tasks` tasks, over all `runs`.
    """

    name: str
    knows: str
    is_anchor: bool
    runs: int
    answered: int
    tasks: int
    figures: dict[str, Interval]
    by_scene: dict[str, dict[str, float]]
    differences: dict[str, Interval] = field(default_factory=dict)

    @classmethod
    def from_scores(cls, method: Contestant, runs: Runs, against: Runs | None = None) -> Summary:
        """Bootstrap over scenes and runs throughout. runs, against: the scenes of each run, in one order."""
        values = [[scene_values(scene) for scene in run] for run in runs]
        answered = sum(len(scene.tasks) for run in runs for scene in run)
        return cls(
            name=method.method,
            knows=method.knows,
            is_anchor=method.is_anchor,
            runs=len(runs),
            answered=answered,
            tasks=answered + sum(len(scene.unanswered) for run in runs for scene in run),
            figures={**_slope(runs), **{key: _figure(key, values) for key in _keys(values)}},
            by_scene={key: _scene_means(key, runs, values) for key in _keys(values)},
            differences={} if against is None else _differences(values, against),
        )


def _keys(values: Sequence[Sequence[Values]]) -> list[str]:
    return sorted({key for run in values for scene in run for key in scene})


def _figure(key: str, values: Sequence[Sequence[Values]]) -> Interval:
    rows = [[list(scene.get(key, {}).values()) for scene in run] for run in values]
    return over_runs(rows, median) if key in MEDIANS else mean_over_runs(rows)


def _scene_means(key: str, runs: Runs, values: Sequence[Sequence[Values]]) -> dict[str, float]:
    means = {}
    for n, scene in enumerate(runs[0]):
        rows = [value for run in values for value in run[n].get(key, {}).values()]
        if rows:
            means[scene.scene] = median(rows) if key in MEDIANS else fmean(rows)
    return means


def _slope(runs: Runs) -> dict[str, Interval]:
    rows = [[_resolved(scene) for scene in run] for run in runs]
    slope = _where_known(lambda: over_runs(rows, control_slope))
    return {} if slope is None else {"slope": slope}


def _resolved(scene: SceneScores) -> list[ControlPoint]:
    return [s.control for s in scene.tasks if s.control and s.control.requested_px >= RESOLVED_PX]


def _differences(values: Sequence[Sequence[Values]], against: Runs) -> dict[str, Interval]:
    others = [[scene_values(scene) for scene in run] for run in against]
    differences = {}
    for key in set(_keys(values)) & set(_keys(others)):
        found = _where_known(lambda key=key: mean_difference(*_in_common(key, values, others)))  # type: ignore[misc]
        if found is not None:
            differences[key] = found
    return dict(sorted(differences.items()))


def _in_common(
    key: str, values: Sequence[Sequence[Values]], others: Sequence[Sequence[Values]]
) -> tuple[list[list[list[float]]], list[list[list[float]]]]:
    """The rows of both methods, of the tasks of each scene that every run of both answered."""
    tasks = [set.intersection(*(set(run[n].get(key, {})) for run in (*values, *others))) for n in range(len(values[0]))]
    ours, theirs = (
        [[[run[n][key][task] for task in sorted(tasks[n])] for n in range(len(tasks))] for run in side]
        for side in (values, others)
    )
    return ours, theirs


def _where_known(figure: Callable[[], T]) -> T | None:
    try:
        return figure()
    except ValueError:  # nothing was answered, or not enough for a slope
        return None
