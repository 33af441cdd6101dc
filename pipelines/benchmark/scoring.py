"""Scores of all contestants on one scene: picture errors, and errors of blur and plane.

Letters: D disparity, D_f plane in focus, K blur scale, r = K |D − D_f|.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import numpy.typing as npt

from pipelines.benchmark.contestants import Contestant
from pipelines.benchmark.perceptual import Perceptual
from pipelines.benchmark.recipe import Difficulty
from pipelines.benchmark.tasks import Kind, Task, TestScene
from pipelines.measure.blur_ruler import BlurRuler, ControlPoint
from pipelines.measure.blur_sweep import SweepControl, sweep_control
from pipelines.measure.edge_bleed import edge_bleed
from pipelines.measure.fidelity import Fidelity, Picture, fidelity_by_region
from pipelines.measure.recovered_share import recovered_share
from pipelines.measure.regions import silhouette_band
from pipelines.measure.sharpest_plane import sharpest_plane
from pipelines.measure.stacking import stacking_error
from simulator import ThinLens

RULER_REACH = 1.6
"""Rulers go to this many times the strongest level of the scene's tasks."""

Keep = Callable[[Contestant, Task, Picture], None]
Rulers = Callable[[float], BlurRuler]  # by the plane in focus


@dataclass(frozen=True)
class PlaneError:
    """Distance of the sharpest from the requested plane: share of the depth range, and pixels of blur.

    None where no plane is sharper than the others.
    """

    share: float | None
    px: float | None


@dataclass(frozen=True)
class TaskScore:
    """One answer. fidelity: of all pixels and by region. control: None for deblur, which has blur_left_px instead.

    plane: None for deblur. blind_plane: of a second answer for which no depth was given; None where there is none.
    recovered_share: None where nothing blurred is asked sharp. edge_bleed: None without outlines in focus.
    """

    task: str
    scene: str
    kind: Kind
    difficulty: Difficulty
    fidelity: Mapping[str, Fidelity]
    control: ControlPoint | None
    blur_left_px: float | None
    plane: PlaneError | None
    blind_plane: PlaneError | None
    recovered_share: float | None
    edge_bleed: float | None
    perceptual: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class SceneScores:
    """One contestant on one scene; sweep and stacking are None where answers are missing."""

    scene: str
    tasks: tuple[TaskScore, ...]
    sweep: SweepControl | None
    stacking: float | None
    unanswered: tuple[str, ...]


def score_scene(
    scene: TestScene, contestants: Sequence[Contestant], perceptual: Perceptual, keep: Keep
) -> dict[str, SceneScores]:
    """By contestant. Rulers are rendered once for all of them; `keep` gets every answer."""
    rulers = _rulers(scene)
    results = {}
    for contestant in contestants:
        answers: dict[str, Picture] = {}
        scores: list[TaskScore] = []
        for task in scene.tasks:
            picture = contestant.answer(task, scene)
            if picture is not None:
                answers[task.id] = picture
                keep(contestant, task, picture)
                blind = contestant.without_depth(task, scene)
                scores.append(_score(scene, task, picture, blind, rulers, perceptual))
        unanswered = tuple(task.id for task in scene.tasks if task.id not in answers)
        sweep, stacking = _sweep(scene, answers), _stacking(scene, answers)
        results[contestant.name] = SceneScores(scene.name, tuple(scores), sweep, stacking, unanswered)
    return results


def _score(
    scene: TestScene, task: Task, picture: Picture, blind: Picture | None, rulers: Rulers, perceptual: Perceptual
) -> TaskScore:
    truth = scene.truth(task)
    requested = task.requested_lens(scene.long_side_px)
    lens = requested or task.input_lens(scene.long_side_px)
    assert lens is not None
    defocus_px = _defocus_px(lens, scene)
    control = ControlPoint.from_fit(scene.disparity, lens, rulers(lens.focus_disparity).fit(picture))
    return TaskScore(
        task=task.id,
        scene=scene.name,
        kind=task.kind,
        difficulty=task.difficulty,
        fidelity=fidelity_by_region(picture, truth, defocus_px),
        control=control if requested else None,
        blur_left_px=None if requested else control.fitted_px,
        plane=_plane_error(scene, requested, picture, defocus_px) if requested else None,
        blind_plane=_plane_error(scene, requested, blind, defocus_px) if requested and blind is not None else None,
        recovered_share=_recovered_share(scene, task, picture, truth),
        edge_bleed=edge_bleed(picture, truth, defocus_px) if requested else None,
        perceptual=perceptual.scores(picture, truth),
    )


def _plane_error(
    scene: TestScene, requested: ThinLens, picture: Picture, defocus_px: npt.NDArray[np.float64]
) -> PlaneError:
    found = sharpest_plane(picture, scene.photo, scene.disparity, silhouette_band(defocus_px))
    if found is None:
        return PlaneError(None, None)
    off = abs(found - requested.focus_disparity)
    return PlaneError(off / float(np.ptp(scene.disparity)), requested.blur_scale_px * off)


def _recovered_share(scene: TestScene, task: Task, picture: Picture, truth: Picture) -> float | None:
    own, asked = task.input_lens(scene.long_side_px), task.requested_lens(scene.long_side_px)
    if own is None:
        return None
    asked_px = np.zeros(scene.disparity.shape) if asked is None else _defocus_px(asked, scene)
    return recovered_share(picture, scene.input(task), truth, _defocus_px(own, scene), asked_px)


def _sweep(scene: TestScene, answers: Mapping[str, Picture]) -> SweepControl | None:
    tasks = sorted((task for task in scene.tasks if task.sweep), key=lambda task: task.blur_level)
    if len(tasks) < 3 or any(task.id not in answers for task in tasks):
        return None
    levels = [task.blur_level for task in tasks]
    return sweep_control([answers[task.id] for task in tasks], levels, scene.disparity, tasks[0].focus_disparity)


def _stacking(scene: TestScene, answers: Mapping[str, Picture]) -> float | None:
    """In gray levels of 255."""
    tasks = [task for task in scene.tasks if task.group]
    lenses = [task.requested_lens(scene.long_side_px) for task in tasks]
    if len(tasks) < 2 or any(task.id not in answers for task in tasks):
        return None
    defocus_px = np.stack([_defocus_px(lens, scene) for lens in lenses if lens is not None])
    error = stacking_error([answers[task.id] for task in tasks], scene.photo, defocus_px)
    return None if error is None else 255 * error


def _defocus_px(lens: ThinLens, scene: TestScene) -> npt.NDArray[np.float64]:
    """s = K (D − D_f) [H, W]."""
    return np.asarray(lens.blur_scale_px * (scene.disparity.astype(np.float64) - lens.focus_disparity))


def _rulers(scene: TestScene) -> Rulers:
    """The rulers of a scene, one a plane, rendered at first use."""
    levels = [level for task in scene.tasks for level in (task.blur_level, task.input_blur_level)]
    largest_scale_px = RULER_REACH * max(levels) / 100 * scene.long_side_px
    return cache(lambda focus: BlurRuler.from_photo(scene.photo, scene.disparity, focus, largest_scale_px))
