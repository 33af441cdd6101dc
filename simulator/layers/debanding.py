"""Debanding: the steps of a coarsely quantized map (8 bits and fewer) become slopes again, without moving an edge.

Rounding hides where in [d − Δ/2, d + Δ/2] a value d was. Of all maps within these intervals the smoothest is taken:
the one of least bending energy E = ∑ u_xx² + 2 u_xy² + u_yy², summed over neighbors whose values lie at most one
step apart. Larger differences are slopes that show no steps, or edges: nothing is smoothed across them. Planes have
no bending energy, so a rounded plane comes back as a plane. E is minimized by projected gradients with Nesterov's
momentum (Beck & Teboulle 2009, "A Fast Iterative Shrinkage-Thresholding Algorithm"), from coarse grids to fine.
Letters: Δ step; c values in steps ("codes"); u smooth values in steps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

_FEWEST_LEVELS = 32  # fewer are flat parts of a scene, or a map that no smoothing makes a depth map
_MOST_STEPS = 255  # over the map's range: 8 bits
_UNEVEN = 0.15  # of a step: how far a level may lie off its place, as where 256 levels were stretched to 10 bits
_LINKED = 1.5  # in steps: neighbors closer than this belong to one surface
_UNKNOWN = -1e6  # code of values that are not finite: far from every other, even averaged over 256² pixels
_STIFFNESS = 64.0  # largest eigenvalue of ∇E/2: a checkerboard of ±1
_FINE_ITERATIONS, _COARSE_ITERATIONS = 16, 64  # more make no frame better; together 0.1 s at 768×512, one thread
_SMALLEST_SIDE = 4  # of the coarsest grid


@dataclass(frozen=True)
class Quantization:
    """Number of distinct finite values of a map, and their even distance; None where there is no banding to remove."""

    levels: int
    step: float | None


def quantization_of(values: Float[Tensor, "h w"]) -> Quantization:
    """Levels and step of a map of any unit.

    A step is found where 32 or more levels lie evenly spaced, with gaps, over a range of at most 255 steps: 8 bits in
    any container and at any scale, also where they were stretched and rounded again.
    """
    levels = _distinct(values[torch.isfinite(values)]).double()
    if not _FEWEST_LEVELS <= len(levels) <= _MOST_STEPS + 1:
        return Quantization(len(levels), None)
    smallest = float(levels.diff().min())
    steps = (_even_step(levels, smallest / divisor) for divisor in (1, 2, 3))
    return Quantization(len(levels), next((step for step in steps if step), None))


def _distinct(values: Tensor) -> Tensor:
    """The distinct values, ascending. On a CPU numpy's sort is 20 times as fast as torch's `unique`."""
    return torch.from_numpy(np.unique(values.numpy())) if values.device.type == "cpu" else values.unique()


def debanded(values: Tensor, step: float) -> Float[Tensor, "h w"]:
    """The smoothest map within step/2 of each value and within the map's range; values that are not finite stay.

    Source: Daly & Feng 2004, "Decontouring", for the problem; bending energy within the intervals of rounding is a
    constrained thin-plate spline.

    Raises ValueError when values are not floating point [H, W], or the step is not positive.
    """
    if values.ndim != 2 or not values.is_floating_point():
        raise ValueError(f"values must be floating point [H, W], got {values.dtype} {list(values.shape)}")
    if not (math.isfinite(step) and step > 0):
        raise ValueError(f"step must be finite and > 0, got {step}")
    known = torch.isfinite(values)
    if not known.any():
        return values.clone()
    low, high = values[known].min(), values[known].max()
    codes = torch.where(known, (values - low) / step, _UNKNOWN)
    smooth = _smoothest(codes, torch.full_like(codes, 0.5), _FINE_ITERATIONS)
    return torch.where(known, (values + step * (smooth - codes)).clamp(low, high), values)


def _even_step(levels: Tensor, guess: float) -> float | None:
    """The step on which all levels [L] lie, near `guess`; None where they lie on none, or it is too fine to show."""
    steps = torch.round(levels.diff() / guess).sum()
    step = (levels[-1] - levels[0]) / steps
    place = (levels - levels[0]) / step
    uneven = (place - place.round()).abs().max()
    return float(step) if float(steps) <= _MOST_STEPS and float(uneven) <= _UNEVEN else None


def _smoothest(codes: Tensor, reach: Tensor, iterations: int) -> Tensor:
    """u [h, w] of little bending energy with |u − c| ≤ reach, started from the solution at half the size."""
    start = codes
    if min(codes.shape) >= 2 * _SMALLEST_SIDE:
        coarse = _smoothest(_halved(codes), _halved_reach(codes, reach), _COARSE_ITERATIONS)
        start = _enlarged(coarse, codes)
    return _relaxed(start, codes, reach, iterations)


def _halved(x: Tensor) -> Tensor:
    return F.avg_pool2d(_even_sides(x), 2)[0]


def _halved_reach(codes: Tensor, reach: Tensor) -> Tensor:
    """Where a block of 2×2 spans a step or more, errors of rounding average out: its mean is known the better."""
    blocks = _even_sides(codes)
    span = (F.max_pool2d(blocks, 2) + F.max_pool2d(-blocks, 2))[0]
    return _halved(reach) / torch.where(span >= 1.0, 1.0 + span, 1.0)


def _even_sides(x: Tensor) -> Tensor:
    """[h, w] -> [1, h', w']: a last row or column without partner gets one that carries on its slope."""
    for axis in (0, 1):
        size = x.shape[axis]
        if size % 2:
            slope = x.narrow(axis, size - 2, 2).diff(dim=axis)
            carried = x.narrow(axis, size - 1, 1) + torch.where(slope.abs() <= _LINKED, slope, 0.0)
            x = torch.cat([x, carried], dim=axis)
    return x[None]


def _enlarged(coarse: Tensor, codes: Tensor) -> Tensor:
    """`coarse` at the size of `codes`: tangent planes of the four coarse pixels around each, blended bilinearly.

    Only tangent planes of the pixel's own surface count; where there is none, the code itself stays.
    """
    (slope_x, has_x), (slope_y, has_y) = (_slope(coarse, axis) for axis in (1, 0))
    planes = torch.stack([coarse, slope_x, slope_y, (has_x & has_y).to(coarse.dtype)])
    planes = F.pad(planes, (1, 1, 1, 1))  # beyond the border: no plane
    result = torch.empty_like(codes)
    for top in (0, 1):
        for left in (0, 1):
            fine = codes[top::2, left::2]
            change, weight = torch.zeros_like(fine), torch.full_like(fine, 1e-3)
            for row, y in ((1, 0.5 * top - 0.25), (2 * top, 0.75 - 1.5 * top)):  # y, x: from coarse center to fine
                for column, x in ((1, 0.5 * left - 0.25), (2 * left, 0.75 - 1.5 * left)):
                    rows, columns = slice(row, row + fine.shape[0]), slice(column, column + fine.shape[1])
                    value, along_x, along_y, has_plane = planes[:, rows, columns]
                    off = value + along_x * x + along_y * y - fine
                    fits = has_plane * (off.abs() <= 1.0) * ((1.0 - abs(x)) * (1.0 - abs(y)))
                    change, weight = change + off * fits, weight + fits
            result[top::2, left::2] = fine + change / weight
    return result


def _slope(x: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    """Mean difference to the linked neighbors along the axis, and whether there are any."""
    steps = x.diff(dim=axis)
    linked = steps.abs() <= _LINKED
    steps = torch.where(linked, steps, 0.0)
    after, before = ((0, 0, 0, 1), (0, 0, 1, 0)) if axis == 0 else ((0, 1, 0, 0), (1, 0, 0, 0))
    total, count = (F.pad(v, after) + F.pad(v, before) for v in (steps, linked.to(x.dtype)))
    return total / count.clamp(min=1.0), count > 0


def _relaxed(start: Tensor, codes: Tensor, reach: Tensor, iterations: int) -> Tensor:
    """Projected gradient descent on E from `start`, with momentum."""
    low, high = codes - reach, codes + reach
    links = _links(codes)
    u = ahead = torch.clamp(start, low, high)
    t = 1.0
    for _ in range(iterations):
        before, u = u, torch.clamp(ahead - _bending(ahead, links) / _STIFFNESS, low, high)
        t_before, t = t, (1.0 + math.sqrt(1.0 + 4.0 * t * t)) / 2.0
        ahead = u + (u - before) * ((t_before - 1.0) / t)
    return u


def _links(codes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """1 where neighbors belong to one surface: three in a row [h, w-2], in a column [h-2, w], 2×2 [h-1, w-1]."""
    across, down = (codes.diff(dim=axis).abs() <= _LINKED for axis in (1, 0))
    square = across[1:] & across[:-1] & down[:, 1:] & down[:, :-1]
    rows, columns = across[:, 1:] & across[:, :-1], down[1:] & down[:-1]
    return rows.to(codes.dtype), columns.to(codes.dtype), square.to(codes.dtype)


def _bending(u: Tensor, links: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    """∇E / 2 [h, w]: every second difference of linked neighbors, given back to its pixels with the same weights."""
    rows, columns, square = links
    across, down = u.diff(dim=1), u.diff(dim=0)
    u_xx, u_yy = across.diff(dim=1).mul_(rows), down.diff(dim=0).mul_(columns)
    u_xy = across.diff(dim=0).mul_(square).mul_(2.0)
    gradient = torch.zeros_like(u)
    gradient[:, :-2] += u_xx
    gradient[:, 1:-1] -= 2.0 * u_xx
    gradient[:, 2:] += u_xx
    gradient[:-2] += u_yy
    gradient[1:-1] -= 2.0 * u_yy
    gradient[2:] += u_yy
    gradient[1:, 1:] += u_xy
    gradient[:-1, :-1] += u_xy
    gradient[1:, :-1] -= u_xy
    gradient[:-1, 1:] -= u_xy
    return gradient
