"""Checkpoints that several tests load, made once a session."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pipelines.render.depth.tiny_checkpoint import save_tiny_checkpoint


@pytest.fixture(scope="session")
def relative_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_checkpoint(tmp_path_factory.mktemp("checkpoint") / "tiny-relative")


@pytest.fixture(scope="session")
def metric_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_checkpoint(tmp_path_factory.mktemp("checkpoint") / "tiny-metric", kind="metric")
