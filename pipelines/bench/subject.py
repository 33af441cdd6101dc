"""What is rendered: a built-in scene seen as a photo with its disparity map, and twelve lenses focused through it.

Letters: D disparity, D_f plane in focus, K blur scale, r = K·|D − D_f| blur radius in pixels, F lenses.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from simulator import ThinLens
from simulator.scenes.catalogue import builtin_scene

FRAMES = 12
KIND = "still_life"
"""Things on a table: disparity runs on without gaps and steps at silhouettes, as in a photo."""
SEED = 3


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
    """Lenses of one aperture with planes in focus at even quantiles of disparity; max r over all of them is given."""
    quantiles = torch.linspace(0.05, 0.95, count, dtype=torch.float64)
    ordered = disparity.flatten().double().cpu().sort().values
    planes = ordered[(quantiles * (ordered.numel() - 1)).long()].tolist()  # quantile() itself stops at 16 M pixels
    low, high = float(ordered[0]), float(ordered[-1])
    farthest = max(max(high - plane, plane - low) for plane in planes)
    return [ThinLens(focus_disparity=plane, blur_scale_px=max_radius_px / farthest) for plane in planes]


def sampled(lenses: list[ThinLens]) -> list[ThinLens]:
    """Every third lens: what slow methods are measured on. The planes in focus are centred as those of all twelve."""
    return lenses[1::3]
