"""Photos on disk with sidecars, and what a data set's folder holds."""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from pipelines.render.config import (
    DepthConfig,
    ExecutionConfig,
    RenderConfig,
    SourceConfig,
    StackConfig,
    StorageConfig,
    VettingConfig,
)
from shards.storage import StoragePath
from tests.pipelines.render.photos.photo_examples import scenery

HEIGHT, WIDTH = 66, 88  # photos need 64 px


def write_photo(path: Path, *, seed: int, height: int = HEIGHT, width: int = WIDTH) -> Path:
    """A photo and, beside it, `STEM.disparity.png`."""
    cv2.imwrite(str(path), scenery(height, width, seed))
    cv2.imwrite(str(path.with_suffix(".disparity.png")), hill(height, width, seed))
    return path


def tiny_run(photos: Path, out: Path) -> RenderConfig:
    """Photos of `write_photo` in shards of two, all in train, 2 x 2 small frames each, inline on the CPU."""
    return RenderConfig(
        source=SourceConfig(photos=str(photos), long_side=88),
        out=out,
        depth=DepthConfig(depth="sidecar", offline=True),
        vetting=VettingConfig(max_blurred=1.0),  # these photos are soft waves
        stack=StackConfig(planes=2, levels=2, blur_level_max=3.0),
        storage=StorageConfig(samples_per_shard=2, split_fractions=(1.0, 0.0, 0.0)),
        execution=ExecutionConfig(device="cpu"),
    )


def hill(height: int, width: int, seed: int = 0) -> npt.NDArray[np.uint16]:
    """16-bit disparity, [H, W]: a ground that comes nearer downwards and a round hill before it."""
    rows, columns = np.mgrid[:height, :width] / max(height, width)
    ground = 0.6 * rows / rows.max()
    bump = 0.4 * np.exp(-(((rows - 0.3) ** 2) + (columns - 0.2 - 0.1 * seed) ** 2) / 0.02)
    return np.rint(65535 * (ground + bump) / (ground + bump).max()).astype(np.uint16)


def tar_sums(out: StoragePath) -> dict[str, str]:
    """Name and SHA-256 of every tar of a data set."""
    return {
        tar.name: hashlib.sha256(tar.read_bytes()).hexdigest()
        for tar in sorted((out / "shards").glob("*.tar"), key=str)
    }


def temporaries(out: Path) -> list[str]:
    """Files that an unfinished write left behind."""
    return sorted(path.name for path in out.rglob("*.tmp-*"))
