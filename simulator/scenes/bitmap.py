"""Pictures on surfaces, looked up without aliasing: a pyramid of halved copies, blended by the sample's spread."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from simulator.scenes.textures.catalogue import texture
from simulator.scenes.textures.pattern import linear


@dataclass(frozen=True)
class Bitmap:
    """A square picture that repeats in both directions; levels[k] is [1, 3, S/2^k + 2, ...], wrapped by a pixel."""

    levels: tuple[Tensor, ...]

    @classmethod
    def of(cls, picture: Float[Tensor, "3 s s"]) -> Bitmap:
        levels, level = [], picture[None]
        while True:
            levels.append(functional.pad(level, (1, 1, 1, 1), mode="circular"))
            if level.shape[-1] == 1:
                return cls(tuple(levels))
            level = halved(level)

    @property
    def size(self) -> int:
        return self.levels[0].shape[-1] - 2

    @property
    def mean(self) -> Float[Tensor, "3"]:
        """Average colour."""
        return self.levels[-1][0, :, 1, 1]

    def tinted(self, code: str) -> Bitmap:
        """The same relative variation about the colour '#rrggbb'."""
        ratio = (linear(code) / self.mean.clamp(min=1e-4))[None, :, None, None]
        return Bitmap(tuple((level * ratio).clamp(max=1.0) for level in self.levels))

    def at(self, u: Tensor, v: Tensor, spread: Tensor) -> Float[Tensor, "3 n"]:
        """Colours at (u, v) [n], one period per unit; spread [n]: width of a sample in the same units."""
        level = (spread * self.size).clamp(min=1.0).log2().clamp(max=len(self.levels) - 1.0)
        total = torch.zeros(3, u.shape[0], dtype=u.dtype)
        u, v = u - u.floor(), v - v.floor()
        for k in range(int(level.min()), int(level.max()) + 2):
            if k < len(self.levels):
                share = (1.0 - (level - k).abs()).clamp(min=0.0)
                total += share * _bilinear(self.levels[k], u, v)
        return total


def halved(picture: Float[Tensor, "... h w"]) -> Float[Tensor, "... h//2 w//2"]:
    """Means of 2 × 2 pixels."""
    top, bottom = picture[..., 0::2, :], picture[..., 1::2, :]
    rows = top + bottom
    return (rows[..., 0::2] + rows[..., 1::2]) * 0.25


def _bilinear(padded: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """[1, 3, s + 2, s + 2] at (u, v) in [0, 1]: [3, n]. Texel centres lie at halves of 1/s."""
    size = padded.shape[-1] - 2
    grid = torch.stack([u, v], dim=-1)[None, None]  # [1, 1, n, 2]
    grid = (grid * size + 0.5) * (2.0 / (size + 1)) - 1.0
    return functional.grid_sample(padded, grid, mode="bilinear", padding_mode="border", align_corners=True)[0, :, 0]


def plate(values: Float[Tensor, "c h w"], u: Tensor, v: Tensor) -> Float[Tensor, "c n"]:
    """A picture over the unit square, looked up once; beyond its border it stays what it is there."""
    grid = 2.0 * torch.stack([u, v], dim=-1)[None, None] - 1.0
    return functional.grid_sample(values[None], grid, mode="bilinear", padding_mode="border", align_corners=False)[
        0, :, 0
    ]


def material(name: str, size: int, seed: int, tint: str | None = None) -> Bitmap:
    """The texture `name` as a bitmap, in another colour if `tint` names one."""
    bitmap = Bitmap.of(texture(name, size, size, seed))
    return bitmap if tint is None else bitmap.tinted(tint)
