"""Regional pupils: a pupil that changes over the frame, for a renderer that convolves with one pupil at a time.

The frame is rendered once for each node of a grid, with the pupil that the node sees; every pixel is a linear mixture
of the frames of the four nodes around it. That is exact at the nodes; between them the rims of two pupils lie at most
`STEP_PX` apart, unless the grid would need more than `MAX_NODES_PER_SIDE` nodes along a side.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from simulator.optics.aperture import Aperture

STEP_PX = 4.0
MAX_NODES_PER_SIDE = 7


@dataclass(frozen=True)
class RegionalPupil:
    """One node of the grid, (row, column) of n × n, and the pupil there."""

    row: int
    column: int
    nodes: int
    aperture: Aperture


def field_coordinates(size: tuple[int, int]) -> tuple[Float[Tensor, "h"], Float[Tensor, "w"]]:
    """(down [H], right [W]): pixel centers from the middle of the frame, in half diagonals; its corner lies at 1."""
    half_diagonal = math.hypot(*size) / 2
    down, right = ((torch.arange(side) - (side - 1) / 2) / half_diagonal for side in size)
    return down, right


def regional_pupils(aperture: Aperture, size: tuple[int, int], radius_px: float) -> list[RegionalPupil]:
    """The pupils of all nodes. Their number along each side is odd and grows with the pupil's shift over the frame."""
    long_side = 2 * max(size) / math.hypot(*size)  # in half diagonals
    shift = 1.0 if aperture.psf else max(aperture.cat_eye, aperture.barn_doors, 2 * abs(aperture.astigmatism))
    steps = 2 * math.ceil(shift * radius_px * long_side / STEP_PX / 2)
    nodes = min(max(steps + 1, 3), MAX_NODES_PER_SIDE)
    down, right = (
        [float(axis[0]) + i / (nodes - 1) * float(axis[-1] - axis[0]) for i in range(nodes)]
        for axis in field_coordinates(size)
    )
    return [
        RegionalPupil(i, j, nodes, aperture.at_field(y, x)) for i, y in enumerate(down) for j, x in enumerate(right)
    ]


def blend_regions(
    regions: Sequence[RegionalPupil], size: tuple[int, int], render: Callable[[Aperture], Float[Tensor, "f 3 h w"]]
) -> Float[Tensor, "f 3 h w"]:
    """Frames [F, 3, H, W]: Σ weight · frame over the regions; the weights of a pixel sum to 1."""
    total: Tensor | None = None
    for region in regions:
        frames = render(region.aperture)
        weight = _hat(size[0], region.row, region.nodes)[:, None] * _hat(size[1], region.column, region.nodes)
        weighted = frames * weight.to(frames.device)
        total = weighted if total is None else total.add_(weighted)
    assert total is not None
    return total


def _hat(length: int, node: int, nodes: int) -> Float[Tensor, "n"]:
    """1 at the node, falling linearly to 0 at its neighbors; nodes lie evenly from the first pixel to the last."""
    position = torch.linspace(0.0, float(nodes - 1), length)
    return (1.0 - (position - node).abs()).clamp(min=0.0)
