"""Parts of patterns: a canvas with coordinates and noise, smooth steps, color ramps, relief.

Letters: L the longer side in pixels; (x, y) positions in units of L, right and down; t any blending weight in [0, 1].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from simulator.optics.color import srgb_to_linear
from simulator.scenes.textures.noise import CellularNoise, cellular, fractal, hash_uniform, mix_seeds


@dataclass(frozen=True)
class Canvas:
    """Size and seed of a texture, with coordinates and noise. Each `salt` gives independent noise."""

    height: int
    width: int
    seed: int

    @property
    def long_side(self) -> int:
        return max(self.height, self.width)

    @property
    def x(self) -> Float[Tensor, "1 w"]:
        return ((torch.arange(self.width) + 0.5) / self.long_side)[None, :]

    @property
    def y(self) -> Float[Tensor, "h 1"]:
        return ((torch.arange(self.height) + 0.5) / self.long_side)[:, None]

    def count(self, per_long_side: int, side: int, *, even: bool = False) -> int:
        """Number of repeats along a side, none finer than four pixels; rounded up to an even number if `even`."""
        n = max(1, round(min(per_long_side, self.long_side / 4) * side / self.long_side))
        return n + n % 2 if even else n

    def grid(
        self, columns: int, rows: int, *, even_columns: bool = False, even_rows: bool = False
    ) -> tuple[Float[Tensor, "h w"], Float[Tensor, "h w"]]:
        """(x, y) in units of one cell, for `columns` and `rows` cells along the longer side (see `count`)."""
        n = self.count(columns, self.width, even=even_columns)
        m = self.count(rows, self.height, even=even_rows)
        x = ((torch.arange(self.width) + 0.5) * (n / self.width))[None, :]
        y = ((torch.arange(self.height) + 0.5) * (m / self.height))[:, None]
        return x.expand(self.height, -1), y.expand(-1, self.width)

    def fractal(
        self, cells: float | int, salt: int, *, octaves: int = 6, gain: float = 0.5, stretch: float = 1.0
    ) -> Float[Tensor, "h w"]:
        seed = mix_seeds(self.seed, salt)
        return fractal(self.height, self.width, cells, seed, octaves=octaves, gain=gain, stretch=stretch)

    def cellular(self, cells: float | int, salt: int, *, jitter: float = 0.8) -> CellularNoise:
        return cellular(self.height, self.width, cells, mix_seeds(self.seed, salt), jitter=jitter)

    def value(self, index: Tensor, salt: int) -> Tensor:
        """Uniform value in [0, 1) per integer."""
        return hash_uniform(index.long(), mix_seeds(self.seed, salt))

    def cell_value(self, column: Tensor, row: Tensor, salt: int) -> Tensor:
        """Uniform value in [0, 1) per cell of a grid."""
        return self.value(row.long() * 65536 + column.long(), salt)

    def uniform(self, salt: int, low: float = 0.0, high: float = 1.0) -> float:
        """A uniform number in [low, high), the same for every pixel."""
        return low + (high - low) * float(hash_uniform(torch.tensor([salt]), mix_seeds(self.seed, -1))[0])

    def palette(self, options: str) -> list[Tensor]:
        """One of several palettes, in linear light with a random exposure.

        options: sRGB colors "#rrggbb", with " | " between palettes.
        """
        palettes = options.split(" | ")
        chosen = palettes[min(int(self.uniform(1) * len(palettes)), len(palettes) - 1)]
        exposure = self.uniform(1001, 0.88, 1.12)
        return [linear(code) * exposure for code in chosen.split()]

    def softness(self, cells: int) -> float:
        """Width of an anti-aliased edge, 1.5 pixels, in units of one of `cells` cells along the longer side."""
        return 1.5 * cells / self.long_side


def linear(code: str) -> Float[Tensor, 3]:
    """The sRGB color '#rrggbb' in linear light."""
    return srgb_to_linear(torch.tensor([int(code[i : i + 2], 16) / 255.0 for i in (1, 3, 5)]))


def smoothstep(low: float | Tensor, high: float | Tensor, value: Tensor) -> Tensor:
    """0 below `low`, 1 above `high`, 3t² − 2t³ between."""
    t = ((value - low) / (high - low)).clamp(0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def mix(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """a where t = 0, b where t = 1; a and b are colors [3] or pictures [3, H, W], t is [H, W]."""
    a, b = (c[:, None, None] if c.ndim == 1 else c for c in (a, b))
    return a + (b - a) * t


def ramp(colors: Sequence[Tensor], t: Tensor) -> Tensor:
    """Colors at equal steps over t in [0, 1], blended linearly: [H, W] -> [3, H, W]."""
    steps = len(colors) - 1
    at = t.clamp(0.0, 1.0) * steps
    picture = colors[0][:, None, None].expand(3, *t.shape)
    for i in range(steps):
        picture = mix(picture, colors[i + 1], (at - i).clamp(0.0, 1.0))
    return picture


def relief(surface: Tensor, depth: float) -> Tensor:
    """Light from the upper left on a height map: about 1, brighter on slopes that face it.

    surface: heights [H, W], periodic; depth: strength, with heights in units of the longer side times depth.
    """
    long_side = max(surface.shape)
    slope = surface - surface.roll((1, 1), dims=(0, 1))
    light = slope * (depth * long_side)
    return 1.0 + light / (1.0 + light.abs())  # soft limit: steep steps stay within (0, 2)


def wave(t: Tensor) -> Tensor:
    """A smooth periodic wave of period 1 between 0 (at integers) and 1: parabolas in place of a cosine."""
    u = 2.0 * (t - t.floor()) - 1.0  # [-1, 1)
    a = 1.0 - u.abs()
    return a * a * (3.0 - 2.0 * a)
