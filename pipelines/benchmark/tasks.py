"""A task: one input, one focus point, one blur level, and the true picture.

Letters: D disparity in [0, 1], bigger is nearer; D_f plane in focus; K blur scale in pixels.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt
import torch

from pipelines.benchmark.recipe import Difficulty, difficulty
from pipelines.measure.fidelity import Picture
from pipelines.pictures.srgb8 import to_srgb8
from shards.record import MAX_DISPARITY_CODE
from simulator import ThinLens

Kind = Literal["refocus", "bokeh", "deblur"]
KINDS: tuple[Kind, ...] = ("refocus", "bokeh", "deblur")
DISPARITY_SCALE = float(MAX_DISPARITY_CODE)
AIF_FILE, DISPARITY_FILE = "aif.png", "disparity.png"


@dataclass(frozen=True)
class Frame:
    """A frame of a test scene: its name in task ids, its file, the pixel in focus, D_f, blur level."""

    name: str
    file: str
    row: int
    column: int
    focus_disparity: float
    blur_level: float


@dataclass(frozen=True)
class Task:
    """One task. Paths are relative to the set's folder.

    focus_x, focus_y: where to focus, pixel-center coordinates in (0, 1); for deblur, where the input is sharp.
    focus_disparity: D there. blur_level: requested, percent of the long side over one unit of D; 0 for deblur.
    input_focus_disparity, input_blur_level: of the input; level 0 for an all-in-focus photo.
    sweep, group: the task belongs to the scene's sweep of levels, to its stacking group.
    """

    id: str
    scene: str
    kind: Kind
    difficulty: Difficulty
    input: str
    truth: str
    focus_x: float
    focus_y: float
    focus_disparity: float
    blur_level: float
    input_focus_disparity: float
    input_blur_level: float
    sweep: bool = False
    group: bool = False

    def requested_lens(self, long_side_px: int) -> ThinLens | None:
        """The lens of the true picture; None for deblur, where it is all in focus."""
        return _lens(self.focus_disparity, self.blur_level, long_side_px)

    def input_lens(self, long_side_px: int) -> ThinLens | None:
        """The lens of the input; None for an all-in-focus photo."""
        return _lens(self.input_focus_disparity, self.input_blur_level, long_side_px)


def make_task(
    scene: str,
    size: tuple[int, int],
    kind: Kind,
    source: Frame | None,
    target: Frame | None,
    *,
    sweep: bool = False,
    group: bool = False,
) -> Task:
    """The task from one frame to another of a scene of size (H, W); None is the all-in-focus photo."""
    before, after = source or target, target or source
    assert before is not None
    assert after is not None
    return Task(
        id=f"{scene}-{kind}-{'-'.join(frame.name for frame in (source, target) if frame)}",
        scene=scene,
        kind=kind,
        difficulty=difficulty(
            max(before.blur_level, after.blur_level), abs(before.focus_disparity - after.focus_disparity)
        ),
        input=f"scenes/{scene}/{source.file if source else AIF_FILE}",
        truth=f"scenes/{scene}/{target.file if target else AIF_FILE}",
        focus_x=(after.column + 0.5) / size[1],
        focus_y=(after.row + 0.5) / size[0],
        focus_disparity=after.focus_disparity,
        blur_level=target.blur_level if target else 0.0,
        input_focus_disparity=before.focus_disparity,
        input_blur_level=source.blur_level if source else 0.0,
        sweep=sweep,
        group=group,
    )


def _lens(focus: float, level: float, long_side_px: int) -> ThinLens | None:
    return ThinLens.from_blur_level(focus, level, long_side_px) if level > 0 else None


@dataclass(frozen=True)
class TestScene:
    """A scene of the set on disk: `scenes/NAME/aif.png`, `disparity.png` (16 bits, 65535 is 1) and its frames."""

    __test__ = False  # not a test for pytest to collect

    folder: Path
    name: str
    source: str
    tasks: tuple[Task, ...]

    @cached_property
    def photo(self) -> Picture:
        """The all-in-focus photo, uint8 [H, W, 3]."""
        return read_picture(self.folder / "scenes" / self.name / AIF_FILE)

    @cached_property
    def disparity(self) -> npt.NDArray[np.float32]:
        """[H, W] in [0, 1]."""
        path = self.folder / "scenes" / self.name / DISPARITY_FILE
        codes = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        if codes is None or codes.dtype != np.uint16:
            raise ValueError(f"{path} must be a 16-bit PNG, got {'another file' if path.exists() else 'none'}")
        return np.asarray(codes / DISPARITY_SCALE, np.float32)

    @property
    def long_side_px(self) -> int:
        return max(self.photo.shape[:2])

    def input(self, task: Task) -> Picture:
        """The picture that a method gets."""
        return read_picture(self.folder / task.input)

    def truth(self, task: Task) -> Picture:
        return read_picture(self.folder / task.truth)

    def to_json(self) -> dict[str, Any]:
        """Plain data, the folder aside."""
        tasks = [dataclasses.asdict(task) for task in self.tasks]
        return {"name": self.name, "source": self.source, "tasks": tasks}

    @classmethod
    def from_json(cls, folder: Path, entry: dict[str, Any]) -> TestScene:
        return cls(folder, entry["name"], entry["source"], tuple(Task(**task) for task in entry["tasks"]))


def read_picture(path: Path) -> Picture:
    """The picture in a file, uint8 [H, W, 3], R G B. Raises ValueError when the file is no picture."""
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if pixels is None:
        raise ValueError(f"{path} must be a picture, it is {'damaged' if path.exists() else 'not there'}")
    return np.ascontiguousarray(pixels[..., ::-1], np.uint8)


def write_photo(place: Path, linear: torch.Tensor, codes: npt.NDArray[np.uint16]) -> None:
    """Write the all-in-focus photo of a scene, linear light [3, H, W], and its disparity as 16-bit codes [H, W]."""
    write_picture(place / AIF_FILE, to_srgb8(linear[None])[0])
    write_picture(place / DISPARITY_FILE, codes)


def write_picture(path: Path, picture: npt.NDArray[np.generic]) -> None:
    """Write a PNG of R G B [H, W, 3], or of one channel [H, W]."""
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), picture[..., ::-1] if picture.ndim == 3 else picture)
