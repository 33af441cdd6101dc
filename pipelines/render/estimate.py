"""How large a data set gets, before it is rendered. Rough: what the pictures show decides, within a factor of two."""

from __future__ import annotations

import shutil
from pathlib import Path

from pipelines.render.config import RenderConfig
from shards.storage import StoragePath

ASPECT = 3 / 4
"""Height by width of a typical photo."""
BYTES_PER_PIXEL = {"jpg": 0.45, "webp": 0.2, "png": 1.5}
"""Of photo and frames, measured on photographs and built-in scenes at 768 px."""
DISPARITY_BYTES_PER_PIXEL = 1.3


def bytes_per_sample(config: RenderConfig) -> int:
    """Photo, disparity and all frames of one sample."""
    pixels = config.source.long_side**2 * ASPECT
    images = (1 + config.stack.frames) * BYTES_PER_PIXEL[config.storage.image_format]
    return round(pixels * (images + DISPARITY_BYTES_PER_PIXEL))


def free_bytes(out: StoragePath) -> int | None:
    """Room where a folder is or will be; None for an object store, which has no end."""
    if not isinstance(out, Path):
        return None
    existing = next(folder for folder in (out, *out.absolute().parents) if folder.exists())
    return shutil.disk_usage(existing).free


def human(count: float) -> str:
    """Bytes for people: `1.2 GB`."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"
