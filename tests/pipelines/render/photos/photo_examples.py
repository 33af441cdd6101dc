"""Photos without files, and files of depth maps, for tests of depth."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipelines.render.photos.photo import Photo, PhotoSource


def photo_at(path: Path, height: int = 30, width: int = 40, *, scale: int = 1, seed: int = 0) -> Photo:
    """A photo as `load_photo` gives it, whose original was `scale` times as large; nothing lies at `path`."""
    return Photo(source_at(path), scenery(height, width, seed), width * scale, height * scale)


def source_at(path: Path) -> PhotoSource:
    sha256 = hashlib.sha256(str(path).encode()).hexdigest()
    return PhotoSource(sha256[:16], path.name, str(path), sha256, "", "", "")


def scenery(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    """Slopes and blobs: something a random network answers with different depths."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width] / max(height, width)
    waves = [
        np.sin(2 * np.pi * (random.uniform(1, 4) * rows + random.uniform(1, 4) * columns + random.uniform()))
        for _ in range(3)
    ]
    return ((np.stack(waves, -1) + 1) * 127).astype(np.uint8)


def slope(height: int = 30, width: int = 40) -> NDArray[np.float32]:
    """0 on the left to 1 on the right."""
    return np.broadcast_to(np.linspace(0, 1, width, dtype=np.float32), (height, width)).copy()


def write_pfm(path: Path, values: NDArray[np.float32], *, scale: float = -1.0, magic: str = "Pf") -> Path:
    """As Debevec describes it: rows from the bottom up, little-endian when `scale` is negative."""
    height, width = values.shape
    body = np.ascontiguousarray(values[::-1], "<f4" if scale < 0 else ">f4").tobytes()
    path.write_bytes(f"{magic}\n{width} {height}\n{scale}\n".encode() + body)
    return path
