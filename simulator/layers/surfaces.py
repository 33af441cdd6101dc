"""Surfaces on one pixel grid: the record that the stages of `layers` pass on, and that the renderer starts from.

Letters: N surfaces; h, w rows and columns of the grid, margin included; D disparity, bigger is nearer.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class Surfaces:
    """N surfaces on the cells of one grid.

    light:     [N, 3, h, w] linear light, already multiplied by coverage.
    coverage:  [N, h, w] share of the cell that the surface covers, in [0, 1].
    disparity: [N, h, w] bigger is nearer.
    margin:    cells beyond the frame on every side.
    octave:    a cell measures 2^octave pixels of the frame.

    Raises ValueError when shapes disagree.
    """

    light: Float[Tensor, "n 3 h w"]
    coverage: Float[Tensor, "n h w"]
    disparity: Float[Tensor, "n h w"]
    margin: int = 0
    octave: int = 0

    def __post_init__(self) -> None:
        n, _, h, w = self.light.shape
        for name, value in (("coverage", self.coverage), ("disparity", self.disparity)):
            if value.shape != (n, h, w):
                raise ValueError(f"{name} must be [{n}, {h}, {w}] like light, got {list(value.shape)}")

    def in_pixels(self, height: int, width: int) -> Surfaces:
        """The same surfaces on the frame's pixels, [N, …, height, width]; the value of a cell is repeated."""
        parts = torch.cat([self.light, self.coverage[:, None], self.disparity[:, None]], dim=1)
        enlarged = F.interpolate(parts, scale_factor=2**self.octave, mode="nearest")[..., :height, :width]
        return Surfaces(enlarged[:, :3], enlarged[:, 3], enlarged[:, 4], self.margin * 2**self.octave)
