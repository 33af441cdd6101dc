"""Path-traced scenes of the test set: the small references that the repository carries, checked by their hash.

Disparity in 1/m becomes relative, D = (D_m − far) / range, and K grows by the range: what a lens does stays the same.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from pipelines.benchmark.recipe import TracedRecipe, difficulty
from pipelines.benchmark.tasks import DISPARITY_SCALE, Kind, Task, TestScene, write_picture
from pipelines.pictures.srgb8 import to_srgb8
from pipelines.validate.references import STORED_FOLDER, Reference, load

REFERENCES = STORED_FOLDER / "photo"
AIF = "aif.png"


def make_traced(folder: Path, recipe: TracedRecipe) -> TestScene:
    """Write the reference's pictures as PNGs and list its tasks.

    Raises ValueError when the stored reference is another one than the recipe's.
    """
    path = REFERENCES / f"{recipe.scene}.npz"
    reference = load(path)
    if reference.sha256() != recipe.sha256:
        raise ValueError(f"{path} must have the hash {recipe.sha256[:12]} of the recipe, got {reference.sha256()[:12]}")
    place = folder / "scenes" / recipe.name
    codes = _codes(reference)
    write_picture(place / AIF, to_srgb8(torch.from_numpy(reference.aif)[None])[0])
    write_picture(place / "disparity.png", codes)
    for i, frame in enumerate(to_srgb8(torch.from_numpy(reference.frames))):
        write_picture(place / frame_name(i), frame)
    tasks = [*_tasks_of(recipe, reference, codes)]
    return TestScene(folder, recipe.name, f"path-traced, {recipe.scene}", tuple(tasks))


def frame_name(index: int) -> str:
    """E.g. `frame_0.png`."""
    return f"frame_{index}.png"


def _codes(reference: Reference) -> npt.NDArray[np.uint16]:
    low, high = float(reference.disparity.min()), float(reference.disparity.max())
    return np.rint((reference.disparity.astype(np.float64) - low) / (high - low) * DISPARITY_SCALE).astype(np.uint16)


def _tasks_of(recipe: TracedRecipe, reference: Reference, codes: npt.NDArray[np.uint16]) -> list[Task]:
    """Each frame from the photo, the photo from each frame, and each frame from the one before."""
    frames = range(len(reference.lenses))
    maker = _TaskMaker(recipe, reference, codes)
    return [
        *(maker.task("refocus", first, second) for first, second in pairwise(frames)),
        *(maker.task("bokeh", None, i) for i in frames),
        *(maker.task("deblur", i, None) for i in frames),
    ]


class _TaskMaker:
    """Holds what the tasks of one reference share: focus and level of each frame, in relative disparity."""

    def __init__(self, recipe: TracedRecipe, reference: Reference, codes: npt.NDArray[np.uint16]) -> None:
        low, high = float(reference.disparity.min()), float(reference.disparity.max())
        self._name, self._codes = recipe.name, codes
        self._focus = [(lens.focus_disparity - low) / (high - low) for lens in reference.lenses]
        long_side = max(codes.shape)
        self._level = [100 * lens.blur_scale_px * (high - low) / long_side for lens in reference.lenses]

    def task(self, kind: Kind, source: int | None, target: int | None) -> Task:
        """From frame `source` (None: the photo) to frame `target` (None: the photo)."""
        place = f"scenes/{self._name}/"
        pointed = target if target is not None else source
        assert pointed is not None
        before, after = (pointed if end is None else end for end in (source, target))
        row, column = self._point(self._focus[pointed])
        height, width = self._codes.shape
        ends = "-".join(f"f{end}" for end in (source, target) if end is not None)
        return Task(
            id=f"{self._name}-{kind}-{ends}",
            scene=self._name,
            kind=kind,
            difficulty=difficulty(
                max(self._level[before], self._level[after]), abs(self._focus[before] - self._focus[after])
            ),
            input=place + (AIF if source is None else frame_name(source)),
            truth=place + (AIF if target is None else frame_name(target)),
            focus_x=(column + 0.5) / width,
            focus_y=(row + 0.5) / height,
            focus_disparity=self._focus[after],
            blur_level=0.0 if target is None else self._level[target],
            input_focus_disparity=self._focus[before],
            input_blur_level=0.0 if source is None else self._level[source],
        )

    def _point(self, focus: float) -> tuple[int, int]:
        """The pixel whose disparity is nearest to the plane in focus, which is a surface of the scene."""
        off = np.abs(self._codes / DISPARITY_SCALE - focus)
        row, column = np.unravel_index(int(off.argmin()), off.shape)
        return int(row), int(column)
