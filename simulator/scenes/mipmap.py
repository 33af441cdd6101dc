"""Pictures on surfaces, looked up without aliasing: a pyramid of copies of half the size, blended by footprint."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from simulator.scenes.rng import Rng
from simulator.scenes.textures.catalog import texture
from simulator.scenes.textures.grain import NO_GRAIN, Grain, grain_of
from simulator.scenes.textures.pattern import linear


@dataclass(frozen=True)
class MipMap:
    """A square picture that repeats in both directions; levels[k] is [1, c, n, n] with
    n = size/2^k + 2: one pixel on every side repeats the opposite one. grain: detail beyond the pixels."""

    levels: tuple[Tensor, ...]
    grain: Grain = NO_GRAIN

    @classmethod
    def from_image(cls, picture: Float[Tensor, "c s s"], grain: Grain = NO_GRAIN) -> MipMap:
        """The pyramid of a picture; s is a power of two."""
        levels, level = [], picture[None]
        while True:
            levels.append(functional.pad(level, (1, 1, 1, 1), mode="circular"))
            if level.shape[-1] == 1:
                return cls(tuple(levels), grain)
            level = average_2x2(level)

    @property
    def size(self) -> int:
        return self.levels[0].shape[-1] - 2

    @property
    def mean(self) -> Float[Tensor, "3"]:
        """Average color, linear light."""
        return self.levels[-1][0, :, 1, 1]

    def tinted(self, code: str) -> MipMap:
        """The same relative variation about the sRGB color '#rrggbb'."""
        ratio = (linear(code) / self.mean.clamp(min=1e-4))[None, :, None, None]
        return MipMap(tuple((level * ratio).clamp(max=1.0) for level in self.levels), self.grain)

    def surface(self, uv: Tensor, footprint: Tensor) -> Float[Tensor, "c n"]:
        """As `sample`, with the grain of the material, which does not repeat."""
        return self.sample(uv, footprint) * self.grain.modulation(uv, footprint)

    def sample(self, uv: Tensor, footprint: Tensor) -> Float[Tensor, "c n"]:
        """Colors at uv [2, n], one period per unit; footprint [n]: width of a sample in the same units."""
        level = (footprint * self.size).clamp_(min=1.0).log2().clamp_(max=len(self.levels) - 1.0)
        low, high = level.aminmax()
        first, last = int(low), math.ceil(float(high))
        uv = uv - uv.floor()
        if first == last:
            return _bilinear(self.levels[first], uv)
        total = torch.zeros(self.levels[0].shape[1], uv.shape[1], dtype=uv.dtype)
        for k in range(first, last + 1):
            share = (1.0 - (level - k).abs_()).clamp_(min=0.0)
            total += _bilinear(self.levels[k], uv).mul_(share)
        return total


def average_2x2(picture: Float[Tensor, "... h w"]) -> Float[Tensor, "... h//2 w//2"]:
    """Means over blocks of 2 × 2 pixels."""
    top, bottom = picture[..., 0::2, :], picture[..., 1::2, :]
    rows = top + bottom
    return (rows[..., 0::2] + rows[..., 1::2]) * 0.25


def _bilinear(padded: Tensor, uv: Tensor) -> Tensor:
    """[1, c, s + 2, s + 2] at uv [2, n] in [0, 1]: [c, n]. Texel centers lie at halves of 1/s."""
    size = padded.shape[-1] - 2
    return _grid_sample(padded, (uv * size + 0.5) * (2.0 / (size + 1)) - 1.0, align_corners=True)


def sample_clamped(values: Float[Tensor, "c h w"], uv: Tensor) -> Float[Tensor, "c n"]:
    """Bilinear values of a picture over the unit square at uv [2, n]; outside it, those of the border."""
    return _grid_sample(values[None], 2.0 * uv - 1.0, align_corners=False)


def _grid_sample(values: Tensor, at: Tensor, *, align_corners: bool) -> Tensor:
    grid = at.T[None, None]  # [1, 1, n, 2]
    return functional.grid_sample(values, grid, "bilinear", "border", align_corners)[0, :, 0]


def textured(name: str, size: int, seed: int, tint: str | None = None) -> MipMap:
    """The mipmap of texture `name`, size × size pixels, recolored about `tint` ('#rrggbb') if given."""
    mipmap = MipMap.from_image(texture(name, size, size, seed), grain_of(name, seed))
    return mipmap if tint is None else mipmap.tinted(tint)


def random_texture(rng: Rng, size: int, names: str, tints: str = "") -> MipMap:
    """As `textured`, of one of several textures and about one of several tints: words of a text, as in `Rng.word`."""
    name, seed = rng.word(names), rng.seed()
    return textured(name, size, seed, rng.word(tints) if tints else None)
