"""A small set of photos with depth sidecars in a folder, as the pipeline finds them on a disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from pipelines.bench.subject import KIND
from pipelines.pictures.srgb8 import to_srgb8
from pipelines.render.sample.rgbd import BUILTIN_ASPECT
from simulator.scenes.catalogue import builtin_scene

ENLARGED = 1.5
"""Photos are larger than what is rendered from them: they are scaled down when loaded, as real ones are."""
_MIRRORS: tuple[tuple[int, ...], ...] = ((), (0,), (1,), (0, 1))


@dataclass(frozen=True)
class PhotoSet:
    """How many photos of which size, in how large shards."""

    photos: int
    long_side: int
    samples_per_shard: int


FULL, QUICK = PhotoSet(photos=32, long_side=768, samples_per_shard=8), PhotoSet(8, 192, 2)


def write_photos(folder: Path, wanted: PhotoSet) -> None:
    """PHOTO.jpg with PHOTO.disparity.png: built-in scenes, each as it is and mirrored in three ways."""
    folder.mkdir(parents=True)
    height = round(wanted.long_side * BUILTIN_ASPECT)
    for start in range(0, wanted.photos, len(_MIRRORS)):
        scene = builtin_scene(start, height=height, width=wanted.long_side, kind=KIND)
        image, disparity = scene.layers.photo()
        srgb = to_srgb8(image[None])[0]  # [H, W, 3]
        codes = np.rint(disparity.clamp(0, 1).numpy() * 65535).astype(np.uint16)
        for index, axes in enumerate(_MIRRORS[: wanted.photos - start], start):
            _write(folder / f"photo-{index:03d}", np.flip(srgb, axes), np.flip(codes, axes))


def _write(stem: Path, srgb: npt.NDArray[np.uint8], codes: npt.NDArray[np.uint16]) -> None:
    bgr = cv2.cvtColor(np.ascontiguousarray(srgb), cv2.COLOR_RGB2BGR)
    large = cv2.resize(bgr, None, fx=ENLARGED, fy=ENLARGED, interpolation=cv2.INTER_CUBIC)
    quality = [cv2.IMWRITE_JPEG_QUALITY, 95]
    written = cv2.imwrite(f"{stem}.jpg", large, quality) and cv2.imwrite(f"{stem}.disparity.png", codes)
    if not written:
        raise OSError(f"OpenCV could not write {stem}.jpg and its disparity")
