"""Shadows between the solids of a scene: per sample on solids, baked into a map on planes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from simulator.scenes.camera import Vector
from simulator.scenes.light import Light, Occluder, OccluderSphere, ambient_visibility, occluders_of, tangents
from simulator.scenes.mipmap import sample_clamped
from simulator.scenes.pose import Pose
from simulator.scenes.shading import Hit, Visibility
from simulator.scenes.solids import Box, Solid

_BLOCK = 1 << 14  # points at once
_OPEN_BEYOND = 2.2  # reach of ambient occlusion, in thicknesses of the occluder

Area = tuple[float, float, float, float]  # left, right, low, high in a plane's local x and y


class ShadowCaster(NamedTuple):
    """One occluder, the solid that it stands for, and its bounds."""

    solid: Solid
    occluder: Occluder
    corners: list[Vector]
    extents: list[tuple[float, float]]  # along x, y, z, towards the light, and two directions across the light
    thickness: float


@dataclass(frozen=True)
class ShadowCasters:
    """All occluders of a scene under its light."""

    light: Light
    casters: tuple[ShadowCaster, ...]

    @classmethod
    def from_solids(cls, solids: Sequence[Solid], light: Light) -> ShadowCasters:
        axes = _axes(light)
        casters = []
        for solid in solids:
            for occluder in occluders_of(solid):
                corners = _corners(occluder)
                casters.append(ShadowCaster(solid, occluder, corners, _extents(corners, axes), _thickness(occluder)))
        return cls(light, tuple(casters))

    def visibility_on(self, solid: Solid, *, excluding: Solid | None = None) -> Visibility:
        """Visibility on a solid, occluded by all other solids except `excluding`; computed at each sample."""
        bounds = _extents(solid.corners(), _axes(self.light))
        others = [caster for caster in self.casters if caster.solid is not solid and caster.solid is not excluding]
        dark = [caster.occluder for caster in others if _can_shadow(caster, bounds, self.light)]
        close = [caster.occluder for caster in others if _gap(caster, bounds) < _OPEN_BEYOND * caster.thickness]

        def visibility(hit: Hit) -> tuple[Tensor, Tensor]:
            return self.light.key_visibility(hit.point, dark), ambient_visibility(hit.point, hit.normal, close)

        return visibility

    def baked_on_plane(self, pose: Pose, area: Area, size: int) -> Visibility:
        """Visibility on a plane from a map of size × size cells over `area`; beyond it, that of the border."""
        left, right, low, high = area
        key, surroundings = torch.ones(size, size), torch.ones(size, size)
        for caster in self.casters:
            cast, near = _shadow_area(caster, pose, self.light), _ambient_area(caster, pose)
            if cast is not None:
                share = partial(_key_share, self.light, caster.occluder)
                _combine_map(key, torch.minimum, pose, area, cast, share)
            if near is not None:
                _combine_map(surroundings, torch.mul, pose, area, near, partial(_ambient_share, caster.occluder))
        baked = torch.stack([key, surroundings])

        def visibility(hit: Hit) -> tuple[Tensor, Tensor]:
            u, v = (hit.uv[0] - left) / (right - left), (-hit.uv[1] - low) / (high - low)
            values = sample_clamped(baked, u, v)
            return values[0], values[1]

        return visibility


def _key_share(light: Light, occluder: Occluder, points: Tensor, normals: Tensor) -> Tensor:
    return light.key_visibility(points, [occluder])


def _ambient_share(occluder: Occluder, points: Tensor, normals: Tensor) -> Tensor:
    return ambient_visibility(points, normals, [occluder])


def _combine_map(
    values: Tensor,
    combine: Callable[[Tensor, Tensor], Tensor],
    pose: Pose,
    area: Area,
    part: Area,
    share: Callable[[Tensor, Tensor], Tensor],
) -> None:
    """Combines a map [size, size] over `area` in place with a share, computed only where the map overlaps `part`."""
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
        points = pose.vectors_to_world(local) + torch.tensor(pose.origin)[:, None]
        normals = -torch.tensor(pose.axes[2])[:, None].expand_as(points)
        seen = share(points, normals).reshape(-1, width)
        values[block, columns] = combine(values[block, columns], seen)


def _cells(low: float, high: float, first: float, last: float, size: int) -> slice:
    """Indices of the cells of a map over [low, high] that touch [first, last]."""
    per_meter = size / (high - low)
    start = max(0, math.floor((first - low) * per_meter) - 1)
    return slice(start, max(start, min(size, math.ceil((last - low) * per_meter) + 1)))


def _shadow_area(caster: ShadowCaster, pose: Pose, light: Light) -> Area | None:
    """Bounds of an occluder's shadow on a plane; None when the light does not reach the plane."""
    toward = pose.vector_to_local(light.toward)
    rise = -toward[2]
    if rise < 0.01:
        return None
    xs, ys, blurs = [], [], []
    for corner in caster.corners:
        x, y, z = pose.point_to_local(corner)
        along = max(-z, 0.0) / rise
        xs.append(x - along * toward[0])
        ys.append(y - along * toward[1])
        blurs.append(2.0 * light.softness * along / rise + 0.05 * caster.thickness)
    blur = max(blurs) + 0.01
    return min(xs) - blur, max(xs) + blur, min(ys) - blur, max(ys) + blur


def _ambient_area(caster: ShadowCaster, pose: Pose) -> Area | None:
    """Bounds of an occluder's ambient occlusion on a plane; None when it is too far off or too thin."""
    corners = [pose.point_to_local(corner) for corner in caster.corners]
    reach = _OPEN_BEYOND * caster.thickness
    if reach == 0.0 or min(-z for _, _, z in corners) > reach:
        return None
    xs, ys = [x for x, _, _ in corners], [y for _, y, _ in corners]
    return min(xs) - reach, max(xs) + reach, min(ys) - reach, max(ys) + reach


def _axes(light: Light) -> tuple[Vector, ...]:
    return ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), light.toward, *tangents(light.toward))


def _can_shadow(caster: ShadowCaster, bounds: Sequence[tuple[float, float]], light: Light) -> bool:
    """True if, seen from the light, an occluder lies in front of the bounds `bounds` and overlaps them."""
    ahead = caster.extents[3][1] - bounds[3][0]
    blur = light.softness * max(ahead, 0.0)
    return ahead > 0 and all(
        caster.extents[i][0] - blur < bounds[i][1] and caster.extents[i][1] + blur > bounds[i][0] for i in (4, 5)
    )


def _gap(caster: ShadowCaster, bounds: Sequence[tuple[float, float]]) -> float:
    """Distance between the bounding boxes."""
    return math.hypot(
        *(max(0.0, caster.extents[i][0] - bounds[i][1], bounds[i][0] - caster.extents[i][1]) for i in range(3))
    )


def _extents(corners: Sequence[Vector], axes: Sequence[Vector]) -> list[tuple[float, float]]:
    """Least and greatest coordinate along each axis."""
    along = [[x * a + y * b + z * c for x, y, z in corners] for a, b, c in axes]
    return [(min(values), max(values)) for values in along]


def _corners(occluder: Occluder) -> list[Vector]:
    if isinstance(occluder, OccluderSphere):
        return Box(Pose(occluder.center), (occluder.radius, occluder.radius, occluder.radius)).corners()
    return occluder.corners()


def _thickness(occluder: Occluder) -> float:
    """Half the size that sets the reach of an occluder's ambient occlusion, in meters."""
    if isinstance(occluder, OccluderSphere):
        return occluder.radius
    return sorted(occluder.half)[1] if isinstance(occluder, Box) else 0.0
