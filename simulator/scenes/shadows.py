"""Who throws a shadow on whom: worked out per sample for solids, baked into a map for planes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

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


class Member(NamedTuple):
    """One thing that throws a shadow, and where it is."""

    solid: Solid
    thing: Blocker
    corners: list[Vector]
    extents: list[tuple[float, float]]  # along x, y, z, towards the light, and two directions across the light
    thickness: float


@dataclass(frozen=True)
class Crowd:
    """All that throws shadows in a scene."""

    light: Light
    members: tuple[Member, ...]

    @classmethod
    def of(cls, solids: Sequence[Solid], light: Light) -> Crowd:
        axes = _axes(light)
        members = []
        for solid in solids:
            for thing in blockers(solid):
                corners = _corners(thing)
                members.append(Member(solid, thing, corners, _extents(corners, axes), _thickness(thing)))
        return cls(light, tuple(members))

    def on(self, solid: Solid, *, but: Solid | None = None) -> Shade:
        """Shadows on a solid by all others (and not by `but`), worked out sample by sample where they can reach."""
        own = _extents(solid.corners(), _axes(self.light))
        others = [member for member in self.members if member.solid is not solid and member.solid is not but]
        dark = [member.thing for member in others if _throws_on(member, own, self.light)]
        close = [member.thing for member in others if _gap(member, own) < _OPEN_BEYOND * member.thickness]

        def shade(hit: Hit) -> tuple[Tensor, Tensor]:
            return self.light.shadow(hit.point, dark), ambient(hit.point, hit.normal, close)

        return shade

    def on_plane(self, place: Place, area: Area, size: int) -> Shade:
        """Shadows on a plane, baked once over an area of it; beyond it they are what they are at its border."""
        left, right, low, high = area
        key, surroundings = torch.ones(size, size), torch.ones(size, size)
        for member in self.members:
            cast, near = _cast(member, place, self.light), _near(member, place)
            if cast is not None:
                share = partial(_dark_share, self.light, member.thing)
                _darken(key, torch.minimum, place, area, cast, share)
            if near is not None:
                _darken(surroundings, torch.mul, place, area, near, partial(_open_share, member.thing))
        baked = torch.stack([key, surroundings])

        def shade(hit: Hit) -> tuple[Tensor, Tensor]:
            u, v = (hit.uv[0] - left) / (right - left), (-hit.uv[1] - low) / (high - low)
            values = plate(baked, u, v)
            return values[0], values[1]

        return shade


def _dark_share(light: Light, thing: Blocker, points: Tensor, normals: Tensor) -> Tensor:
    return light.shadow(points, [thing])


def _open_share(thing: Blocker, points: Tensor, normals: Tensor) -> Tensor:
    return ambient(points, normals, [thing])


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


def _cast(member: Member, place: Place, light: Light) -> Area | None:
    """Where a thing's shadow can fall on a plane; None when the light does not reach the plane."""
    toward = [sum(t * a for t, a in zip(light.toward, axis, strict=True)) for axis in place.axes]
    rise = -toward[2]
    if rise < 0.01:
        return None
    xs, ys, blurs = [], [], []
    for corner in member.corners:
        x, y, z = _inside(place, corner)
        along = max(-z, 0.0) / rise
        xs.append(x - along * toward[0])
        ys.append(y - along * toward[1])
        blurs.append(2.0 * light.softness * along / rise + 0.05 * member.thickness)
    blur = max(blurs) + 0.01
    return min(xs) - blur, max(xs) + blur, min(ys) - blur, max(ys) + blur


def _near(member: Member, place: Place) -> Area | None:
    """Where a thing darkens the surroundings on a plane; None when it is too far off or too thin."""
    corners = [_inside(place, corner) for corner in member.corners]
    reach = _OPEN_BEYOND * member.thickness
    if reach == 0.0 or min(-z for _, _, z in corners) > reach:
        return None
    xs, ys = [x for x, _, _ in corners], [y for _, y, _ in corners]
    return min(xs) - reach, max(xs) + reach, min(ys) - reach, max(ys) + reach


def _inside(place: Place, point: Vector) -> Vector:
    offset = [p - o for p, o in zip(point, place.origin, strict=True)]
    x, y, z = (sum(o * a for o, a in zip(offset, axis, strict=True)) for axis in place.axes)
    return x, y, z


def _axes(light: Light) -> tuple[Vector, ...]:
    return ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), light.toward, *tangents(light.toward))


def _throws_on(member: Member, own: Sequence[tuple[float, float]], light: Light) -> bool:
    """Whether a thing lies in front as seen from the light and the two overlap; rectangles stand for both."""
    ahead = member.extents[3][1] - own[3][0]
    blur = light.softness * max(ahead, 0.0)
    return ahead > 0 and all(
        member.extents[i][0] - blur < own[i][1] and member.extents[i][1] + blur > own[i][0] for i in (4, 5)
    )


def _gap(member: Member, own: Sequence[tuple[float, float]]) -> float:
    """Distance between the bounding boxes."""
    return math.hypot(*(max(0.0, member.extents[i][0] - own[i][1], own[i][0] - member.extents[i][1]) for i in range(3)))


def _extents(corners: Sequence[Vector], axes: Sequence[Vector]) -> list[tuple[float, float]]:
    """Least and greatest coordinate along each axis."""
    along = [[x * a + y * b + z * c for x, y, z in corners] for a, b, c in axes]
    return [(min(values), max(values)) for values in along]


def _corners(thing: Blocker) -> list[Vector]:
    if isinstance(thing, Ball):
        return Box(Place(thing.center), (thing.radius, thing.radius, thing.radius)).corners()
    return thing.corners()


def _thickness(thing: Blocker) -> float:
    """Half the size that counts for how far a thing darkens its surroundings."""
    if isinstance(thing, Ball):
        return thing.radius
    return sorted(thing.half)[1] if isinstance(thing, Box) else 0.0
