"""The seam of two slabs of a ramp from D = 0.7 to 0, before which a board stands at D = 1."""

from __future__ import annotations

import torch

from simulator.layers.ldi import LayeredDepthImage
from simulator.layers.slabs import DepthSlabs
from simulator.layers.surfaces import Surfaces
from simulator.scatter.covering import Covering
from simulator.scatter.seam import Seam

SIZE, EDGE = 48, 20


def slabs() -> DepthSlabs:
    columns = torch.arange(SIZE).expand(SIZE, SIZE)
    coverage = torch.stack([(columns < EDGE).float(), torch.ones(SIZE, SIZE)])
    disparity = torch.stack([torch.ones(SIZE, SIZE), torch.linspace(0.7, 0.0, SIZE).expand(SIZE, SIZE)])
    return DepthSlabs.from_scene(LayeredDepthImage(torch.ones(2, 3, SIZE, SIZE), coverage, disparity))


def seam(near: Surfaces, far: Surfaces, step: float) -> Seam | None:
    boxes = tuple(Covering.from_content(slab.coverage, slab.margin).box for slab in (near, far))
    return Seam.between(near, far, step, (boxes[0], boxes[1]))


def covered_columns(strip: Covering) -> set[int]:
    """Columns of the frame that a strip covers in its middle row."""
    return {int(column) + strip.origin[1] for column in strip.content[0, SIZE // 2].nonzero()[:, 0]}


def test_a_seam_lies_where_a_surface_passes_between_slabs() -> None:
    layers = slabs()
    first, second = layers.slabs[1:3]
    border = int((first.coverage[0, 0] > 0).nonzero().max())
    found = seam(first, second, layers.step)
    assert found is not None
    assert covered_columns(found.both_sides(1)) <= set(range(border - 1, border + 3))
    assert {border, border + 1} <= covered_columns(found.both_sides(1))
    assert border in covered_columns(found.near_side(1))
    assert border + 1 not in covered_columns(found.near_side(1))
    assert second.disparity[0, 0, border + 1] < found.disparity < first.disparity[0, 0, border]


def test_slabs_of_different_surfaces_have_no_seam() -> None:
    layers = slabs()
    assert seam(layers.slabs[0], layers.slabs[1], layers.step) is None
