"""The scores of one contestant over all scenes, with intervals: the content of the report's tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from statistics import median
from typing import TypeVar

from pipelines.benchmark.recipe import DIFFICULTIES
from pipelines.benchmark.scoring import SceneScores
from pipelines.benchmark.tasks import KINDS
from pipelines.measure.blur_ruler import control_slope
from pipelines.measure.bootstrap import Interval, mean_over_scenes, over_scenes
from pipelines.measure.regions import REGIONS

T = TypeVar("T")
Figures = dict[str, Interval | None]

RESOLVED_PX = 1.0
"""Smaller radii stay within a pixel: they count in the radius error, not in the slope."""


@dataclass(frozen=True)
class Summary:
    """One contestant.

    pictures: "KIND/REGION/MEASURE". control: slope, error_px, lv_corr ... strata: "KIND/DIFFICULTY/MEASURE".
    None where nothing was answered. answered: of `tasks` tasks.
    """

    name: str
    knows: str
    answered: int
    tasks: int
    pictures: Figures
    control: Figures
    strata: Figures

    @classmethod
    def from_scores(cls, name: str, knows: str, scenes: Sequence[SceneScores]) -> Summary:
        """Bootstrap over scenes throughout."""
        answered = sum(len(scene.tasks) for scene in scenes)
        return cls(
            name=name,
            knows=knows,
            answered=answered,
            tasks=answered + sum(len(scene.unanswered) for scene in scenes),
            pictures=_pictures(scenes),
            control=_control(scenes),
            strata=_strata(scenes),
        )


def _pictures(scenes: Sequence[SceneScores]) -> Figures:
    figures: Figures = {}
    perceived = sorted({name for scene in scenes for score in scene.tasks for name in score.perceptual})
    for kind in KINDS:
        chosen = [[score for score in scene.tasks if score.kind == kind] for scene in scenes]
        for region, measure in product(("all", *REGIONS), ("psnr", "ssim", "mae")):
            known = [[s.fidelity[region] for s in rows if region in s.fidelity] for rows in chosen]
            values = [[float(getattr(fidelity, measure)) for fidelity in rows] for rows in known]
            figures[f"{kind}/{region}/{measure}"] = _mean(values)
        for name in perceived:
            figures[f"{kind}/all/{name}"] = _mean([[s.perceptual[name] for s in rows] for rows in chosen])
    return figures


def _control(scenes: Sequence[SceneScores]) -> Figures:
    """Of refocus and bokeh tasks together, in pixels of the 95th percentile of r; stacking in gray levels."""
    lensed = [[score for score in scene.tasks if score.control] for scene in scenes]
    points = [[score.control for score in rows if score.control] for rows in lensed]
    sweeps = [[scene.sweep] if scene.sweep else [] for scene in scenes]
    return {
        "slope": _figure([[p for p in rows if p.requested_px >= RESOLVED_PX] for rows in points], control_slope),
        "error_px": _mean([[point.error_px for point in rows] for rows in points]),
        "plane_error": _figure([[s.plane_error for s in rows if s.plane_error is not None] for rows in lensed], median),
        "plane_error_px": _figure(
            [[s.plane_error_px for s in rows if s.plane_error_px is not None] for rows in lensed], median
        ),
        "plane_found": _mean([[float(score.plane_error is not None) for score in rows] for rows in lensed]),
        "lv_corr": _mean([[sweep.lv_corr for sweep in rows] for rows in sweeps]),
        "monotonicity": _mean([[sweep.monotonicity for sweep in rows] for rows in sweeps]),
        "stacking": _mean([[scene.stacking] if scene.stacking is not None else [] for scene in scenes]),
        "blur_left_px": _mean([[s.blur_left_px for s in x.tasks if s.blur_left_px is not None] for x in scenes]),
    }


def _strata(scenes: Sequence[SceneScores]) -> Figures:
    figures: Figures = {}
    for kind, level in product(KINDS, DIFFICULTIES):
        chosen = [[s for s in scene.tasks if (s.kind, s.difficulty) == (kind, level)] for scene in scenes]
        psnrs = [[score.fidelity["all"].psnr for score in rows] for rows in chosen]
        errors = [[score.control.error_px for score in rows if score.control] for rows in chosen]
        figures[f"{kind}/{level}/psnr"] = _mean(psnrs)
        figures[f"{kind}/{level}/error_px"] = _mean(errors)
    return figures


def _mean(by_scene: Sequence[Sequence[float]]) -> Interval | None:
    return mean_over_scenes(by_scene) if any(by_scene) else None


def _figure(by_scene: Sequence[Sequence[T]], statistic: Callable[[Sequence[T]], float]) -> Interval | None:
    try:
        return over_scenes(by_scene, statistic)
    except ValueError:  # nothing was answered, or not enough for a slope
        return None
