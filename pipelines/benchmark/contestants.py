"""The methods to score: baselines and the simulator, trained checkpoints, and folders of answers.

An answer is a picture, or None where a method does not support the kind of task or its file is missing.
Letters: D disparity, K blur scale.
"""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pipelines.benchmark.config import BenchmarkConfig
from pipelines.benchmark.tasks import Task, TestScene, read_picture
from pipelines.errors import UserError
from pipelines.measure.fidelity import Picture
from pipelines.model.package_weights import PACKAGE_WEIGHTS
from pipelines.model.sampler_config import SamplerConfig
from pipelines.pictures.srgb8 import from_srgb8, to_srgb8
from pipelines.refocus.missing_blur import missing_blur
from pipelines.refocus.reference_lens import PhotoLens
from pipelines.refocus.refocuser import UNKNOWN_LENS, FocusRequest, Refocuser, disparity_at
from pipelines.refocus.trained import trained_refocuser
from pipelines.render.depth.degraded import degraded
from simulator import ThinLens, render_stack
from simulator.layers.edges import sharpened
from simulator.reference.scatter import direct_scatter

Answer = Callable[[Task, TestScene], Picture | None]


def _no_answer(task: Task, scene: TestScene) -> None:
    return None


@dataclass(frozen=True)
class Contestant:
    """One method, or one training run of it.

    knows: what it is given beyond the input, the focus point and the blur level. method: the name shared by runs that
    differ in their seed. is_anchor: it is given what no user has, such as the all-in-focus photo of a frame.
    without_depth: its answer when depth is withheld.
    """

    name: str
    knows: str
    answer: Answer
    method: str
    is_anchor: bool = False
    without_depth: Answer = _no_answer


def _simulator(task: Task, scene: TestScene) -> Picture | None:
    """It cannot deblur."""
    lens = task.requested_lens(scene.long_side_px)
    return None if lens is None else _rendered(scene.photo, torch.from_numpy(scene.disparity), lens)


def _simulator_on_input(task: Task, scene: TestScene) -> Picture | None:
    """The input and degraded depth, as for a user without an all-in-focus photo and with an estimator's depth."""
    lens = task.requested_lens(scene.long_side_px)
    if lens is None:
        return None
    picture = scene.input(task)
    soft = degraded(torch.from_numpy(scene.disparity), seed=zlib.crc32(scene.name.encode()))
    depth = sharpened(soft, from_srgb8(picture))
    focus = disparity_at(depth.numpy(), (task.focus_x, task.focus_y))
    return _rendered(picture, depth, ThinLens(focus, lens.blur_scale_px))


def _missing_blur(task: Task, scene: TestScene) -> Picture | None:
    """The input, blurred by what its own lens has left to do; from the photo the same as the simulator."""
    long_side_px = scene.long_side_px
    lens = task.requested_lens(long_side_px)
    if lens is None:
        return None
    picture, disparity = from_srgb8(scene.input(task)), torch.from_numpy(scene.disparity)
    return to_srgb8(missing_blur(picture, disparity, task.input_lens(long_side_px), lens)[None])[0]


def _direct_scatter(task: Task, scene: TestScene) -> Picture | None:
    """Soft discs without occlusion, as most generators of training data render them; photo and exact depth."""
    lens = task.requested_lens(scene.long_side_px)
    if lens is None:
        return None
    return to_srgb8(direct_scatter(from_srgb8(scene.photo), torch.from_numpy(scene.disparity), lens)[None])[0]


def _rendered(picture: Picture, disparity: Tensor, lens: ThinLens) -> Picture:
    return to_srgb8(render_stack(from_srgb8(picture), disparity, [lens]))[0]


def _builtin(name: str, knows: str, answer: Answer, *, is_anchor: bool = False) -> Contestant:
    return Contestant(name, knows, answer, method=name, is_anchor=is_anchor)


_BLURS_ON = "depth, blurred and shifted by a pixel; a frame is blurred twice, and never sharpened"
_ADDS_BLUR = "exact depth, the input's own plane and level: the renderer adds only the blur that the input lacks"

BUILTIN = (
    _builtin("truth", "the true picture: its errors are the measures'", lambda t, s: s.truth(t), is_anchor=True),
    _builtin("identity", "nothing; it returns the input", lambda t, s: s.input(t)),
    _builtin("all-in-focus photo", "the all-in-focus photo, which it returns", lambda t, s: s.photo, is_anchor=True),
    _builtin("simulator", "photo, exact depth and plane: the bound of all renderers", _simulator, is_anchor=True),
    _builtin("simulator on input", _BLURS_ON, _simulator_on_input),
    _builtin("missing blur", _ADDS_BLUR, _missing_blur),
    _builtin("direct scatter", "photo, exact depth and plane; no occlusion", _direct_scatter, is_anchor=True),
)
OURS = ("refocus", "refocus, lens told")
"""By the weights of the package; the second is told the input's own plane and level."""


def from_checkpoint(name: str, model: Refocuser, method: str | None = None, *, tells_lens: bool = False) -> Contestant:
    """A trained model. One that makes the all-in-focus picture also deblurs.

    tells_lens: it is told the input's own plane and blur level; else it estimates them where it needs them.
    """

    def refocused(task: Task, scene: TestScene, disparity: npt.NDArray[np.float32] | None) -> Picture | None:
        prepared = model.prepare(scene.input(task), disparity, _own_lens(task) if tells_lens else UNKNOWN_LENS)
        if task.blur_level <= 0:
            return prepared.sharp
        # The seed depends on the task alone, so that an answer is the same in whichever set of tasks
        request = FocusRequest((task.focus_x, task.focus_y), task.blur_level)
        return next(prepared.frames([request], zlib.crc32(task.id.encode())))

    def without_depth(task: Task, scene: TestScene) -> Picture | None:
        try:
            return refocused(task, scene, None)
        except UserError:  # it was trained without depth dropout
            return None

    return Contestant(
        name,
        "exact depth" + (", the input's own plane and level" if tells_lens else ""),
        lambda task, scene: refocused(task, scene, scene.disparity),
        method=method or name,
        without_depth=without_depth,
    )


def _own_lens(task: Task) -> PhotoLens:
    if task.input_blur_level <= 0:
        return PhotoLens(is_sharp=True)
    return PhotoLens(focus_disparity=task.input_focus_disparity, blur_level=task.input_blur_level)


def from_folder(folder: Path) -> Contestant:
    """PNGs named by task id. Its answers raise UserError for a file that is no picture of the right size."""

    def answer(task: Task, scene: TestScene) -> Picture | None:
        path = folder / f"{task.id}.png"
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

    return Contestant(folder.name, "not known", answer, method=folder.name)


def contestants(config: BenchmarkConfig, task_ids: set[str]) -> list[Contestant]:
    """All methods that the configuration names. Raises UserError for a folder without a single answer."""
    chosen = [contestant for contestant in BUILTIN if contestant.name in config.contestants]
    for name in OURS:
        if name in config.contestants:
            model = trained_refocuser(PACKAGE_WEIGHTS, config.device)
            chosen.append(from_checkpoint(name, model, tells_lens=name != OURS[0]))
    sampler = SamplerConfig() if config.steps is None else SamplerConfig(steps=config.steps)
    for method, runs in config.trained().items():
        names = [method if len(runs) == 1 else f"{method} {n}" for n in range(1, len(runs) + 1)]
        models = [trained_refocuser(run, config.device, sampler) for run in runs]
        chosen += [from_checkpoint(name, model, method) for name, model in zip(names, models, strict=True)]
    for folder in config.predictions:
        if not any(path.stem in task_ids for path in folder.glob("*.png")):
            example = min(task_ids)
            raise UserError(f"--predictions {folder} must hold PNGs named by task id, such as {example}.png; got none")
        chosen.append(from_folder(folder))
    return chosen
