"""The test set on disk: made once from the frozen recipe, then read by methods and by the scoring.

    SET/set.json                                       version, hashes, scenes and their tasks
    SET/scenes/NAME/aif.png disparity.png frame_*.png  pictures that tasks point to

Letters: D disparity, K blur scale.
"""

import hashlib
import json
import logging
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pipelines.benchmark.builtin_scenes import make_builtin
from pipelines.benchmark.recipe import RECIPE, RECIPE_SHA256, VERSION, GatheredScene, TracedScene
from pipelines.benchmark.stack_scenes import make_stack
from pipelines.benchmark.tasks import TestScene
from pipelines.benchmark.traced_scenes import make_traced
from pipelines.errors import UserError
from pipelines.runs.verb_result import VerbResult
from pipelines.stacks.config import StackOptions
from pipelines.stacks.focus_stack import FocusStack
from pipelines.stacks.layouts import find_stacks
from shards.durable import write_durably

LOG = logging.getLogger(__name__)
SET_FILE = "set.json"


@dataclass(frozen=True)
class TestSet(VerbResult):
    """The scenes of one part, or of a folder of stacks. content_sha256: over all pictures of these scenes."""

    __test__ = False

    folder: Path
    scenes: tuple[TestScene, ...]
    content_sha256: str
    version: str = VERSION
    recipe_sha256: str = RECIPE_SHA256

    @property
    def tasks(self) -> int:
        return sum(len(scene.tasks) for scene in self.scenes)

    def to_json(self) -> dict[str, Any]:
        return {"set": str(self.folder), "scenes": len(self.scenes), "tasks": self.tasks}

    def summary(self) -> str:
        return f"{self.folder}: {len(self.scenes)} scenes, {self.tasks} tasks"


def open_set(folder: Path, part: str) -> TestSet:
    """The test set; scenes that are not there yet are made.

    Raises UserError for a folder of another recipe, and with exit code 1 for a scene that cannot be made.
    """
    return _opened(folder, VERSION, RECIPE_SHA256, {r.name: partial(_make_recipe, folder, r) for r in _recipes(part)})


def open_stacks(folder: Path, source: Path, options: StackOptions) -> TestSet:
    """The test set of a folder of focus stacks, made in `folder`; its recipe is the hash of stacks and options.

    Raises UserError like `open_set`, and for stacks that cannot be read.
    """
    stacks = find_stacks(source, options)
    recipe = hashlib.sha256(repr((options, [_identity(stack) for stack in stacks])).encode()).hexdigest()
    makers = {stack.name: partial(make_stack, folder, stack, options) for stack in stacks}
    return _opened(folder, f"stacks ({options.layout})", recipe, makers)


def _identity(stack: FocusStack) -> tuple[str, ...]:
    frames = (f"{frame.path.name} {frame.f_number} {frame.focus_distance_m}" for frame in (stack.photo, *stack.frames))
    return stack.name, *frames, f"{stack.depth_scale} {stack.focal_length_px} {stack.focal_length_mm}"


def _opened(folder: Path, version: str, recipe_sha256: str, makers: Mapping[str, Callable[[], TestScene]]) -> TestSet:
    content = _read(folder, version, recipe_sha256)
    entries = content["scenes"]
    for name, make in makers.items():
        if name not in entries:
            entries[name] = _make(folder, name, make)
            folder.mkdir(parents=True, exist_ok=True)
            write_durably(folder / SET_FILE, (json.dumps(content, indent=1, sort_keys=True) + "\n").encode())
    scenes = tuple(TestScene.from_json(folder, entries[name]) for name in makers)
    hashes = "".join(entries[scene.name]["sha256"] for scene in scenes)
    return TestSet(folder, scenes, hashlib.sha256(hashes.encode()).hexdigest(), version, recipe_sha256)


def _recipes(part: str) -> list[GatheredScene | TracedScene]:
    """Those of the part; the full one has the quick one's as well."""
    wanted = ("quick",) if part == "quick" else ("quick", "full")
    every: list[GatheredScene | TracedScene] = [*RECIPE.builtin, *RECIPE.traced]
    return [recipe for recipe in every if recipe.part in wanted]


def _make_recipe(folder: Path, recipe: GatheredScene | TracedScene) -> TestScene:
    return make_builtin(folder, recipe) if isinstance(recipe, GatheredScene) else make_traced(folder, recipe)


def _make(folder: Path, name: str, make: Callable[[], TestScene]) -> dict[str, Any]:
    """Write a scene's pictures; returns its entry in set.json."""
    LOG.info("making %s", name)
    shutil.rmtree(folder / "scenes" / name, ignore_errors=True)
    try:
        scene = make()
    except (OSError, ValueError) as error:
        raise UserError(f"scene {name} of the test set cannot be made: {error}", exit_code=1) from error
    return {**scene.to_json(), "sha256": _content_sha256(folder / "scenes" / name)}


def _content_sha256(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def _read(folder: Path, version: str, recipe_sha256: str) -> dict[str, Any]:
    path = folder / SET_FILE
    fresh = {"version": version, "recipe_sha256": recipe_sha256, "scenes": {}}
    if not path.exists():
        return fresh
    try:
        content: dict[str, Any] = json.loads(path.read_bytes())
    except ValueError as error:
        raise UserError(f"{path} must be JSON, got {error}; delete the folder to make the set anew") from error
    if content.get("recipe_sha256") != recipe_sha256:
        found = f"{content.get('version')} {str(content.get('recipe_sha256'))[:12]}"
        raise UserError(
            f"--set {folder} must hold {version} of recipe {recipe_sha256[:12]}, got {found}; name another folder"
        )
    return content
