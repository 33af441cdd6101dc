"""What is measured: a built-in scene as a photo with its disparity, twelve lenses, and a folder of such photos.

Letters: D disparity, D_f plane in focus, K blur scale, r = K·|D − D_f| blur radius in pixels, F lenses.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from pipelines.pictures.srgb8 import to_srgb8
from shards.record import MAX_DISPARITY_CODE
from simulator import ThinLens
from simulator.scenes.catalog import builtin_scene

FRAMES = 12
KIND = "still_life"
"""Things on a table: disparity runs on without gaps and steps at silhouettes, as in a photo."""
SEED = 3
ENLARGED = 1.5
"""Files are larger than the photos rendered from them: loading scales them down, as it does real photos."""
_ASPECT = 2 / 3  # height by width of the photos
_MIRRORS: tuple[tuple[int, ...], ...] = ((), (0,), (1,), (0, 1))


@dataclass(frozen=True)
class PhotoLike:
    """Linear light [3, H, W] in [0, 1], as an 8-bit photo holds it, and disparity [H, W]."""

    image: Tensor
    disparity: Tensor

    @property
    def side_px(self) -> int:
        return self.image.shape[-1]

    def to(self, device: str) -> PhotoLike:
        return PhotoLike(self.image.to(device), self.disparity.to(device))


def photo_like(side_px: int) -> PhotoLike:
    """The square photo, the same whatever the machine: a pure function of its side."""
    image, disparity = builtin_scene(SEED, height=side_px, width=side_px, kind=KIND).layers.photo()
    return PhotoLike(image.clamp(0.0, 1.0).contiguous(), disparity.contiguous())


def lenses_through(disparity: Tensor, max_radius_px: float, count: int = FRAMES) -> list[ThinLens]:
    """Lenses of one aperture focused at even quantiles of disparity; their largest radius is `max_radius_px`."""
    quantiles = torch.linspace(0.05, 0.95, count, dtype=torch.float64)
    ordered = disparity.flatten().double().cpu().sort().values
    planes = ordered[(quantiles * (ordered.numel() - 1)).long()].tolist()  # quantile() itself stops at 16 M pixels
    low, high = float(ordered[0]), float(ordered[-1])
    farthest = max(max(high - plane, plane - low) for plane in planes)
    return [ThinLens(focus_disparity=plane, blur_scale_px=max_radius_px / farthest) for plane in planes]


def sampled(lenses: list[ThinLens]) -> list[ThinLens]:
    """Every third lens, for slow methods. The planes in focus are centered as those of all twelve."""
    return lenses[1::3]


@dataclass(frozen=True)
class PhotoSet:
    """A folder of photos: how many, their long side in pixels, and how many make a shard."""

    photos: int
    long_side: int
    samples_per_shard: int


FULL, QUICK = PhotoSet(photos=32, long_side=768, samples_per_shard=8), PhotoSet(8, 192, 2)


def write_photos(folder: Path, photo_set: PhotoSet) -> None:
    """PHOTO.jpg with PHOTO.disparity.png: built-in scenes, each as it is and mirrored in three ways."""
    folder.mkdir(parents=True)
    height = round(photo_set.long_side * _ASPECT)
    for start in range(0, photo_set.photos, len(_MIRRORS)):
        image, disparity = builtin_scene(start, height=height, width=photo_set.long_side, kind=KIND).layers.photo()
        bgr = to_srgb8(image[None])[0][..., ::-1]  # [H, W, 3]
        codes = np.rint(disparity.clamp(0, 1).numpy() * MAX_DISPARITY_CODE).astype(np.uint16)
        for index, axes in enumerate(_MIRRORS[: photo_set.photos - start], start):
            stem = folder / f"photo-{index:03d}"
            photo = np.ascontiguousarray(np.flip(bgr, axes))
            large = cv2.resize(photo, None, fx=ENLARGED, fy=ENLARGED, interpolation=cv2.INTER_CUBIC)
            written = cv2.imwrite(f"{stem}.jpg", large, [cv2.IMWRITE_JPEG_QUALITY, 95])
            if not (written and cv2.imwrite(f"{stem}.disparity.png", np.flip(codes, axes))):
                raise OSError(f"OpenCV could not write {stem}.jpg and its disparity")
