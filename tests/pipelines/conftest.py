"""Small photos with sidecars, and a run over them that takes a second."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.render.config import RenderConfig
from tests.pipelines.tiny_photos import tiny_run, write_photo


@pytest.fixture
def photo_folder(tmp_path: Path) -> Path:
    """Five photos of 88 x 66 px with a disparity sidecar each."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(5):
        write_photo(folder / f"photo_{number}.png", seed=number)
    return folder


@pytest.fixture
def tiny_config(photo_folder: Path, tmp_path: Path) -> RenderConfig:
    """Five photos in shards of two, all in train, 2 x 2 small frames each, inline on the CPU."""
    return tiny_run(photo_folder, tmp_path / "out")


@pytest.fixture
def finished(tiny_config: RenderConfig) -> RenderConfig:
    """The same, rendered."""
    from pipelines.render.run import render

    render(tiny_config)
    return tiny_config
