"""The worst and best answers of a contestant, side by side with input, truth and error, as pictures in the page."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from pipelines.benchmark.scoring import SceneScores, Score
from pipelines.benchmark.tasks import Task, TestScene, read_picture
from pipelines.measure.fidelity import Picture

ERROR_GAIN = 4
_JPEG_QUALITY = 88


@dataclass(frozen=True)
class Case:
    """One answer: what it is an example of, what was asked and what came, and four pictures as data URIs."""

    title: str
    task: str
    asked: str
    came: str
    pictures: tuple[tuple[str, str], ...]


def cases_of(name: str, scores: Sequence[SceneScores], scenes: Sequence[TestScene], answers: Path) -> list[Case]:
    """The worst and the best picture by PSNR, and the answer whose blur is farthest from what was asked.

    Among refocus and bokeh tasks, or deblur where a contestant does nothing else.
    """
    every = [score for scene in scores for score in scene.scores]
    lensed = [score for score in every if score.control] or every
    if not lensed:
        return []
    chosen = {
        "Worst picture": min(lensed, key=lambda s: (s.fidelity["all"].psnr, s.task)),
        "Best picture": max(lensed, key=lambda s: (s.fidelity["all"].psnr, s.task)),
    }
    obeyed = [score for score in lensed if score.control]
    if obeyed:
        chosen["Worst blur"] = max(obeyed, key=lambda s: (s.control.error_px if s.control else 0.0, s.task))
    by_id = {task.id: (scene, task) for scene in scenes for task in scene.tasks}
    return [_case(title, score, *by_id[score.task], answers / name) for title, score in chosen.items()]


def _case(title: str, score: Score, scene: TestScene, task: Task, folder: Path) -> Case:
    answer, truth = read_picture(folder / f"{task.id}.png"), scene.truth(task)
    error = (answer.astype(np.int16) - truth) * ERROR_GAIN + 128
    shown = {
        "input": scene.input(task),
        "answer": answer,
        "truth": truth,
        f"error x {ERROR_GAIN}": error.clip(0, 255).astype(np.uint8),
    }
    asked = f"blur level {task.blur_level:.2f} % at D = {task.focus_disparity:.2f}" if score.control else "no blur"
    return Case(title, task.id, asked, _came(score), tuple((name, data_uri(p)) for name, p in shown.items()))


def _came(score: Score) -> str:
    parts = [f"PSNR {score.fidelity['all'].psnr:.1f} dB"]
    if score.control:
        parts.append(f"radius asked {score.control.requested_px:.1f} px, fitted {score.control.fitted_px:.1f} px")
    if score.plane_error_px is not None:
        parts.append(f"plane off by {score.plane_error_px:.1f} px")
    elif score.control:
        parts.append("no plane sharper than the others")
    return "; ".join(parts)


def data_uri(picture: Picture) -> str:
    """A JPEG inside the page."""
    _, data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode()
