"""Pictures larger than the model was trained on: overlapping tiles whose predictions are blended at every step.

Letters: x̂_k prediction of tile k, u_k its window: 1 inside, falling to almost 0 over the overlap as half a cosine.

    x̂ = Σ_k u_k·x̂_k / Σ_k u_k              (as in Bar-Tal et al. 2023, MultiDiffusion, arXiv 2302.08113)

All tiles look at one canvas, so neighbours agree on what lies between them before the next step begins.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pipelines.model.sampler import Predict


@dataclass(frozen=True)
class Tile:
    """A window of the canvas, pixels."""

    top: int
    left: int
    height: int
    width: int

    def of(self, canvas: Tensor) -> Tensor:
        """The window of a picture [..., H, W]."""
        return canvas[..., self.top : self.top + self.height, self.left : self.left + self.width]


def cut(canvas: tuple[int, int], tile: tuple[int, int], overlap: float, step: int = 1) -> list[Tile]:
    """Tiles that cover a canvas, row by row, at places that are multiples of `step` or touch the far edge.

    Args:
        canvas, tile: height and width in pixels; a tile larger than the canvas becomes as large as it.
        overlap: least share of a tile's side that it has in common with its neighbour, in [0, 0.9].
    """
    if not 0.0 <= overlap <= 0.9:
        raise ValueError(f"overlap must lie in [0, 0.9], got {overlap}")
    height, width = min(tile[0], canvas[0]), min(tile[1], canvas[1])
    tops, lefts = _starts(canvas[0], height, overlap, step), _starts(canvas[1], width, overlap, step)
    return [Tile(top, left, height, width) for top in tops for left in lefts]


def blended(tiles: Sequence[Tile], canvas: tuple[int, int], predict: Callable[[Tile], Predict]) -> Predict:
    """One prediction of the whole canvas out of those of its tiles; `predict(tile)` is asked for the tile alone."""
    if len(tiles) == 1 and (tiles[0].height, tiles[0].width) == canvas:
        return predict(tiles[0])
    windows = [window(tile, canvas) for tile in tiles]

    def whole(seen: Tensor, time: Tensor) -> Tensor:
        total = torch.zeros_like(seen)
        weight = torch.zeros(canvas, device=seen.device)
        for tile, share in zip(tiles, windows, strict=True):
            share = share.to(seen.device)
            tile.of(total).add_(share * predict(tile)(tile.of(seen), time))
            tile.of(weight).add_(share)
        return total / weight

    return whole


def window(tile: Tile, canvas: tuple[int, int]) -> Tensor:
    """u of a tile, [h, w] > 0. Sides on the canvas's edge do not fall: nobody else covers what lies there."""
    rows = _profile(tile.height, tile.top > 0, tile.top + tile.height < canvas[0])
    columns = _profile(tile.width, tile.left > 0, tile.left + tile.width < canvas[1])
    return rows[:, None] * columns


def _starts(length: int, tile: int, overlap: float, step: int) -> list[int]:
    if tile >= length:
        return [0]
    count = 1 + math.ceil((length - tile) / max(1.0, tile * (1.0 - overlap)))
    even = [round(i * (length - tile) / (count - 1) / step) * step for i in range(count)]
    return sorted({min(start, length - tile) for start in even} | {length - tile})


def _profile(length: int, falls_before: bool, falls_behind: bool) -> Tensor:
    """Half a cosine over a quarter of the side, at the ends that have a neighbour."""
    reach = max(1, length // 4)
    ramp = 0.5 - 0.5 * torch.cos(math.pi * (torch.arange(reach) + 0.5) / reach)
    profile = torch.ones(length)
    if falls_before:
        profile[:reach] *= ramp
    if falls_behind:
        profile[-reach:] *= ramp.flip(0)
    return profile
