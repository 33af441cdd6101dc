"""Regional pupils: a pupil that changes over the frame, for a renderer that convolves with one pupil at a time.

The frame is rendered once for each node of a grid, with the pupil that the node sees; every pixel is a linear mixture
of the frames of the four nodes around it. That is exact at the nodes; between them the rims of two pupils lie at most
`STEP_PX` apart, unless the grid would need more than `MOST_NODES` nodes along a side.
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
MOST_NODES = 7
"""Along each side of the frame."""


@dataclass(frozen=True)
class RegionalPupil:
    """One node of the grid, (row, column) of n × n, and the pupil there."""

    row: int
    column: int
    nodes: int
    aperture: Aperture


def field_coordinates(size: tuple[int, int]) -> tuple[Float[Tensor, "h"], Float[Tensor, "w"]]:
    """Rows and columns of pixel centres from the middle of the frame, in half diagonals: its corner lies at 1."""
    half_diagonal = math.hypot(*size) / 2
    down, right = ((torch.arange(side) - (side - 1) / 2) / half_diagonal for side in size)
    return down, right


def regional_pupils(aperture: Aperture, size: tuple[int, int], radius_px: float) -> list[RegionalPupil]:
    """An odd number of nodes along each side, more where the pupil's shift over the frame is many pixels wide."""
    long_side = 2 * max(size) / math.hypot(*size)  # in half diagonals
    steps = 2 * math.ceil(aperture.cat_eye * radius_px * long_side / STEP_PX / 2)
    nodes = min(max(steps + 1, 3), MOST_NODES)
    down, right = (
        [float(axis[0]) + i / (nodes - 1) * float(axis[-1] - axis[0]) for i in range(nodes)]
        for axis in field_coordinates(size)
    )
    return [RegionalPupil(i, j, nodes, aperture.at(y, x)) for i, y in enumerate(down) for j, x in enumerate(right)]


def blended(
    parts: Sequence[RegionalPupil], size: tuple[int, int], render: Callable[[Aperture], Float[Tensor, "f 3 h w"]]
) -> Float[Tensor, "f 3 h w"]:
    """Σ weight · frame over the regions; the weights of a pixel sum to 1."""
    total: Tensor | None = None
    for part in parts:
        frames = render(part.aperture)
        weight = _hat(size[0], part.row, part.nodes)[:, None] * _hat(size[1], part.column, part.nodes)
        shared = frames * weight.to(frames.device)
        total = shared if total is None else total.add_(shared)
    assert total is not None
    return total


def _hat(length: int, node: int, nodes: int) -> Float[Tensor, "n"]:
    """1 at the node, falling linearly to 0 at its neighbours; nodes lie evenly from the first pixel to the last."""
    place = torch.linspace(0.0, float(nodes - 1), length)
    return (1.0 - (place - node).abs()).clamp(min=0.0)
