"""Built-in scenes of the test set: every surface is known, so that frames are gathered exactly, ray by ray."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from pipelines.benchmark.recipe import RECIPE, BuiltinRecipe, LensRecipe, difficulty
from pipelines.benchmark.tasks import DISPARITY_SCALE, Kind, Task, TestScene, write_picture
from pipelines.pictures.srgb8 import to_srgb8
from pipelines.render.config import StackConfig
from pipelines.render.sample.stack_sampling import FocusPoint, sample_stack
from simulator import Scene, ThinLens
from simulator.scenes.catalogue import builtin_scene

AIF = "aif.png"


def make_builtin(folder: Path, recipe: BuiltinRecipe) -> TestScene:
    """Draw the scene, gather its frames, write them as PNGs, and list its tasks."""
    size = {"height": recipe.height, "width": recipe.width}
    lenses = _lens_recipes(recipe)
    strongest = max(lens.level for lens in lenses) / 100 * recipe.width
    layers = builtin_scene(recipe.seed, kind=recipe.kind, margin_px=math.ceil(strongest) + 1, **size).layers
    image, disparity = layers.photo()
    codes = np.rint(disparity.numpy().astype(np.float64) * DISPARITY_SCALE).astype(np.uint16)
    points = sample_stack(recipe.seed, recipe.name, codes, StackConfig(planes=RECIPE.planes)).points
    focus = [float(codes[p.row, p.column]) / DISPARITY_SCALE for p in points]
    seen = layers.disparity[layers.coverage > 0]
    scene = Scene.from_layers(layers, max_radius_px=strongest * max(1.0, float(seen.max() - seen.min())) * 1.01)
    place = folder / "scenes" / recipe.name
    write_picture(place / AIF, to_srgb8(image[None])[0])
    write_picture(place / "disparity.png", codes)
    for lens in lenses:
        exact = scene.render([ThinLens.from_blur_level(focus[lens.plane], lens.level, recipe.width)], quality="exact")
        write_picture(place / frame_name(lens), to_srgb8(exact)[0])
    tasks = _Tasks(recipe, points, focus).all()
    return TestScene(folder, recipe.name, f"built-in, {recipe.kind}, exact gather", tuple(tasks))


def frame_name(lens: LensRecipe) -> str:
    """E.g. `frame_p1_l2.00.png`."""
    return f"frame_p{lens.plane}_l{lens.level:.2f}.png"


def sweep_plane(recipe: BuiltinRecipe) -> int:
    """Scenes take turns, so that sweeps focus near, far and between."""
    return recipe.seed % RECIPE.planes


def _lens_recipes(recipe: BuiltinRecipe) -> list[LensRecipe]:
    """Every frame that some task needs, once."""
    pairs = [lens for pair in RECIPE.refocus for lens in (pair.source, pair.target)]
    sweep = [LensRecipe(sweep_plane(recipe), level) for level in RECIPE.sweep]
    group = [LensRecipe(plane, RECIPE.group_level) for plane in range(RECIPE.planes)]
    wanted = {*pairs, *sweep, *group, *RECIPE.deblur}
    return sorted(wanted, key=lambda lens: (lens.plane, lens.level))


class _Tasks:
    """Lists the tasks of one scene; holds what they share."""

    def __init__(self, recipe: BuiltinRecipe, points: Iterable[FocusPoint], focus: list[float]) -> None:
        self._recipe, self._points, self._focus = recipe, list(points), focus

    def all(self) -> list[Task]:
        pairs = [self._task("refocus", pair.source, pair.target) for pair in RECIPE.refocus]
        sweep = {LensRecipe(sweep_plane(self._recipe), level) for level in RECIPE.sweep}
        group = {LensRecipe(plane, RECIPE.group_level) for plane in range(RECIPE.planes)}
        blurred = sorted(sweep | group, key=lambda lens: (lens.plane, lens.level))
        bokeh = [self._task("bokeh", None, lens, sweep=lens in sweep, group=lens in group) for lens in blurred]
        return [*pairs, *bokeh, *(self._task("deblur", lens, None) for lens in RECIPE.deblur)]

    def _task(
        self,
        kind: Kind,
        source: LensRecipe | None,
        target: LensRecipe | None,
        *,
        sweep: bool = False,
        group: bool = False,
    ) -> Task:
        place = f"scenes/{self._recipe.name}/"
        pointed = target or source
        assert pointed is not None
        row, column = self._points[pointed.plane].row, self._points[pointed.plane].column
        before, after = source or pointed, target or pointed
        ends = "-".join(_short(lens) for lens in (source, target) if lens)
        distance = abs(self._focus[before.plane] - self._focus[after.plane])
        return Task(
            id=f"{self._recipe.name}-{kind}-{ends}",
            scene=self._recipe.name,
            kind=kind,
            difficulty=difficulty(max(before.level, after.level), distance),
            input=place + (frame_name(source) if source else AIF),
            truth=place + (frame_name(target) if target else AIF),
            focus_x=(column + 0.5) / self._recipe.width,
            focus_y=(row + 0.5) / self._recipe.height,
            focus_disparity=self._focus[after.plane],
            blur_level=target.level if target else 0.0,
            input_focus_disparity=self._focus[before.plane],
            input_blur_level=source.level if source else 0.0,
            sweep=sweep,
            group=group,
        )


def _short(lens: LensRecipe) -> str:
    return f"p{lens.plane}l{round(100 * lens.level):03d}"
