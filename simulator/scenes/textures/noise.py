"""Seeded noise for textures: hashed lattices, fractal sums, cells. Periodic, so that textures tile without a seam.

Values come from an integer hash of (lattice index, seed), not from a random generator: the same bytes on every
machine, and a lattice point keeps its value whatever the size of the picture.
Letters: L the longer side in pixels; cells: lattice cells along L.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from jaxtyping import Float, Int64
from torch import Tensor

_ODD = 0x9E3779B97F4A7C15  # 2^64 / golden ratio: spreads seeds that differ by one
_MASK = (1 << 64) - 1


def hash_uniform(index: Int64[Tensor, ...], seed: int) -> Float[Tensor, ...]:
    """Uniform float32 in [0, 1) per integer, a pure function of (index, seed). Any shape.

    Mixing after Stafford's variant of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014), in wrapping int64.
    """
    h = index * _as_int64(_ODD) + _as_int64(mix_seeds(seed))
    h = (h ^ _logical_right_shift(h, 30)) * _as_int64(0xBF58476D1CE4E5B9)
    h = (h ^ _logical_right_shift(h, 27)) * _as_int64(0x94D049BB133111EB)
    h = h ^ _logical_right_shift(h, 31)
    return _logical_right_shift(h, 40).to(torch.float32) / (1 << 24)


def mix_seeds(seed: int, *salt: int) -> int:
    """One 63-bit seed out of several integers: neighboring arguments give unrelated seeds."""
    h = 0
    for part in (seed, *salt):
        h = ((h ^ part) * _ODD + 0x632BE59BD9B4E019) & _MASK
        h ^= h >> 29
        h = (h * 0xBF58476D1CE4E5B9) & _MASK
        h ^= h >> 32
    return h >> 1


def value_noise(height: int, width: int, rows: int, columns: int, seed: int) -> Float[Tensor, "h w"]:
    """Smooth noise on a periodic lattice of rows × columns cells: cubic B-spline of values in [−2, 2].

    Mean 0, standard deviation near 0.55; values beyond ±1 are rare.
    """
    lattice = hash_uniform(torch.arange(rows * columns), seed).reshape(rows, columns) * 4.0 - 2.0
    tall = _periodic_spline(lattice, height)  # [H, columns]
    return _periodic_spline(tall.T.contiguous(), width).T.contiguous()  # [H, W]


def fractal(
    height: int, width: int, cells: float | int, seed: int, *, octaves: int = 6, gain: float = 0.5, stretch: float = 1.0
) -> Float[Tensor, "h w"]:
    """Octaves of value noise, each twice as fine and `gain` times as strong; mean 0, mostly in [−1, 1].

    cells: of the coarsest octave, along the longer side. stretch > 1 draws features that much longer along y.
    Octaves that the pixels cannot resolve are left out, so that a small picture is a smooth one.
    """
    long_side = max(height, width)
    total = torch.zeros(height, width)
    strength, norm = 1.0, 0.0
    for octave in range(octaves):
        rows = max(1, round(cells * 2**octave * height / long_side / stretch))
        columns = max(1, round(cells * 2**octave * width / long_side))
        if octave > 0 and columns * 2 > width:
            break
        total += strength * value_noise(height, width, min(rows, height), min(columns, width), mix_seeds(seed, octave))
        norm += strength**2
        strength *= gain
    return total / math.sqrt(norm)


class CellularNoise(NamedTuple):
    """Cellular noise (Worley, SIGGRAPH 1996). Distances in units of one cell.

    nearest: to the nearest feature point. edge: to the border between the two nearest. value: hashed, per cell.
    """

    nearest: Tensor  # [H, W]
    edge: Tensor  # [H, W]
    value: Tensor  # [H, W]


def cellular(height: int, width: int, cells: float | int, seed: int, *, jitter: float = 0.8) -> CellularNoise:
    """Periodic cellular noise with about `cells` cells along the longer side; jitter 0 is a square grid."""
    long_side = max(height, width)
    rows, columns = (max(1, round(cells * side / long_side)) for side in (height, width))
    y = ((torch.arange(height) + 0.5) * (rows / height))[:, None]
    x = ((torch.arange(width) + 0.5) * (columns / width))[None, :]
    ids = torch.arange(rows * columns)
    tables = [hash_uniform(ids, mix_seeds(seed, part)) for part in (1, 2, 3)]  # shift in y, in x, value
    first = torch.full((height, width), 9.0)
    second = torch.full((height, width), 9.0)
    value = torch.zeros(height, width)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            row, column = y.floor().long() + dy, x.floor().long() + dx
            index = ((row % rows) * columns + column % columns).flatten()
            offset_y, offset_x, hashed = (table.index_select(0, index).view(height, width) for table in tables)
            point_y, point_x = row + 0.5 + jitter * (offset_y - 0.5), column + 0.5 + jitter * (offset_x - 0.5)
            distance = ((point_y - y) ** 2 + (point_x - x) ** 2).sqrt()
            nearer = distance < first
            second = torch.where(nearer, first, torch.minimum(second, distance))
            value = torch.where(nearer, hashed, value)
            first = torch.where(nearer, distance, first)
    return CellularNoise(nearest=first, edge=0.5 * (second - first), value=value)


def _periodic_spline(values: Tensor, size: int) -> Tensor:
    """Periodic cubic B-spline along the first axis: [n, ...] -> [size, ...], values at cell centers."""
    n = values.shape[0]
    at = (torch.arange(size, dtype=torch.float32) + 0.5) * (n / size) - 0.5
    base = at.floor()
    t = (at - base)[:, None]
    weights = (  # uniform cubic B-spline, times 6
        (1 - t) ** 3,
        3 * t**3 - 6 * t**2 + 4,
        3 * (1 - t) ** 3 - 6 * (1 - t) ** 2 + 4,
        t**3,
    )
    total = torch.zeros(size, *values.shape[1:])
    for tap, weight in enumerate(weights):
        total += values.index_select(0, (base.long() + tap - 1) % n) * (weight / 6.0)
    return total


def _as_int64(value: int) -> int:
    """The 64 bits of `value` as a signed integer, as torch holds them."""
    return value - (1 << 64) if value >> 63 else value


def _logical_right_shift(value: Tensor, bits: int) -> Tensor:
    """Logical right shift of int64."""
    return (value >> bits) & ((1 << (64 - bits)) - 1)
