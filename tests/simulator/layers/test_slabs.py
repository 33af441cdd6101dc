"""A board at D = 1 before a ramp from D = 0.7 to 0, which it hides in part."""

from __future__ import annotations

import torch

from simulator.layers.ldi import LayeredDepthImage
from simulator.layers.slabs import SLABS, DepthSlabs, seam

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


def test_a_seam_lies_where_a_surface_passes_between_slabs_and_nowhere_else() -> None:
    layers = DepthSlabs.from_scene(scene())
    board, first, second = layers.slabs[:3]
    border = int((first.coverage[0, 0] > 0).nonzero().max())
    passing = seam(first, second, layers.step, 1)[0].nonzero()[:, 0].tolist()
    assert border in passing
    assert border + 1 in passing
    assert set(passing) <= set(range(border - 1, border + 3))
    assert not bool(seam(board, first, layers.step, 1).any())
