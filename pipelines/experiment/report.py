"""Outcome of a study: means of every arm, and paired differences to the first, with intervals over scenes and seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.experiment.scores import MEASURES, REGIONS, Scores
from pipelines.measure.bootstrap import Interval, mean_over_runs
from pipelines.runs.markdown import markdown_table

Values = NDArray[np.float64]
"""[S seeds, N scenes] of one measure; NaN where there is nothing to measure."""

TABLES = {
    "From the photo": (*(f"photo, {region}" for region in REGIONS), "control", "focus error", "stack error"),
    "From a frame, strong blur": (*(f"strong, {region}" for region in REGIONS), "strong, recovered"),
    "From a frame: gain over the reference as it is": tuple(
        f"{level}, {name}" for level in ("strong", "middle", "weak") for name in ("gain all", "recovered")
    ),
    "Without depth, from the photo": ("focus error without depth",),
}
"""Measures of each table; JSON has all of them."""
COMPARED = (*TABLES["From the photo"], *TABLES["From a frame, strong blur"], "middle, all", "weak, all")


@dataclass(frozen=True, eq=False)
class ScoredArm:
    """An arm's scores: by seed (one entry where nothing is learned), then by scene, the same scenes for all seeds."""

    name: str
    by_seed: Sequence[Mapping[str, Scores]]
    is_learned: bool = True

    @property
    def scenes(self) -> list[str]:
        return list(self.by_seed[0])

    def values(self, measure: str) -> Values:
        """[S, N] of one measure."""
        nan = float("nan")
        return np.array([[scores[s].get(measure, nan) for s in self.scenes] for scores in self.by_seed])

    def mean(self, measure: str) -> Interval | None:
        """None where nothing could be measured."""
        return _interval(self.values(measure))


@dataclass(frozen=True)
class Difference:
    """How much higher an arm is than the first, paired by scene and seed.

    higher: seeds in which it is, of `seeds`. worst_scene, worst: the scene, and its difference, with the most against
    the arm (seeds averaged).
    """

    interval: Interval
    higher: int
    seeds: int
    worst_scene: str
    worst: float


def difference(first: ScoredArm, other: ScoredArm, measure: str) -> Difference | None:
    """None where one of the two has nothing to measure."""
    pairs = other.values(measure) - first.values(measure)  # [S, N]; what was not learned has one seed for all
    found = _interval(pairs)
    if found is None:
        return None
    known = pairs[:, ~np.isnan(pairs).all(axis=0)]
    names = [name for name, column in zip(first.scenes, pairs.T, strict=True) if not np.isnan(column).all()]
    by_scene = np.nanmean(known, axis=0)
    worst = int(by_scene.argmin() if MEASURES[measure].more_is_better else by_scene.argmax())
    by_seed = [float(np.nanmean(row)) for row in pairs if not np.isnan(row).all()]
    return Difference(found, sum(mean > 0 for mean in by_seed), len(by_seed), names[worst], float(by_scene[worst]))


def _interval(values: Values) -> Interval | None:
    rows = [[[] if np.isnan(value) else [float(value)] for value in run] for run in values]
    return None if np.isnan(values).all() else mean_over_runs(rows)


def tables(arms: Sequence[ScoredArm]) -> str:
    """Markdown: means with their intervals, one row per arm; then the learned arms' differences to the first arm."""
    parts = []
    for title, measures in TABLES.items():
        rows = [[arm.name, *(_cell(arm, measure) for measure in measures)] for arm in arms]
        shown = [row for row in rows if any(row[1:])]
        if shown:
            heads = [_heading(title, measure) for measure in measures]
            parts += [f"## {title}", markdown_table(["arm", *heads], shown)]
    compared = [arm for arm in arms[1:] if arm.is_learned]
    if compared:
        parts += [f"## Minus {arms[0].name}, paired by scene and seed", _difference_table(arms[0], compared)]
    return "\n\n".join(parts)


def _cell(arm: ScoredArm, measure: str) -> str:
    found, form = arm.mean(measure), MEASURES[measure].form
    return f"{form.format(found.value)} ({form.format(found.low)} … {form.format(found.high)})" if found else ""


def _heading(title: str, measure: str) -> str:
    heading = MEASURES[measure].heading
    return f"{measure.partition(',')[0]}: {heading}" if "gain" in title else heading


def _difference_table(first: ScoredArm, others: Sequence[ScoredArm]) -> str:
    rows = []
    for arm in others:
        for measure in COMPARED:
            found = difference(first, arm, measure)
            if found:
                form = MEASURES[measure].form.replace("{:.", "{:+.")
                between = f"{form.format(found.interval.low)} … {form.format(found.interval.high)}"
                worst = f"{form.format(found.worst)}, {found.worst_scene}"
                seeds = f"{found.higher}/{found.seeds}"
                rows.append([arm.name, measure, form.format(found.interval.value), between, seeds, worst])
    return markdown_table(["arm", "measure", "difference", "95 % interval", "seeds higher", "worst scene"], rows)


def to_json(arms: Sequence[ScoredArm]) -> dict[str, Any]:
    """Means by arm, and differences to the first by arm, of every measure; what could not be measured is absent."""
    means = {arm.name: {name: asdict(mean) for name in MEASURES if (mean := arm.mean(name))} for arm in arms}
    differences = {arm.name: _differences(arms[0], arm) for arm in arms[1:]}
    return {"means": means, "differences": differences, "compared_with": arms[0].name, "scenes": arms[0].scenes}


def _differences(first: ScoredArm, other: ScoredArm) -> dict[str, dict[str, Any]]:
    found = {name: difference(first, other, name) for name in MEASURES}
    return {
        name: asdict(each.interval) | {key: value for key, value in asdict(each).items() if key != "interval"}
        for name, each in found.items()
        if each
    }
