"""The recipe is frozen: another one needs another version."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from pipelines.benchmark.config import BenchmarkConfig
from pipelines.benchmark.focus_points import FOCUS_POINTS
from pipelines.benchmark.recipe import FIRST_SEED, RECIPE, RECIPE_SHA256, difficulty
from pipelines.errors import UserError
from pipelines.render.photos.listing import scene_seed
from simulator.scenes.catalog import KINDS


def test_v2_is_what_it_was() -> None:
    """A change that fails here is version v3: scores of two recipes must never be compared by mistake."""
    assert RECIPE.version == "v2"
    assert RECIPE.sha256() == RECIPE_SHA256
    assert RECIPE_SHA256.startswith("bff77e94bc9c1e8d")


def test_every_built_in_scene_has_its_planes_in_its_frame() -> None:
    assert set(FOCUS_POINTS) == {recipe.name for recipe in RECIPE.builtin}
    for recipe in RECIPE.builtin:
        points = FOCUS_POINTS[recipe.name]
        assert len(points) == RECIPE.planes
        assert all(0 <= row < recipe.height and 0 <= column < recipe.width for row, column in points)
    content = json.dumps(FOCUS_POINTS, sort_keys=True).encode()
    assert hashlib.sha256(content).hexdigest().startswith("d9d4ec460c16325f")


def test_scenes_are_held_out_and_named_once() -> None:
    names = [recipe.name for recipe in (*RECIPE.builtin, *RECIPE.traced)]
    assert len(set(names)) == len(names)
    assert {recipe.kind for recipe in RECIPE.builtin} == set(KINDS)
    assert all(recipe.kind == KINDS[recipe.seed % len(KINDS)] for recipe in RECIPE.builtin)
    held_out = {recipe.seed for recipe in RECIPE.builtin}
    assert min(held_out) == FIRST_SEED
    drawn = {scene_seed(seed, index) for seed in range(4) for index in range(2000)}
    assert max(held_out) < 2**47 <= min(drawn)


@pytest.mark.parametrize(
    ("level", "distance", "expected"),
    [(1.0, 0.2, "easy"), (1.0, 0.6, "medium"), (2.0, 0.2, "medium"), (2.0, 0.6, "hard"), (4.0, 0.9, "hard")],
)
def test_difficulty_is_blur_and_distance(level: float, distance: float, expected: str) -> None:
    assert difficulty(level, distance) == expected


def test_a_configuration_checks_itself() -> None:
    with pytest.raises(UserError, match="--predictions nowhere must be a folder of PNGs"):
        BenchmarkConfig(predictions=(Path("nowhere"),))
    with pytest.raises(UserError, match="must name a method; got none"):
        BenchmarkConfig(contestants=())
    with pytest.raises(UserError, match="must have different names; got run, run"):
        BenchmarkConfig(checkpoint=(Path("a/run"), Path("b/run")))
    with pytest.raises(UserError, match="must have different names; got ours, ours"):
        BenchmarkConfig(checkpoint=(Path("ours"),), seeds_of=("ours=a,b",))
    for entry in ("a,b", "=a,b", "ours=a,,b", "ours="):
        with pytest.raises(UserError, match=f"--seeds-of must be NAME=RUN,RUN,RUN; got {entry}"):
            BenchmarkConfig(seeds_of=(entry,))
    with pytest.raises(UserError, match="--threads must be at least 1; got 0"):
        BenchmarkConfig(threads=0)
