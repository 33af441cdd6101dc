"""Depth slabs: a scene whose every surface is known, cut by depth. What one slab hides of another stays complete.

Within a slab all blur radii are nearly equal, so what one of its surfaces hides of another is hidden from every point
of the lens: a slab holds what a pinhole sees of it.
Letters: N surfaces; n of them that reach into a slab; D disparity.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from simulator.layers.box import extent, whole
from simulator.layers.ldi import LayeredDepthImage
from simulator.layers.peeling import peeled
from simulator.layers.surfaces import Surfaces

SLABS = 24


@dataclass(frozen=True)
class DepthSlabs:
    """A scene whose every surface is known, as slabs.

    slabs:           at most SLABS of equal range of disparity, nearest first, none empty; each is one surface.
    step:            that range.
    disparity_range: smallest and largest disparity.
    scene:           the surfaces themselves.
    """

    slabs: tuple[Surfaces, ...]
    step: float
    disparity_range: tuple[float, float]
    scene: LayeredDepthImage

    @classmethod
    def from_scene(cls, scene: LayeredDepthImage) -> DepthSlabs:
        """The slabs of a scene; none where nothing is covered."""
        is_covered = scene.coverage > 0
        if not bool(is_covered.any()):
            return cls((), 0.0, (0.0, 0.0), scene)
        low, high = (float(d) for d in scene.disparity[is_covered].aminmax())
        step = (high - low) / SLABS
        number = ((high - scene.disparity) / max(step, 1e-12)).long().clamp_(0, SLABS - 1)
        number = torch.where(is_covered, number, -1)
        slabs = (_flattened(scene, number == index) for index in range(SLABS))
        return cls(tuple(slab for slab in slabs if slab is not None), step, (low, high), scene)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the frame in pixels."""
        return self.scene.height, self.scene.width

    @property
    def device(self) -> torch.device:
        return self.scene.color.device

    def depth_image(self) -> LayeredDepthImage:
        return self.scene


def _flattened(scene: LayeredDepthImage, is_inside: Tensor) -> Surfaces | None:
    """What a pinhole sees of the surfaces inside a slab, as one; where several share a pixel, their mean disparity."""
    members = is_inside.flatten(1).any(1).nonzero()[:, 0]
    if not members.numel():
        return None
    is_inside = is_inside[members]
    rows, columns = extent(is_inside.any(0)) or whole(is_inside)
    coverage, disparity = (x[members, rows, columns] for x in (scene.coverage, scene.disparity))
    share = peeled(coverage * is_inside[:, rows, columns], disparity, 1)[0]  # [n, h, w]
    total = share.sum(0)
    mean = (disparity * share).sum(0) / total.clamp(min=1e-12)
    flat = scene.color.new_zeros(5, *scene.coverage.shape[1:])
    flat[:3, rows, columns] = (scene.color[members, :, rows, columns] * share[:, None]).sum(0)
    flat[3, rows, columns] = total.clamp(max=1.0)
    flat[4, rows, columns] = torch.where(total > 0, mean, 0.0)
    return Surfaces(flat[None, :3], flat[None, 3], flat[None, 4], scene.margin_px)
