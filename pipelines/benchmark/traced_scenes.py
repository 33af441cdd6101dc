"""Path-traced scenes of the test set: small references that come with the package, checked by their hash."""

from itertools import pairwise
from pathlib import Path

import torch

from pipelines.benchmark.metric_scene import MetricScale
from pipelines.benchmark.recipe import TracedScene
from pipelines.benchmark.tasks import TestScene, make_task, write_photo, write_picture
from pipelines.pictures.srgb8 import to_srgb8
from pipelines.validate.references import STORED_FOLDER, load

REFERENCES = STORED_FOLDER / "photo"


def make_traced(folder: Path, recipe: TracedScene) -> TestScene:
    """Write the reference's pictures as PNGs and list its tasks.

    Raises ValueError when the stored reference differs from the recipe's.
    """
    path = REFERENCES / f"{recipe.scene}.npz"
    reference = load(path)
    if reference.sha256() != recipe.sha256:
        raise ValueError(f"{path} must have the hash {recipe.sha256[:12]} of the recipe, got {reference.sha256()[:12]}")
    scale = MetricScale.of(reference.disparity)
    place = folder / "scenes" / recipe.name
    write_photo(place, torch.from_numpy(reference.aif), scale.codes)
    frames = [scale.frame(f"f{i}", f"frame_{i}.png", lens) for i, lens in enumerate(reference.lenses)]
    for frame, picture in zip(frames, to_srgb8(torch.from_numpy(reference.frames)), strict=True):
        write_picture(place / frame.file, picture)
    name, size = recipe.name, scale.size
    tasks = (
        *(make_task(name, size, "refocus", source, target) for source, target in pairwise(frames)),
        *(make_task(name, size, "bokeh", None, frame) for frame in frames),
        *(make_task(name, size, "deblur", frame, None) for frame in frames),
    )
    return TestScene(folder, name, f"path-traced, {recipe.scene}", tasks)
