"""The worst and best answers of a contestant, side by side with input, truth and error, as pictures in the page."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2

from pipelines.benchmark.scoring import SceneScores, TaskScore
from pipelines.benchmark.tasks import Task, TestScene, read_picture
from pipelines.measure.fidelity import Picture
from pipelines.pictures.data_url import data_url
from pipelines.pictures.grid import signed_error

ERROR_GAIN = 4
_JPEG_QUALITY = 88


@dataclass(frozen=True)
class Case:
    """One answer: title, task id, the request, the measured errors, four pictures as data URLs, their size."""

    title: str
    task: str
    requested: str
    measured: str
    pictures: tuple[tuple[str, str], ...]
    width: int
    height: int


def select_cases(name: str, scores: Sequence[SceneScores], scenes: Sequence[TestScene], answers: Path) -> list[Case]:
    """The worst and the best picture by PSNR, and the answer with the largest radius error.

    Among refocus and bokeh tasks, or deblur tasks of a contestant that supports nothing else.
    """
    every = [score for scene in scores for score in scene.tasks]
    lensed = [score for score in every if score.control]
    by_psnr = sorted(lensed or every, key=lambda s: (s.fidelity["all"].psnr, s.task))
    if not by_psnr:
        return []
    chosen = {"Worst picture": by_psnr[0], "Best picture": by_psnr[-1]}
    if lensed:
        chosen["Worst blur"] = max(lensed, key=lambda s: (s.control.error_px if s.control else 0.0, s.task))
    by_id = {task.id: (scene, task) for scene in scenes for task in scene.tasks}
    return [_case(title, score, *by_id[score.task], answers / name) for title, score in chosen.items()]


def _case(title: str, score: TaskScore, scene: TestScene, task: Task, folder: Path) -> Case:
    answer, truth = read_picture(folder / f"{task.id}.png"), scene.truth(task)
    error = signed_error(answer, truth, ERROR_GAIN)
    shown = {"input": scene.input(task), "answer": answer, "truth": truth, f"error x {ERROR_GAIN}": error}
    requested = f"blur level {task.blur_level:.2f} % at D = {task.focus_disparity:.2f}" if score.control else "no blur"
    height, width = truth.shape[:2]
    pictures = tuple((name, _jpeg(picture)) for name, picture in shown.items())
    return Case(title, task.id, requested, _measured(score), pictures, width, height)


def _measured(score: TaskScore) -> str:
    parts = [f"PSNR {score.fidelity['all'].psnr:.1f} dB"]
    if score.control:
        parts.append(f"radius {score.control.fitted_px:.1f} px, requested {score.control.requested_px:.1f} px")
    if score.plane and score.plane.px is not None:
        parts.append(f"plane off by {score.plane.px:.1f} px")
    elif score.control:
        parts.append("no plane sharper than the others")
    return "; ".join(parts)


def _jpeg(picture: Picture) -> str:
    _, data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return data_url("image/jpeg", data.tobytes())
