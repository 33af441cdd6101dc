"""Outlines of flat shapes as signed distances: negative inside, in meters near the edge; y points up.

Closed forms after I. Quilez, "2D distance functions" (iquilezles.org), rewritten. A few only approximate the
distance; the zero line of all is exact.
"""

import math
from collections.abc import Sequence
from functools import partial, reduce

import torch
from torch import Tensor

from simulator.scenes.solids import Outline


def below(limit: float) -> Outline:
    """The half plane under a height."""
    return lambda x, y: y - limit


def rectangle(half_x: float, half_y: float, rounding: float = 0.0) -> Outline:
    def distance(x: Tensor, y: Tensor) -> Tensor:
        a, b = x.abs() - half_x + rounding, y.abs() - half_y + rounding
        outside = (a.clamp(min=0.0) ** 2 + b.clamp(min=0.0) ** 2).sqrt()
        return outside + torch.maximum(a, b).clamp(max=0.0) - rounding

    return distance


def disc(radius: float) -> Outline:
    return lambda x, y: _length(x, y) - radius


def ring(radius: float, half_width: float) -> Outline:
    return lambda x, y: (_length(x, y) - radius).abs() - half_width


def moon(radius: float) -> Outline:
    """A crescent: a disc minus a shifted disc."""
    return lambda x, y: torch.maximum(_length(x, y) - radius, 0.86 * radius - _length(x - 0.42 * radius, y))


def star(points: int, radius: float, inner: float) -> Outline:
    """Straight-edged star: inner is the radius of its notches."""
    step = math.pi / points
    tip, notch = (radius, 0.0), (inner * math.cos(step), inner * math.sin(step))
    edge = (notch[0] - tip[0], notch[1] - tip[1])
    normal_length = math.hypot(*edge)

    def distance(x: Tensor, y: Tensor) -> Tensor:
        r, angle = _length(x, y), torch.atan2(x, y)
        angle = (angle - 2 * step * (angle / (2 * step)).round()).abs()
        px, py = r * angle.cos() - tip[0], r * angle.sin()
        return (px * -edge[1] + py * edge[0]) / -normal_length

    return distance


def flower(petals: int, radius: float, depth: float) -> Outline:
    """Round petals: radius varies with the angle by `depth`, a share."""

    def distance(x: Tensor, y: Tensor) -> Tensor:
        lobes = (0.5 + 0.5 * torch.cos(petals * torch.atan2(x, y))) ** 0.6
        return (_length(x, y) - radius * (1.0 - depth + depth * lobes)) * 0.8

    return distance


def gear(teeth: int, radius: float) -> Outline:
    def distance(x: Tensor, y: Tensor) -> Tensor:
        r = _length(x, y)
        cog = (torch.cos(teeth * torch.atan2(x, y)) * 4.0).clamp(-1.0, 1.0) * 0.07
        return torch.maximum(r - radius * (0.9 + cog), 0.32 * radius - r)

    return distance


def heart(radius: float) -> Outline:
    """A square on its corner with half discs on its upper sides."""

    def distance(x: Tensor, y: Tensor) -> Tensor:
        u, v = x.abs() / radius, y / radius + 1.1
        square = torch.maximum(u - v, u + v - 2.0) * math.sqrt(0.5)
        lobe = _length(u - 0.5, v - 1.5) - math.sqrt(0.5)
        return torch.minimum(square, lobe) * radius

    return distance


def leaf_blade(length: float, width: float, *, bend: float = 0.0) -> Outline:
    """Pointed at both ends, along +y from the stalk at 0; widest a little below the middle."""
    return partial(_leaf_blade, length, width, bend)


def _leaf_blade(length: float, width: float, bend: float, x: Tensor, y: Tensor) -> Tensor:
    t = y / length
    inside = t.clamp(0.0, 1.0)
    half = 3.2 * 0.5 * width * inside**0.75 * (1.0 - inside) ** 0.9 / 1.25
    across = (x - bend * length * t * t).abs() - half
    return torch.maximum(across * 0.8, torch.maximum(-y, y - length))


def cloud(radius: float) -> Outline:
    """A row of discs on a flat bottom."""
    discs = _union_of_discs([(0.0, 0.25, 0.62), (-0.62, 0.05, 0.42), (0.6, 0.02, 0.46)], radius)
    return lambda x, y: torch.maximum(discs(x, y), -0.25 * radius - y)


def _union_of_discs(discs: Sequence[tuple[float, float, float]], scale: float) -> Outline:
    return lambda x, y: reduce(torch.minimum, [_length(x - a * scale, y - b * scale) - r * scale for a, b, r in discs])


def houses(roofs: Sequence[float], width: float, end: float) -> Outline:
    """A row of houses from x = 0 to `end`, each `width` wide and as high as its roof; the roofs take turns."""
    heights = torch.tensor(roofs)

    def distance(x: Tensor, y: Tensor) -> Tensor:
        house = (x / width).floor().long() % len(roofs)
        return torch.maximum(y - heights.to(y.dtype)[house], x - end)

    return distance


def house(radius: float) -> Outline:
    """Gable and door."""
    wall = rectangle(0.7 * radius, 0.55 * radius)

    def distance(x: Tensor, y: Tensor) -> Tensor:
        u = x.abs()
        roof = torch.maximum((u * 0.75 + (y - 0.95 * radius)) * 0.8, 0.15 * radius - y)
        body = torch.minimum(wall(x, y + 0.4 * radius), roof)
        door = torch.maximum(u - 0.16 * radius, y + 0.45 * radius)
        return torch.maximum(body, -door)

    return distance


def fish(radius: float) -> Outline:
    """Lens-shaped body with a tail."""

    def distance(x: Tensor, y: Tensor) -> Tensor:
        body = _length(x, y.abs() + 0.55 * radius) - 1.1 * radius
        tail = torch.maximum(y.abs() - 0.62 * (x - 0.7 * radius), x - 1.4 * radius) * 0.8
        return torch.minimum(body, torch.maximum(tail, 0.7 * radius - x))

    return distance


def crown(circles: Sequence[tuple[float, float, float]], ragged: float, seed: int) -> Outline:
    """A tree's crown: discs (x, y, radius) with a ragged rim."""
    base = _union_of_discs(circles, 1.0)
    a, b, c = (0.7 + 0.13 * (seed % 7), 1.3 + 0.07 * (seed % 11), 0.9 + 0.11 * (seed % 5))

    def distance(x: Tensor, y: Tensor) -> Tensor:
        u, v = x / ragged, y / ragged
        rough = torch.sin(2.1 * a * u + b * torch.sin(1.7 * v)) * torch.sin(2.3 * c * v + a * torch.sin(1.9 * u))
        fine = torch.sin(5.3 * b * u + c * torch.sin(4.1 * v)) * torch.sin(5.9 * a * v + b * torch.sin(4.7 * u))
        return base(x, y) + 0.45 * ragged * (rough + 0.6 * fine)

    return distance


def conifer(height: float, width: float, tiers: int) -> Outline:
    """A spruce standing on 0: overlapping skirts and a stem."""

    def distance(x: Tensor, y: Tensor) -> Tensor:
        t = (y / height).clamp(0.0, 1.0)
        phase = t * tiers
        skirt = 1.0 - 0.35 * (phase - phase.floor())
        half = 0.5 * width * (1.0 - t) * (0.72 + skirt * 0.45)
        body = torch.maximum((x.abs() - half) * 0.8, torch.maximum(0.08 * height - y, y - height))
        stem = torch.maximum(x.abs() - 0.03 * height, torch.maximum(-y, y - 0.1 * height))
        return torch.minimum(body, stem)

    return distance


def line(x0: float, y0: float, x1: float, y1: float, half_width: float) -> Outline:
    """A straight stroke with round ends."""
    return partial(_line, (x0, y0), (x1 - x0, y1 - y0), half_width)


def _line(start: tuple[float, float], along: tuple[float, float], half_width: float, x: Tensor, y: Tensor) -> Tensor:
    (x0, y0), (dx, dy) = start, along
    t = (((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy)).clamp(0.0, 1.0)
    return _length(x - x0 - t * dx, y - y0 - t * dy) - half_width


def _length(x: Tensor, y: Tensor) -> Tensor:
    return (x * x + y * y).sqrt()
