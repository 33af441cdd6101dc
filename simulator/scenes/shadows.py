"""Who throws a shadow on whom: worked out per sample for solids, baked into a map for planes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from simulator.scenes.bitmap import plate
from simulator.scenes.camera import Vector
from simulator.scenes.light import Ball, Blocker, Light, ambient, blockers, tangents
from simulator.scenes.paint import Hit, Shade
from simulator.scenes.place import Place
from simulator.scenes.solids import Box, Solid

_BLOCK = 1 << 14  # points at once
_OPEN_BEYOND = 2.2  # a thing darkens the surroundings of what lies within so many of its thicknesses

Area = tuple[float, float, float, float]  # left, right, low, high in a plane's own x and y


def shade_of(solid: Solid, others: Sequence[Solid], light: Light) -> Shade:
    """Shadows of the other solids on this one, worked out sample by sample; those out of reach are left out."""
    own = _bounding_box(solid.corners())
    things = [thing for other in others if other is not solid for thing in blockers(other)]
    dark = _throwing(things, own, light)
    close = [thing for thing in things if _gap(thing, own) < _OPEN_BEYOND * _thickness(thing)]

    def shade(hit: Hit) -> tuple[Tensor, Tensor]:
        return light.shadow(hit.point, dark), ambient(hit.point, hit.normal, close)

    return shade


def shadow_map(place: Place, area: Area, solids: Sequence[Solid], light: Light, size: int = 160) -> Shade:
    """Shadows on a plane, baked once over an area of it; beyond the area they are what they are at its border."""
    left, right, low, high = area
    key, surroundings = torch.ones(size, size), torch.ones(size, size)
    for thing in (thing for solid in solids for thing in blockers(solid)):
        cast, near = _cast(thing, place, light), _near(thing, place)
        if cast is not None:
            _darken(key, torch.minimum, place, area, cast, lambda p, n, t=thing: light.shadow(p, [t]))  # type: ignore[misc]
        if near is not None:
            _darken(surroundings, torch.mul, place, area, near, lambda p, n, t=thing: ambient(p, n, [t]))  # type: ignore[misc]
    baked = torch.stack([key, surroundings])

    def shade(hit: Hit) -> tuple[Tensor, Tensor]:
        u, v = (hit.uv[0] - left) / (right - left), (-hit.uv[1] - low) / (high - low)
        values = plate(baked, u, v)
        return values[0], values[1]

    return shade


def _darken(
    values: Tensor,
    combine: Callable[[Tensor, Tensor], Tensor],
    place: Place,
    area: Area,
    part: Area,
    share: Callable[[Tensor, Tensor], Tensor],
) -> None:
    """Combines a map [size, size] over an area with a share worked out where `part` of the plane needs it."""
    size = values.shape[0]
    columns, rows = _cells(area[0], area[1], part[0], part[1], size), _cells(area[2], area[3], part[2], part[3], size)
    width = columns.stop - columns.start
    if width <= 0:
        return
    step = max(1, _BLOCK // width)
    for start in range(rows.start, rows.stop, step):
        block = slice(start, min(start + step, rows.stop))
        x = area[0] + (area[1] - area[0]) * (torch.arange(columns.start, columns.stop) + 0.5) / size
        y = area[2] + (area[3] - area[2]) * (torch.arange(block.start, block.stop) + 0.5) / size
        local = torch.stack([x.repeat(y.shape[0]), y.repeat_interleave(width), torch.zeros(width * y.shape[0])])
        points = place.outward(local) + torch.tensor(place.origin)[:, None]
        normals = -torch.tensor(place.axes[2])[:, None].expand_as(points)
        seen = share(points, normals).reshape(-1, width)
        values[block, columns] = combine(values[block, columns], seen)


def _cells(low: float, high: float, first: float, last: float, size: int) -> slice:
    """Cells of a map over [low, high] that touch [first, last]."""
    per_metre = size / (high - low)
    start = max(0, math.floor((first - low) * per_metre) - 1)
    return slice(start, max(start, min(size, math.ceil((last - low) * per_metre) + 1)))


def _cast(thing: Blocker, place: Place, light: Light) -> Area | None:
    """Where a thing's shadow can fall on a plane; None when the light does not reach the plane."""
    toward = [sum(t * a for t, a in zip(light.toward, axis, strict=True)) for axis in place.axes]
    rise = -toward[2]
    if rise < 0.01:
        return None
    xs, ys, blurs = [], [], []
    for corner in _corners(thing):
        x, y, z = _inside(place, corner)
        along = max(-z, 0.0) / rise
        xs.append(x - along * toward[0])
        ys.append(y - along * toward[1])
        blurs.append(2.0 * light.softness * along / rise + 0.05 * _thickness(thing))
    blur = max(blurs) + 0.01
    return min(xs) - blur, max(xs) + blur, min(ys) - blur, max(ys) + blur


def _near(thing: Blocker, place: Place) -> Area | None:
    """Where a thing darkens the surroundings on a plane; None when it is too far off or too thin."""
    locals_ = [_inside(place, corner) for corner in _corners(thing)]
    reach = _OPEN_BEYOND * _thickness(thing)
    if reach == 0.0 or min(-z for _, _, z in locals_) > reach:
        return None
    xs, ys = [x for x, _, _ in locals_], [y for _, y, _ in locals_]
    return min(xs) - reach, max(xs) + reach, min(ys) - reach, max(ys) + reach


def _inside(place: Place, point: Vector) -> Vector:
    offset = [p - o for p, o in zip(point, place.origin, strict=True)]
    x, y, z = (sum(o * a for o, a in zip(offset, axis, strict=True)) for axis in place.axes)
    return x, y, z


def _throwing(things: Sequence[Blocker], own: Box, light: Light) -> list[Blocker]:
    """Those in front of `own` as seen from the light that overlap it; rectangles stand for all."""
    axes = (light.toward, *tangents(light.toward))
    ours = _extents(own.corners(), axes)
    throwing = []
    for thing in things:
        theirs = _extents(_corners(thing), axes)
        ahead = theirs[0][1] - ours[0][0]
        blur = light.softness * max(ahead, 0.0)
        if ahead > 0 and all(theirs[i][0] - blur < ours[i][1] and theirs[i][1] + blur > ours[i][0] for i in (1, 2)):
            throwing.append(thing)
    return throwing


def _extents(corners: Sequence[Vector], axes: Sequence[Vector]) -> list[tuple[float, float]]:
    """Least and greatest coordinate along each axis."""
    along = [[x * a + y * b + z * c for x, y, z in corners] for a, b, c in axes]
    return [(min(values), max(values)) for values in along]


def _bounding_box(corners: Sequence[Vector]) -> Box:
    low = [min(corner[i] for corner in corners) for i in range(3)]
    high = [max(corner[i] for corner in corners) for i in range(3)]
    x, y, z = (0.5 * (a + b) for a, b in zip(low, high, strict=True))
    half = [0.5 * (b - a) for a, b in zip(low, high, strict=True)]
    return Box(Place((x, y, z)), (half[0], half[1], half[2]))


def _corners(thing: Blocker) -> list[Vector]:
    if isinstance(thing, Ball):
        return Box(Place(thing.center), (thing.radius, thing.radius, thing.radius)).corners()
    return thing.corners()


def _gap(thing: Blocker, own: Box) -> float:
    """Distance between the bounding boxes."""
    other = _bounding_box(_corners(thing))
    steps = [
        max(0.0, abs(a - b) - h - k)
        for a, b, h, k in zip(other.place.origin, own.place.origin, other.half, own.half, strict=True)
    ]
    return math.hypot(*steps)


def _thickness(thing: Blocker) -> float:
    """Half the size that counts for how far a thing darkens its surroundings."""
    if isinstance(thing, Ball):
        return thing.radius
    return sorted(thing.half)[1] if isinstance(thing, Box) else 0.0
