"""Outlines of flat shapes as signed distances: negative inside, in meters near the edge; y points up.

Closed forms after I. Quilez, "2D distance functions" (iquilezles.org), rewritten. A few only approximate the
distance; the zero line of all is exact. The first two parameters are the position, which callers leave out.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from simulator.scenes.camera import column
from simulator.scenes.solids import Outline, outline


@outline
def below(x: Tensor, y: Tensor, limit: float) -> Tensor:
    """The half plane under a height."""
    return y - limit


@outline
def rectangle(x: Tensor, y: Tensor, half_x: float, half_y: float) -> Tensor:
    a, b = x.abs() - half_x, y.abs() - half_y
    outside = (a.clamp(min=0.0) ** 2 + b.clamp(min=0.0) ** 2).sqrt()
    return outside + torch.maximum(a, b).clamp(max=0.0)


@outline
def disc(x: Tensor, y: Tensor, radius: float) -> Tensor:
    return _length(x, y) - radius


@outline
def ring(x: Tensor, y: Tensor, radius: float, half_width: float) -> Tensor:
    return (_length(x, y) - radius).abs() - half_width


@outline
def moon(x: Tensor, y: Tensor, radius: float) -> Tensor:
    """A crescent: a disc minus a shifted disc."""
    return torch.maximum(_length(x, y) - radius, 0.86 * radius - _length(x - 0.42 * radius, y))


@outline
def star(x: Tensor, y: Tensor, points: int, radius: float, inner: float) -> Tensor:
    """Straight-edged star: inner is the radius of its notches."""
    step = math.pi / points
    edge_x, edge_y = inner * math.cos(step) - radius, inner * math.sin(step)  # from a tip to the notch beside it
    r, angle = _length(x, y), torch.atan2(x, y)
    angle = (angle - 2 * step * (angle / (2 * step)).round()).abs()
    px, py = r * angle.cos() - radius, r * angle.sin()
    return (px * -edge_y + py * edge_x) / -math.hypot(edge_x, edge_y)


@outline
def flower(x: Tensor, y: Tensor, petals: int, radius: float, depth: float) -> Tensor:
    """Round petals: radius varies with the angle by `depth`, a share."""
    lobes = (0.5 + 0.5 * torch.cos(petals * torch.atan2(x, y))) ** 0.6
    return (_length(x, y) - radius * (1.0 - depth + depth * lobes)) * 0.8


@outline
def gear(x: Tensor, y: Tensor, teeth: int, radius: float) -> Tensor:
    r = _length(x, y)
    cog = (torch.cos(teeth * torch.atan2(x, y)) * 4.0).clamp(-1.0, 1.0) * 0.07
    return torch.maximum(r - radius * (0.9 + cog), 0.32 * radius - r)


@outline
def heart(x: Tensor, y: Tensor, radius: float) -> Tensor:
    """A square on its corner with half discs on its upper sides."""
    u, v = x.abs() / radius, y / radius + 1.1
    square = torch.maximum(u - v, u + v - 2.0) * math.sqrt(0.5)
    lobe = _length(u - 0.5, v - 1.5) - math.sqrt(0.5)
    return torch.minimum(square, lobe) * radius


@outline
def leaf_blade(x: Tensor, y: Tensor, length: float, width: float, *, bend: float = 0.0, base: float = 0.0) -> Tensor:
    """Pointed at both ends, along +y from the stalk at y = base; widest a little below the middle."""
    y = y - base
    t = y / length
    inside = t.clamp(0.0, 1.0)
    half = 3.2 * 0.5 * width * inside**0.75 * (1.0 - inside) ** 0.9 / 1.25
    across = (x - bend * length * t * t).abs() - half
    return torch.maximum(across * 0.8, torch.maximum(-y, y - length))


@outline
def cloud(x: Tensor, y: Tensor, radius: float) -> Tensor:
    """A row of discs on a flat bottom."""
    discs = ((0.0, 0.25, 0.62), (-0.62, 0.05, 0.42), (0.6, 0.02, 0.46))
    union = _union_of_discs(x, y, [(a * radius, b * radius, r * radius) for a, b, r in discs])
    return torch.maximum(union, -0.25 * radius - y)


def _union_of_discs(x: Tensor, y: Tensor, discs: Sequence[tuple[float, float, float]]) -> Tensor:
    a, b, r = (column(values, x) for values in zip(*discs, strict=True))  # [discs, 1] each
    return (_length(x - a, y - b) - r).amin(0)


@outline
def houses(x: Tensor, y: Tensor, roofs: Sequence[float], width: float, end: float, gable: float = 0.0) -> Tensor:
    """A row of houses from x = 0 to `end`, each `width` wide and as high as its roof; the roofs take turns.

    gable: slope of the roofs, seen as gables.
    """
    house = (x / width).floor()
    slant = gable * (x - (house + 0.5) * width).abs()
    return torch.maximum(y + slant - torch.tensor(roofs).to(y.dtype)[house.long() % len(roofs)], x - end)


@outline
def house(x: Tensor, y: Tensor, radius: float) -> Tensor:
    """Gable and door."""
    u = x.abs()
    wall = rectangle(0.7 * radius, 0.55 * radius)(x, y + 0.4 * radius)
    roof = torch.maximum((u * 0.75 + (y - 0.95 * radius)) * 0.8, 0.15 * radius - y)
    door = torch.maximum(u - 0.16 * radius, y + 0.45 * radius)
    return torch.maximum(torch.minimum(wall, roof), -door)


@outline
def fish(x: Tensor, y: Tensor, radius: float) -> Tensor:
    """Lens-shaped body with a tail."""
    body = _length(x, y.abs() + 0.55 * radius) - 1.1 * radius
    tail = torch.maximum(y.abs() - 0.62 * (x - 0.7 * radius), x - 1.4 * radius) * 0.8
    return torch.minimum(body, torch.maximum(tail, 0.7 * radius - x))


@outline
def crown(x: Tensor, y: Tensor, circles: Sequence[tuple[float, float, float]], ragged: float, seed: int) -> Tensor:
    """A tree's crown: discs (x, y, radius) with a ragged rim."""
    a, b, c = (0.7 + 0.13 * (seed % 7), 1.3 + 0.07 * (seed % 11), 0.9 + 0.11 * (seed % 5))
    u, v = x / ragged, y / ragged
    rough = torch.sin(2.1 * a * u + b * torch.sin(1.7 * v)) * torch.sin(2.3 * c * v + a * torch.sin(1.9 * u))
    fine = torch.sin(5.3 * b * u + c * torch.sin(4.1 * v)) * torch.sin(5.9 * a * v + b * torch.sin(4.7 * u))
    return _union_of_discs(x, y, circles) + 0.45 * ragged * (rough + 0.6 * fine)


@outline
def conifer(x: Tensor, y: Tensor, height: float, width: float, tiers: int) -> Tensor:
    """A spruce standing on 0: overlapping skirts and a stem."""
    t = (y / height).clamp(0.0, 1.0)
    phase = t * tiers
    skirt = 1.0 - 0.35 * (phase - phase.floor())
    half = 0.5 * width * (1.0 - t) * (0.72 + skirt * 0.45)
    body = torch.maximum((x.abs() - half) * 0.8, torch.maximum(0.08 * height - y, y - height))
    stem = torch.maximum(x.abs() - 0.03 * height, torch.maximum(-y, y - 0.1 * height))
    return torch.minimum(body, stem)


@outline
def line(x: Tensor, y: Tensor, x0: float, y0: float, x1: float, y1: float, half_width: float) -> Tensor:
    """A straight stroke with round ends."""
    dx, dy = x1 - x0, y1 - y0
    t = (((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy)).clamp(0.0, 1.0)
    return _length(x - x0 - t * dx, y - y0 - t * dy) - half_width


@outline
def strands(
    x: Tensor, y: Tensor, roots: Sequence[tuple[float, float, float]], inner: float, half_width: float
) -> Tensor:
    """Bent hairs around the origin, each (angle from up, lean, reach), from radius `inner` outwards."""
    angle, lean, reach = (column(values, x) for values in zip(*roots, strict=True))  # [roots, 1] each
    r, around = _length(x, y), torch.atan2(x, y)
    aside = around - angle - lean * ((r - inner) / inner) ** 2
    aside = (aside - 2 * math.pi * (aside / (2 * math.pi)).round()).abs() * r
    return torch.maximum((torch.maximum(aside - half_width, r - reach)).amin(0), inner - r)


@outline
def scallops(x: Tensor, y: Tensor, half: float, radius: float, high: float) -> Tensor:
    """A valance: straight above, tongues of a radius below y = 0."""
    u = x - (x / (2 * radius)).round() * (2 * radius)
    tongue = (u * u + (y + 0.2 * radius).clamp(max=0.0) ** 2).sqrt() - radius
    return torch.maximum(torch.maximum(tongue, y - high), x.abs() - half)


@outline
def net(x: Tensor, y: Tensor, pitch: float, half: float) -> Tensor:
    """Threads along both diagonals."""
    a, b = (x + y) * math.sqrt(0.5), (x - y) * math.sqrt(0.5)
    return torch.minimum((a - (a / pitch).round() * pitch).abs(), (b - (b / pitch).round() * pitch).abs()) - half


@outline
def pierced(x: Tensor, y: Tensor, shape: Outline, holes: Sequence[tuple[float, float, float]]) -> Tensor:
    """A shape with round holes (x, y, radius)."""
    return torch.maximum(shape(x, y), -_union_of_discs(x, y, holes))


def _length(x: Tensor, y: Tensor) -> Tensor:
    return (x * x + y * y).sqrt()
