"""Depth slabs: a scene whose every surface is known, cut by depth; what one slab hides of another stays complete.

Within a slab all blur radii are nearly equal, so that what is hidden there by another surface of the slab is hidden from
every point of the lens: each pixel holds what a pinhole sees of the slab alone.
Letters: N surfaces; n of them that reach into a slab.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from simulator.layers.ldi import LayeredDepthImage
from simulator.layers.peeling import peeled
from simulator.layers.surfaces import Surfaces


def depth_slabs(scene: LayeredDepthImage, count: int) -> list[Surfaces]:
    """At most `count` slabs of equal range of disparity, nearest first, none empty; each is one surface."""
    is_covered = scene.coverage > 0
    if not bool(is_covered.any()):
        return []
    low, high = scene.disparity[is_covered].aminmax()
    number = ((high - scene.disparity) * (count / (high - low).clamp(min=1e-12))).long().clamp_(0, count - 1)
    number = torch.where(is_covered, number, -1)
    slabs = []
    for slab in range(count):
        is_inside = number == slab  # [N, h, w]
        members = is_inside.flatten(1).any(1).nonzero()[:, 0]
        if members.numel():
            coverage = scene.coverage[members] * is_inside[members]
            slabs.append(_flattened(scene.color[members], coverage, scene.disparity[members], scene.margin_px))
    return slabs


def _flattened(
    color: Float[Tensor, "n 3 h w"], coverage: Float[Tensor, "n h w"], disparity: Float[Tensor, "n h w"], margin: int
) -> Surfaces:
    """What a pinhole sees of these surfaces, as one; where several share a pixel, their mean disparity."""
    share = peeled(coverage, disparity, 1)[0]
    total = share.sum(0, keepdim=True)
    mean = (disparity * share).sum(0, keepdim=True) / total.clamp(min=1e-6)
    nearest = torch.where(coverage > 0, disparity, -torch.inf).amax(0, keepdim=True)
    mean = torch.where(total > 1e-6, torch.minimum(mean, nearest), 0.0)
    return Surfaces((color * share[:, None]).sum(0, keepdim=True), total.clamp(max=1.0), mean, margin)
