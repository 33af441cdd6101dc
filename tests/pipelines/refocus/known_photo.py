"""Sharpeners that know the all-in-focus photo and its lens, or nothing."""

from __future__ import annotations

import torch
from torch import Tensor

from simulator import ThinLens, render_stack
from simulator.optics.color import linear_to_srgb


def card(height: int = 64, width: int = 96) -> tuple[Tensor, Tensor]:
    """A textured photo, linear light, and its depth: a near card before a wall."""
    photo = torch.rand(3, height, width, generator=torch.Generator().manual_seed(0))
    depth = torch.full((height, width), 0.1)
    depth[height // 4 : -height // 4, width // 3 : -width // 3] = 0.9
    return photo, depth


def frame(photo: Tensor, depth: Tensor, lens: ThinLens) -> Tensor:
    return render_stack(photo, depth, [lens])[0]


class Oracle:
    """The photo it was made with, at that size alone; counts its calls."""

    def __init__(self, photo: Tensor, lens: ThinLens | None, max_radius_px: float = 24.0) -> None:
        self.photo, self.lens, self.max_radius_px = photo, lens, max_radius_px
        self.sizes: list[tuple[int, ...]] = []
        self.largest_px = 0.0

    def blur_map(self, picture: Tensor, disparity: Tensor) -> tuple[Tensor, Tensor]:
        radius = torch.zeros_like(disparity[0])
        if self.lens:
            scale = max(disparity.shape) / max(self.photo.shape)
            radius = (self.lens.defocus_px(disparity[0]).abs() * scale).clamp(max=self.max_radius_px)
        return radius, 0.1 * radius + 0.2

    def sharpened(self, picture: Tensor, own_defocus_px: Tensor, disparity: Tensor) -> Tensor:
        self.sizes.append(tuple(picture.shape[1:]))
        self.largest_px = max(self.largest_px, float(own_defocus_px.abs().max()))
        return self.of_tile(picture)

    def of_tile(self, picture: Tensor) -> Tensor:
        return 2.0 * linear_to_srgb(self.photo) - 1.0


class Null(Oracle):
    """Gives the picture back."""

    def of_tile(self, picture: Tensor) -> Tensor:
        return picture
