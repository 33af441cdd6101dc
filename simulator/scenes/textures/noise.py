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


def fractal(
    height: int, width: int, cells: float | int, seed: int, *, octaves: int = 6, gain: float = 0.5, stretch: float = 1.0
) -> Float[Tensor, "h w"]:
    """Octaves of value noise, each twice as fine and `gain` times as strong; mean 0, mostly in [−1, 1].

    An octave is a periodic cubic B-spline of random values in [−2, 2]: standard deviation near 0.55.

    cells: of the coarsest octave, along the longer side. stretch > 1 draws features that much longer along y.
    Octaves that the pixels cannot resolve are left out, so that a small picture is a smooth one.

    The octaves add up on their lattices: a spline on one lattice is a spline on one twice as fine too (Lane and
    Riesenfeld, 1980), so that only the finest is evaluated at the pixels.
    """
    long_side = max(height, width)
    rows = min(height, max(1, round(cells * height / long_side / stretch)))
    columns = min(width, max(1, round(cells * width / long_side)))
    total, shift_y, shift_x = _lattice(rows, columns, mix_seeds(seed, 0)), 0.5, 0.5
    strength, norm = 1.0, 1.0
    for octave in range(1, octaves):
        if columns * 4 > width:
            break
        total, columns, shift_x = _refined(total.T).T, 2 * columns, 2.0 * shift_x
        if rows * 2 <= height:
            total, rows, shift_y = _refined(total), 2 * rows, 2.0 * shift_y
        strength *= gain
        norm += strength**2
        total = total + strength * _lattice(rows, columns, mix_seeds(seed, octave))
    return _spline_surface(total * (1.0 / math.sqrt(norm)), height, width, shift_y, shift_x)


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
    y, x = ((torch.arange(side) + 0.5) * (n / side) for side, n in ((height, rows), (width, columns)))
    ids = torch.arange(rows * columns)
    tables = torch.stack([hash_uniform(ids, mix_seeds(seed, part)) for part in (1, 2, 3)])  # shift in y, in x, value
    tables[:2] = jitter * (tables[:2] - 0.5) + 0.5
    tables = tables.view(3, rows, columns)
    first = torch.full((height, width), 81.0)  # squared distances
    second = torch.full((height, width), 81.0)
    value = torch.zeros(height, width)
    row, column = y.floor().long(), x.floor().long()
    for dx in (-1, 0, 1):
        across = tables.index_select(2, (column + dx) % columns)  # [3, rows, W]
        across[1] += column + dx - x
        across[1] *= across[1].clone()
        for dy in (-1, 0, 1):
            down, squared, hashed = across.index_select(1, (row + dy) % rows)  # [H, W] each
            down += (row + dy - y)[:, None]
            distance = squared.add_(down.mul_(down.clone()))
            value = torch.where(distance < first, hashed, value)
            second = torch.minimum(second, torch.maximum(first, distance))
            first = torch.minimum(first, distance)
    first, second = first.sqrt(), second.sqrt()
    return CellularNoise(nearest=first, edge=0.5 * (second - first), value=value)


def _lattice(rows: int, columns: int, seed: int) -> Tensor:
    """Values in [−2, 2): [rows, columns]."""
    return hash_uniform(torch.arange(rows * columns), seed).view(rows, columns) * 4.0 - 2.0


def _refined(values: Tensor) -> Tensor:
    """Coefficients of the same periodic cubic B-spline on a lattice twice as fine: [n, m] -> [2n, m]."""
    after = values.roll(-1, 0)
    even = 0.75 * values + 0.125 * (values.roll(1, 0) + after)
    return torch.stack([even, 0.5 * (values + after)], dim=1).flatten(0, 1)


def _spline_surface(lattice: Tensor, height: int, width: int, shift_y: float, shift_x: float) -> Tensor:
    """Periodic cubic B-spline over both axes: [height, width]; the shifts are the first pixels' edges, in cells."""
    tall = _periodic_spline(lattice, height, shift_y)  # [H, columns]
    return _periodic_spline(tall.T.contiguous(), width, shift_x).T.contiguous()


def _periodic_spline(values: Tensor, size: int, shift: float) -> Tensor:
    """Periodic cubic B-spline along the first axis: [n, m] -> [size, m], `shift` cells ahead."""
    n = values.shape[0]
    at = (torch.arange(size, dtype=torch.float32) + 0.5) * (n / size) - shift
    base = at.floor()
    t = (at - base)[:, None]
    weights = (  # uniform cubic B-spline, times 6
        (1 - t) ** 3,
        3 * t**3 - 6 * t**2 + 4,
        3 * (1 - t) ** 3 - 6 * (1 - t) ** 2 + 4,
        t**3,
    )
    total = torch.zeros(size, values.shape[1])
    for tap, weight in enumerate(weights):
        total += values.index_select(0, (base.long() + tap - 1) % n).mul_(weight * (1.0 / 6.0))
    return total


def _as_int64(value: int) -> int:
    """The 64 bits of `value` as a signed integer, as torch holds them."""
    return value - (1 << 64) if value >> 63 else value


def _logical_right_shift(value: Tensor, bits: int) -> Tensor:
    """Logical right shift of int64."""
    return (value >> bits) & ((1 << (64 - bits)) - 1)
