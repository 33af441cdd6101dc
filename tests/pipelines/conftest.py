"""Small photos with sidecars, and a run over them that takes a second."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.render.config import (
    DepthConfig,
    ExecutionConfig,
    RenderConfig,
    SourceConfig,
    StackConfig,
    StorageConfig,
    VettingConfig,
)
from tests.pipelines.tiny_photos import write_photo


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
    return RenderConfig(
        source=SourceConfig(photos=str(photo_folder), long_side=88),
        out=tmp_path / "out",
        depth=DepthConfig(depth="sidecar", offline=True),
        vetting=VettingConfig(max_blurred=1.0),  # these photos are soft waves
        stack=StackConfig(planes=2, levels=2, blur_level_max=3.0),
        storage=StorageConfig(samples_per_shard=2, split_fractions=(1.0, 0.0, 0.0)),
        execution=ExecutionConfig(device="cpu"),
    )


@pytest.fixture
def finished(tiny_config: RenderConfig) -> RenderConfig:
    """The same, rendered."""
    from pipelines.render.run import render

    render(tiny_config)
    return tiny_config
