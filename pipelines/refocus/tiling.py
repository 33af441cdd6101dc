"""Pictures larger than the trained size: overlapping tiles whose predictions are blended at every step.

Letters: x̂_k prediction of tile k, u_k its window: 1 inside, falling towards 0 over the overlap as half a cosine.

    x̂ = Σ_k u_k·x̂_k / Σ_k u_k              (as in Bar-Tal et al. 2023, MultiDiffusion, arXiv 2302.08113)

All tiles read from one noisy picture, so neighbors agree on their overlap before the next step.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pipelines.model.sampler import Denoiser


@dataclass(frozen=True)
class PhotoTile:
    """A window of a picture, pixels."""

    top: int
    left: int
    height: int
    width: int

    def crop(self, picture: Tensor) -> Tensor:
        """This window of a picture [..., H, W], as a view [..., h, w]."""
        return picture[..., self.top : self.top + self.height, self.left : self.left + self.width]


def cut(picture: tuple[int, int], tile: tuple[int, int], overlap: float, step: int = 1) -> list[PhotoTile]:
    """Tiles that cover a picture, row by row, at places that are multiples of `step` or touch the far edge.

    Args:
        picture, tile: height and width in pixels; a tile larger than the picture shrinks to its size.
        overlap: least fraction of a tile's side that it shares with its neighbor, in [0, 0.9].
    """
    if not 0.0 <= overlap <= 0.9:
        raise ValueError(f"overlap must lie in [0, 0.9], got {overlap}")
    height, width = min(tile[0], picture[0]), min(tile[1], picture[1])
    tops, lefts = _starts(picture[0], height, overlap, step), _starts(picture[1], width, overlap, step)
    return [PhotoTile(top, left, height, width) for top in tops for left in lefts]


def blended(
    tiles: Sequence[PhotoTile], picture: tuple[int, int], denoiser: Callable[[PhotoTile], Denoiser]
) -> Denoiser:
    """A denoiser of the whole picture (height, width) that blends those of its tiles."""
    if len(tiles) == 1 and (tiles[0].height, tiles[0].width) == picture:
        return denoiser(tiles[0])

    def denoise(z: Tensor, time: Tensor) -> Tensor:
        return blended_tiles(tiles, torch.zeros_like(z), lambda tile: denoiser(tile)(tile.crop(z), time))

    return denoise


def blended_tiles(tiles: Sequence[PhotoTile], zeros: Tensor, of_tile: Callable[[PhotoTile], Tensor]) -> Tensor:
    """One map from maps [..., h, w] of tiles; `zeros` [..., H, W] is filled and returned."""
    size = int(zeros.shape[-2]), int(zeros.shape[-1])
    weight = torch.zeros(size, device=zeros.device)  # [H, W]
    for tile in tiles:
        u = window(tile, size).to(zeros.device)
        tile.crop(zeros).add_(u * of_tile(tile))
        tile.crop(weight).add_(u)
    return zeros.div_(weight)


def window(tile: PhotoTile, picture: tuple[int, int]) -> Tensor:
    """u of a tile, [h, w] > 0. It stays 1 at the picture's edges, where no other tile overlaps."""
    rows = _profile(tile.height, tile.top > 0, tile.top + tile.height < picture[0])
    columns = _profile(tile.width, tile.left > 0, tile.left + tile.width < picture[1])
    return rows[:, None] * columns


def _starts(length: int, tile: int, overlap: float, step: int) -> list[int]:
    if tile >= length:
        return [0]
    count = 1 + math.ceil((length - tile) / max(1.0, tile * (1.0 - overlap)))
    even = [round(i * (length - tile) / (count - 1) / step) * step for i in range(count)]
    return sorted({min(start, length - tile) for start in even} | {length - tile})


def _profile(length: int, falls_before: bool, falls_behind: bool) -> Tensor:
    """Half a cosine over a quarter of the side, at the ends that have a neighbor; [length]."""
    reach = max(1, length // 4)
    ramp = 0.5 - 0.5 * torch.cos(math.pi * (torch.arange(reach) + 0.5) / reach)
    profile = torch.ones(length)
    if falls_before:
        profile[:reach] *= ramp
    if falls_behind:
        profile[-reach:] *= ramp.flip(0)
    return profile
