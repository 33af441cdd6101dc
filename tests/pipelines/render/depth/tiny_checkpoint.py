"""A Depth Anything checkpoint of 0.2 million random weights, saved the way real ones are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pipelines.gpu.depth import TINY, save_random_checkpoint
from pipelines.render.depth.disparity_map import Kind


def save_tiny_checkpoint(folder: Path, *, kind: Kind = "relative", short_side_px: int = 70, seed: int = 0) -> Path:
    """Model and image processor into `folder`, ready for `--depth FOLDER`; the same seed gives the same bytes."""
    return save_random_checkpoint(folder, replace(TINY, short_side_px=short_side_px), kind=kind, seed=seed)
