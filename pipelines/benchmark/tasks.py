"""What a method is asked: one input, one point to focus on, one blur level; and the picture that should come out.

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

from pipelines.benchmark.recipe import Difficulty
from pipelines.measure.fidelity import Picture
from simulator import ThinLens

Kind = Literal["refocus", "bokeh", "deblur"]
KINDS: tuple[Kind, ...] = ("refocus", "bokeh", "deblur")
DISPARITY_SCALE = 65535.0


@dataclass(frozen=True)
class Task:
    """One question. Paths are relative to the set's folder.

    focus_x, focus_y: where to focus, pixel-centre coordinates in (0, 1); for deblur, where the input is sharp.
    focus_disparity: D there. blur_level: asked for, percent of the long side over one unit of D; 0 for deblur.
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

    def asked(self, long_side_px: int) -> ThinLens | None:
        """The lens that was asked for; None for deblur."""
        return _lens(self.focus_disparity, self.blur_level, long_side_px)

    def of_input(self, long_side_px: int) -> ThinLens | None:
        """The lens of the input; None for an all-in-focus photo."""
        return _lens(self.input_focus_disparity, self.input_blur_level, long_side_px)


def _lens(focus: float, level: float, long_side_px: int) -> ThinLens | None:
    return ThinLens.from_blur_level(focus, level, long_side_px) if level > 0 else None


@dataclass(frozen=True)
class TestScene:
    """A scene of the set on disk: `scenes/NAME/aif.png`, `disparity.png` (16 bits, 65535 is 1) and its frames."""

    __test__ = False  # no test for pytest to collect

    folder: Path
    name: str
    source: str
    tasks: tuple[Task, ...]

    @cached_property
    def photo(self) -> Picture:
        """The all-in-focus photo, uint8 [H, W, 3]."""
        return read_picture(self.folder / "scenes" / self.name / "aif.png")

    @cached_property
    def disparity(self) -> npt.NDArray[np.float32]:
        """[H, W] in [0, 1]."""
        codes = cv2.imread(str(self.folder / "scenes" / self.name / "disparity.png"), cv2.IMREAD_UNCHANGED)
        if codes is None or codes.dtype != np.uint16:
            raise ValueError(f"{self.folder}/scenes/{self.name}/disparity.png must be a 16-bit PNG, it is not")
        return np.asarray(codes / DISPARITY_SCALE, np.float32)

    @property
    def long_side_px(self) -> int:
        return max(self.photo.shape[:2])

    def input(self, task: Task) -> Picture:
        """What a method may look at."""
        return read_picture(self.folder / task.input)

    def truth(self, task: Task) -> Picture:
        """What should come out."""
        return read_picture(self.folder / task.truth)

    def to_json(self) -> dict[str, Any]:
        """Plain data, the folder aside."""
        tasks = [dataclasses.asdict(task) for task in self.tasks]
        return {"name": self.name, "source": self.source, "tasks": tasks}

    @classmethod
    def from_json(cls, folder: Path, told: dict[str, Any]) -> TestScene:
        """The way back."""
        return cls(folder, told["name"], told["source"], tuple(Task(**task) for task in told["tasks"]))


def read_picture(path: Path) -> Picture:
    """uint8 [H, W, 3], R G B. Raises ValueError when the file is no picture."""
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if pixels is None:
        raise ValueError(f"{path} must be a picture, it is {'damaged' if path.exists() else 'not there'}")
    return np.ascontiguousarray(pixels[..., ::-1], np.uint8)


def write_picture(path: Path, picture: npt.NDArray[np.generic]) -> None:
    """A PNG of R G B, or of one channel."""
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), picture[..., ::-1] if picture.ndim == 3 else picture)
