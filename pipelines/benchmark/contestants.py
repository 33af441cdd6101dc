"""Who is scored: baselines and the simulator, trained checkpoints, and folders of anybody's answers.

A contestant answers a task with a picture, or with None: it does not do this kind of task, or its answer is missing.
Letters: D disparity, K blur scale.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pipelines.benchmark.config import BenchmarkConfig
from pipelines.benchmark.tasks import Task, TestScene, read_picture
from pipelines.errors import UserError
from pipelines.measure.fidelity import Picture
from pipelines.pictures.srgb8 import to_srgb8
from pipelines.validate.degrade import degraded
from simulator import ThinLens, render_stack
from simulator.layers.edges import sharpened
from simulator.optics.color import srgb_to_linear
from simulator.reference.scatter import direct_scatter


class Contestant(Protocol):
    """One column of the report. knows: what it is told beyond the input, the point and the blur level."""

    @property
    def name(self) -> str: ...

    @property
    def knows(self) -> str: ...

    def answer(self, task: Task, scene: TestScene) -> Picture | None: ...


@dataclass(frozen=True)
class Rule:
    """A contestant that is a function."""

    name: str
    knows: str
    of: Callable[[Task, TestScene], Picture | None]

    def answer(self, task: Task, scene: TestScene) -> Picture | None:
        return self.of(task, scene)


def _truth(task: Task, scene: TestScene) -> Picture:
    return scene.truth(task)


def _identity(task: Task, scene: TestScene) -> Picture:
    return scene.input(task)


def _photo(task: Task, scene: TestScene) -> Picture:
    return scene.photo


def _simulator(task: Task, scene: TestScene) -> Picture | None:
    """The renderer with all it may know: photo, exact depth, exact plane. It cannot deblur."""
    lens = task.asked(scene.long_side_px)
    return None if lens is None else _rendered(scene.photo, torch.from_numpy(scene.disparity), lens)


def _simulator_on_input(task: Task, scene: TestScene) -> Picture | None:
    """The renderer as a user without a photo in focus has it: on the input, with depth as a network gives it."""
    lens = task.asked(scene.long_side_px)
    if lens is None:
        return None
    picture = scene.input(task)
    soft = degraded(torch.from_numpy(scene.disparity), seed=zlib.crc32(scene.name.encode()))
    depth = sharpened(soft, _linear(picture))
    return _rendered(picture, depth, ThinLens(float(depth[_pixel(task, depth)]), lens.blur_scale_px))


def _direct_scatter(task: Task, scene: TestScene) -> Picture | None:
    """What most generators compute: soft discs, no occlusion; photo and exact depth."""
    lens = task.asked(scene.long_side_px)
    if lens is None:
        return None
    return to_srgb8(direct_scatter(_linear(scene.photo), torch.from_numpy(scene.disparity), lens)[None])[0]


def _linear(picture: Picture) -> Tensor:
    return srgb_to_linear(torch.from_numpy(picture).permute(2, 0, 1).float() / 255)


def _rendered(picture: Picture, disparity: Tensor, lens: ThinLens) -> Picture:
    return to_srgb8(render_stack(_linear(picture), disparity, [lens]))[0]


def _pixel(task: Task, disparity: Tensor) -> tuple[int, int]:
    height, width = disparity.shape
    return int(task.focus_y * height), int(task.focus_x * width)


RULES: dict[str, Rule] = {
    rule.name: rule
    for rule in (
        Rule("truth", "the answer: says how exact the measures of control are", _truth),
        Rule("identity", "nothing", _identity),
        Rule("all-in-focus photo", "the photo that is all in focus", _photo),
        Rule("simulator", "photo, exact depth, exact plane: the ceiling", _simulator),
        Rule("simulator on input", "depth, soft and a pixel off", _simulator_on_input),
        Rule("direct scatter", "photo, exact depth, exact plane", _direct_scatter),
    )
}


class Refocuses(Protocol):
    """What a trained model does: pipelines.refocus.refocuser.Refocuser."""

    def refocus(
        self,
        photo_srgb: Picture,
        disparity: npt.NDArray[np.float32] | None,
        focus_point: tuple[float, float],
        blur_level: float,
        *,
        seed: int = 0,
    ) -> Picture: ...


@dataclass(frozen=True)
class Checkpoint:
    """A trained model: input, exact depth, point and level in. It does not deblur: blur level 0 is no level to it."""

    name: str
    model: Refocuses
    knows: str = "exact depth"

    @classmethod
    def of(cls, run: Path, device: str, steps: int | None) -> Checkpoint:
        """Load RUN. Raises UserError when it holds no model, or this version has no trainer."""
        try:
            from pipelines.model.sampler_config import SamplerConfig
            from pipelines.refocus.refocuser import Refocuser
        except ImportError as error:
            raise UserError(
                f"--checkpoint {run} needs the trainer's packages: pip install '.[train]' ({error})"
            ) from None
        sampler = SamplerConfig() if steps is None else SamplerConfig(steps=steps)
        return cls(run.name, Refocuser.from_run(run, device, sampler))

    def answer(self, task: Task, scene: TestScene) -> Picture | None:
        """The seed hangs on the task alone, so that one answer never depends on which others were asked for."""
        if task.blur_level <= 0:
            return None
        point, seed = (task.focus_x, task.focus_y), zlib.crc32(task.id.encode())
        return self.model.refocus(scene.input(task), scene.disparity, point, task.blur_level, seed=seed)


@dataclass(frozen=True)
class Predictions:
    """A folder of PNGs named by task id."""

    name: str
    folder: Path
    knows: str = "not known"

    def answer(self, task: Task, scene: TestScene) -> Picture | None:
        """None where there is no file. Raises UserError for a picture of another size, or none."""
        path = self.folder / f"{task.id}.png"
        if not path.exists():
            return None
        try:
            picture = read_picture(path)
        except ValueError as error:
            raise UserError(str(error)) from error
        if picture.shape != scene.photo.shape:
            (height, width), (rows, columns) = scene.photo.shape[:2], picture.shape[:2]
            raise UserError(f"{path} must be {width} x {height} px like its input, got {columns} x {rows}")
        return picture


def contestants(config: BenchmarkConfig, task_ids: set[str]) -> list[Contestant]:
    """Everybody that the configuration names. Raises UserError for a folder without a single answer."""
    chosen: list[Contestant] = [RULES[name] for name in config.contestants]
    chosen += [Checkpoint.of(run, config.device, config.steps) for run in config.checkpoint]
    for folder in config.predictions:
        if not any(path.stem in task_ids for path in folder.glob("*.png")):
            example = min(task_ids)
            raise UserError(f"--predictions {folder} must hold PNGs named by task id, such as {example}.png; got none")
        chosen.append(Predictions(folder.name, folder))
    return chosen
