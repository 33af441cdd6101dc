"""A focus pull: the same photo with its plane moved from far to near; frames, an animation, a contact sheet."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipelines.pictures.drawing import plane_color
from pipelines.pictures.grid import Cell, Row, contact_sheet
from pipelines.pictures.resizing import shrunk

QUANTILES = (0.03, 0.97)
RIM = 0.04
"""Width of the border that is avoided where the depth occurs elsewhere, as a fraction of the short side."""
FRAME_MS, HOLD_MS = 90, 900
ANIMATION_SIDE_PX = 960


@dataclass(frozen=True)
class Stop:
    """One frame of the pull: focus point and the disparity there."""

    point: tuple[float, float]
    disparity: float


def plan_stops(disparity: NDArray[np.float32], count: int) -> list[Stop]:
    """`count` focus points from far to near, evenly in disparity between the photo's QUANTILES; [H, W] in [0, 1].

    Of the pixels within 1/500 of the closest disparity, the one with the least local contrast in disparity is taken:
    it lies off silhouettes where possible.
    """
    low, high = (float(value) for value in np.quantile(disparity, QUANTILES))
    window = np.ones((9, 9), np.uint8)
    contrast = cv2.dilate(disparity, window) - cv2.erode(disparity, window)  # [H, W]
    height, width = disparity.shape
    rim = max(1, round(RIM * min(height, width)))
    contrast = np.pad(contrast[rim:-rim, rim:-rim], rim, constant_values=2.0)  # worse than any silhouette
    stops = []
    for target in np.linspace(low, high, count):
        away = np.abs(disparity - target)
        calmest = int(np.argmin(np.where(away <= away.min() + 0.002, contrast, np.inf)))
        row, column = np.unravel_index(calmest, disparity.shape)
        point = (float(column) + 0.5) / width, (float(row) + 0.5) / height
        stops.append(Stop(point, float(disparity[row, column])))
    return stops


def write_sweep(folder: Path, stops: Sequence[Stop], pictures: Iterable[NDArray[np.uint8]], title: str) -> list[Path]:
    """Write the picture of every stop: FOLDER/frame_000.png ..., pull.webp and contact_sheet.png. Returns the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    frames, paths = [], []
    for number, frame in enumerate(pictures):
        paths.append(folder / f"frame_{number:03d}.png")
        Image.fromarray(frame).save(paths[-1])
        frames.append(shrunk(frame, ANIMATION_SIDE_PX))
    return [*paths, _write_animation(folder / "pull.webp", frames), _write_sheet(folder, stops, frames, title)]


def _write_animation(path: Path, frames: Sequence[NDArray[np.uint8]]) -> Path:
    """Far to near and back, with a pause at both ends."""
    there = [Image.fromarray(frame) for frame in frames]
    order = there + there[-2:0:-1]
    times = [HOLD_MS if i in (0, len(there) - 1) else FRAME_MS for i in range(len(order))]
    order[0].save(path, save_all=True, append_images=order[1:], duration=times, loop=0, quality=88, method=4)
    return path


def _write_sheet(folder: Path, stops: Sequence[Stop], frames: Sequence[NDArray[np.uint8]], title: str) -> Path:
    cells = [
        Cell(frame, f"in focus: disparity {stop.disparity:.3f}", stop.point, plane_color(number, len(frames)))
        for number, (stop, frame) in enumerate(zip(stops, frames, strict=True))
    ]
    columns = min(4, math.ceil(math.sqrt(len(cells))))
    path = folder / "contact_sheet.png"
    contact_sheet(title, [Row(cells[i : i + columns]) for i in range(0, len(cells), columns)]).save(path)
    return path
