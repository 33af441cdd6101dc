"""Path-traced scenes of the test set: small references that come with the package, checked by their hash.

Disparity in 1/m becomes relative, D = (D_m − far) / range, and K grows by the range: the blur of a lens stays the same.
"""

from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from pipelines.benchmark.recipe import TracedScene
from pipelines.benchmark.tasks import DISPARITY_SCALE, Frame, TestScene, make_task, write_photo, write_picture
from pipelines.pictures.srgb8 import to_srgb8
from pipelines.validate.references import STORED_FOLDER, Reference, load

REFERENCES = STORED_FOLDER / "photo"


def make_traced(folder: Path, recipe: TracedScene) -> TestScene:
    """Write the reference's pictures as PNGs and list its tasks.

    Raises ValueError when the stored reference differs from the recipe's.
    """
    path = REFERENCES / f"{recipe.scene}.npz"
    reference = load(path)
    if reference.sha256() != recipe.sha256:
        raise ValueError(f"{path} must have the hash {recipe.sha256[:12]} of the recipe, got {reference.sha256()[:12]}")
    low, depth_range = float(reference.disparity.min()), float(np.ptp(reference.disparity.astype(np.float64)))
    codes = np.rint((reference.disparity.astype(np.float64) - low) / depth_range * DISPARITY_SCALE).astype(np.uint16)
    place = folder / "scenes" / recipe.name
    write_photo(place, torch.from_numpy(reference.aif), codes)
    frames = _frames(reference, codes, low, depth_range)
    for frame, picture in zip(frames, to_srgb8(torch.from_numpy(reference.frames)), strict=True):
        write_picture(place / frame.file, picture)
    name, size = recipe.name, (codes.shape[0], codes.shape[1])
    tasks = (
        *(make_task(name, size, "refocus", source, target) for source, target in pairwise(frames)),
        *(make_task(name, size, "bokeh", None, frame) for frame in frames),
        *(make_task(name, size, "deblur", frame, None) for frame in frames),
    )
    return TestScene(folder, name, f"path-traced, {recipe.scene}", tasks)


def _frames(reference: Reference, codes: npt.NDArray[np.uint16], low: float, depth_range: float) -> list[Frame]:
    """One frame per lens, its focus point on the pixel whose disparity is nearest to the plane in focus."""
    frames = []
    for i, lens in enumerate(reference.lenses):
        focus = (lens.focus_disparity - low) / depth_range
        off_plane = np.abs(codes / DISPARITY_SCALE - focus)
        row, column = np.unravel_index(int(off_plane.argmin()), off_plane.shape)
        level = 100 * lens.blur_scale_px * depth_range / max(codes.shape)
        frames.append(Frame(f"f{i}", f"frame_{i}.png", int(row), int(column), focus, level))
    return frames
