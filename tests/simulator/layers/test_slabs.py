"""A board at D = 1 before a ramp from D = 0.7 to 0, which it hides in part."""

from __future__ import annotations

import torch

from simulator.layers.ldi import LayeredDepthImage
from simulator.layers.slabs import SLABS, DepthSlabs

SIZE, EDGE = 48, 20


def scene() -> LayeredDepthImage:
    columns = torch.arange(SIZE).expand(SIZE, SIZE)
    coverage = torch.stack([(columns < EDGE).float(), torch.ones(SIZE, SIZE)])
    disparity = torch.stack([torch.ones(SIZE, SIZE), torch.linspace(0.7, 0.0, SIZE).expand(SIZE, SIZE)])
    return LayeredDepthImage(torch.ones(2, 3, SIZE, SIZE) * coverage[:, None], coverage, disparity)


def test_slabs_hold_hidden_surfaces_entirely_nearest_first() -> None:
    layers = DepthSlabs.from_scene(scene())
    total = sum(slab.coverage[0] for slab in layers.slabs)
    assert torch.equal(total, scene().coverage.sum(0))
    nearest = [float(slab.disparity[slab.coverage > 0].max()) for slab in layers.slabs]
    assert nearest == sorted(nearest, reverse=True)
    assert layers.step == 1 / SLABS


def test_within_a_slab_the_nearer_surface_hides_the_other() -> None:
    layers = scene()
    disparity = layers.disparity.clone()
    disparity[0] = disparity[1] + 1e-3
    close = DepthSlabs.from_scene(LayeredDepthImage(layers.color, layers.coverage, disparity))
    for slab in close.slabs:
        assert float(slab.coverage.max()) <= 1.0
    assert float(sum(slab.coverage.sum() for slab in close.slabs)) < float(layers.coverage.sum())
