"""Built-in scenes of the test set: every surface is known, so that frames are gathered exactly, ray by ray."""

import math
from pathlib import Path

import numpy as np

from pipelines.benchmark.focus_points import FOCUS_POINTS
from pipelines.benchmark.recipe import RECIPE, FrameLens, GatheredScene
from pipelines.benchmark.tasks import DISPARITY_SCALE, Frame, Task, TestScene, make_task, write_photo, write_picture
from pipelines.pictures.srgb8 import to_srgb8
from simulator import Scene, ThinLens
from simulator.scenes.catalog import builtin_scene


def make_builtin(folder: Path, recipe: GatheredScene) -> TestScene:
    """Draw the scene, gather its frames, write them as PNGs, and list its tasks."""
    lenses = _lenses(recipe)
    strongest = max(lens.level for lens in lenses) / 100 * recipe.width
    margin_px = math.ceil(strongest) + 1
    layers = builtin_scene(recipe.seed, height=recipe.height, width=recipe.width, margin_px=margin_px).layers
    image, disparity = layers.photo()
    codes = np.rint(disparity.numpy().astype(np.float64) * DISPARITY_SCALE).astype(np.uint16)
    visible = layers.disparity[layers.coverage > 0]
    scene = Scene.from_layers(layers, max_radius_px=strongest * max(1.0, float(visible.max() - visible.min())) * 1.01)
    place = folder / "scenes" / recipe.name
    write_photo(place, image, codes)
    frames = {}
    for lens in lenses:
        row, column = _focus_pixel(recipe, lens.plane)
        focus = float(codes[row, column]) / DISPARITY_SCALE
        name, file = f"p{lens.plane}l{round(100 * lens.level):03d}", f"frame_p{lens.plane}_l{lens.level:.2f}.png"
        frames[lens] = Frame(name, file, row, column, focus, lens.level)
        exact = scene.render([ThinLens.from_blur_level(focus, lens.level, recipe.width)], quality="exact")
        write_picture(place / file, to_srgb8(exact)[0])
    return TestScene(folder, recipe.name, f"built-in, {recipe.kind}, exact gather", tuple(_tasks(recipe, frames)))


def _focus_pixel(recipe: GatheredScene, plane: int) -> tuple[int, int]:
    """Row and column of a focus point of the test set, also where the scene is drawn smaller than the set has it."""
    row, column = FOCUS_POINTS[recipe.name][plane]
    full = next(scene for scene in RECIPE.builtin if scene.name == recipe.name)
    return row * recipe.height // full.height, column * recipe.width // full.width


def _sweep(recipe: GatheredScene) -> set[FrameLens]:
    """The plane alternates from scene to scene, so that sweeps focus far, in the middle and near."""
    return {FrameLens(recipe.seed % RECIPE.planes, level) for level in RECIPE.sweep}


def _group() -> set[FrameLens]:
    return {FrameLens(plane, RECIPE.group_level) for plane in range(RECIPE.planes)}


def _lenses(recipe: GatheredScene) -> list[FrameLens]:
    """Every frame that some task needs, once."""
    pairs = {lens for pair in RECIPE.refocus for lens in (pair.source, pair.target)}
    return sorted({*pairs, *_sweep(recipe), *_group(), *RECIPE.deblur})


def _tasks(recipe: GatheredScene, frames: dict[FrameLens, Frame]) -> list[Task]:
    size, sweep, group = (recipe.height, recipe.width), _sweep(recipe), _group()
    return [
        *(make_task(recipe.name, size, "refocus", frames[p.source], frames[p.target]) for p in RECIPE.refocus),
        *(
            make_task(recipe.name, size, "bokeh", None, frames[lens], sweep=lens in sweep, group=lens in group)
            for lens in sorted(sweep | group)
        ),
        *(make_task(recipe.name, size, "deblur", frames[lens], None) for lens in RECIPE.deblur),
    ]
