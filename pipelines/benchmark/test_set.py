"""The test set on disk: made once from the frozen recipe, then read by methods and by the scoring.

    SET/set.json                                       version, hashes, scenes and their tasks
    SET/scenes/NAME/aif.png disparity.png frame_*.png  pictures that tasks point to

Letters: D disparity, K blur scale.
"""

import hashlib
import json
import logging
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.benchmark.builtin_scenes import make_builtin
from pipelines.benchmark.recipe import RECIPE, RECIPE_SHA256, VERSION, GatheredScene, TracedScene
from pipelines.benchmark.tasks import TestScene
from pipelines.benchmark.traced_scenes import make_traced
from pipelines.errors import UserError
from pipelines.runs.verb_result import VerbResult
from shards.durable import write_durably

LOG = logging.getLogger(__name__)
SET_FILE = "set.json"


@dataclass(frozen=True)
class TestSet(VerbResult):
    """The scenes of one part. content_sha256: over all pictures of these scenes."""

    __test__ = False

    folder: Path
    scenes: tuple[TestScene, ...]
    content_sha256: str

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
    content = _read(folder)
    entries = content["scenes"]
    chosen = _recipes(part)
    for recipe in chosen:
        if recipe.name not in entries:
            entries[recipe.name] = _make(folder, recipe)
            folder.mkdir(parents=True, exist_ok=True)
            write_durably(folder / SET_FILE, (json.dumps(content, indent=1, sort_keys=True) + "\n").encode())
    scenes = tuple(TestScene.from_json(folder, entries[recipe.name]) for recipe in chosen)
    hashes = "".join(entries[scene.name]["sha256"] for scene in scenes)
    return TestSet(folder, scenes, hashlib.sha256(hashes.encode()).hexdigest())


def _recipes(part: str) -> list[GatheredScene | TracedScene]:
    """Those of the part; the full one has the quick one's as well."""
    wanted = ("quick",) if part == "quick" else ("quick", "full")
    every: list[GatheredScene | TracedScene] = [*RECIPE.builtin, *RECIPE.traced]
    return [recipe for recipe in every if recipe.part in wanted]


def _make(folder: Path, recipe: GatheredScene | TracedScene) -> dict[str, Any]:
    """Write a scene's pictures; returns its entry in set.json."""
    LOG.info("making %s", recipe.name)
    shutil.rmtree(folder / "scenes" / recipe.name, ignore_errors=True)
    try:
        scene = make_builtin(folder, recipe) if isinstance(recipe, GatheredScene) else make_traced(folder, recipe)
    except (OSError, ValueError) as error:
        raise UserError(f"scene {recipe.name} of the test set cannot be made: {error}", exit_code=1) from error
    return {**scene.to_json(), "sha256": _content_sha256(folder / "scenes" / recipe.name)}


def _content_sha256(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def _read(folder: Path) -> dict[str, Any]:
    path = folder / SET_FILE
    fresh = {"version": VERSION, "recipe_sha256": RECIPE_SHA256, "scenes": {}}
    if not path.exists():
        return fresh
    try:
        content: dict[str, Any] = json.loads(path.read_bytes())
    except ValueError as error:
        raise UserError(f"{path} must be JSON, got {error}; delete the folder to make the set anew") from error
    if content.get("recipe_sha256") != RECIPE_SHA256:
        found = f"{content.get('version')} {str(content.get('recipe_sha256'))[:12]}"
        raise UserError(
            f"--set {folder} must hold {VERSION} of recipe {RECIPE_SHA256[:12]}, got {found}; name another folder"
        )
    return content
