"""One data set for all tests of the trainer: five built-in scenes in shards of 2, 2 and 1."""

from __future__ import annotations

import shutil
from pathlib import Path

import jaxtyping
import pytest

from tests.pipelines.train.tiny_run import render_scenes


@pytest.fixture(scope="session")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Not to be changed. Rendered without checks of types, which double the time; other tests check the renderer."""
    before = jaxtyping.config.jaxtyping_disable
    jaxtyping.config.update("jaxtyping_disable", True)
    data = render_scenes(tmp_path_factory.mktemp("scenes") / "data")
    jaxtyping.config.update("jaxtyping_disable", before)
    return data


@pytest.fixture
def own_scenes(scenes: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    shutil.copytree(scenes, tmp_path / "data")
    return tmp_path / "data"
