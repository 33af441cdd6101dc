"""Shadows between the solids of a scene: per sample on solids, baked into a map on planes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from simulator.scenes.camera import Pose, Vector
from simulator.scenes.light import (
    Light,
    Occluder,
    OccluderSphere,
    Shadow,
    ambient_visibility,
    key_visibility,
    occluders_of,
    proxy_spheres,
    tangents,
)
from simulator.scenes.mipmap import sample_clamped
from simulator.scenes.shading import Hit, Visibility
from simulator.scenes.solids import Box, Solid

_BLOCK = 1 << 14  # points at once
_OPEN_BEYOND = 2.2  # reach of ambient occlusion, in thicknesses of the occluder

Area = tuple[float, float, float, float]  # left, right, low, high in a plane's local x and y
Extents = list[tuple[float, float]]  # along x, y, z, towards the light, and two directions across the light


class ShadowCaster(NamedTuple):
    """One occluder, the solid that it stands for, and its bounds."""

    solid: Solid
    occluder: Occluder
    shadow: Shadow
    corners: list[Vector]
    extents: Extents
    thickness: float  # half the size that sets the reach of its ambient occlusion, meters


@dataclass(frozen=True)
class ShadowCasters:
    """All occluders of a scene under its light."""

    light: Light
    casters: tuple[ShadowCaster, ...]

    @classmethod
    def from_solids(cls, solids: Sequence[Solid], light: Light) -> ShadowCasters:
        casters = []
        for solid in solids:
            for occluder in occluders_of(solid):
                if isinstance(occluder, OccluderSphere):
                    thickness = occluder.radius
                    corners = Box(Pose(occluder.center), (thickness, thickness, thickness)).corners()
                else:
                    thickness = sorted(occluder.half)[1] if isinstance(occluder, Box) else 0.0
                    corners = occluder.corners()
                extents = _extents(corners, light)
                casters.append(ShadowCaster(solid, occluder, light.shadow(occluder), corners, extents, thickness))
        return cls(light, tuple(casters))

    def visibility_on(self, solid: Solid, *, excluding: Solid | None = None) -> Visibility:
        """Visibility on a solid, occluded by all other solids except `excluding`; computed at each sample."""
        bounds = _extents(solid.corners(), self.light)
        others = [caster for caster in self.casters if caster.solid is not solid and caster.solid is not excluding]
        dark = [caster for caster in others if _can_shadow(caster, bounds, self.light)]
        shadows = [caster.shadow for caster in dark if not isinstance(caster.occluder, OccluderSphere)]
        if dark_balls := [caster.occluder for caster in dark if isinstance(caster.occluder, OccluderSphere)]:
            shadows.append(partial(self.light.past_balls, dark_balls))
        close = [caster.occluder for caster in others if _gap(caster, bounds) < _OPEN_BEYOND * caster.thickness]
        balls = [ball for occluder in close for ball in proxy_spheres(occluder)]

        def visibility(hit: Hit) -> tuple[Tensor, Tensor]:
            return key_visibility(hit.point, shadows), ambient_visibility(hit.point, hit.normal, balls)

        return visibility

    def baked_on_plane(self, pose: Pose, area: Area, size: int) -> Visibility:
        """Visibility on a plane from a map of size × size cells over `area`; beyond it, that of the border."""
        left, right, low, high = area
        baked = torch.ones(2, size, size)  # share of the key light, and of the surroundings
        for caster in self.casters:
            cast, near = _shadow_area(caster, pose, self.light), _ambient_area(caster, pose)
            for cells, points in _cells_within(pose, area, cast, size):
                baked[0][cells] = torch.minimum(baked[0][cells], caster.shadow(points).view_as(baked[0][cells]))
            normal = -torch.tensor(pose.axes[2])[:, None]
            for cells, points in _cells_within(pose, area, near, size):
                seen = ambient_visibility(points, normal.expand_as(points), proxy_spheres(caster.occluder))
                baked[1][cells] *= seen.view_as(baked[1][cells])

        def visibility(hit: Hit) -> tuple[Tensor, Tensor]:
            u, v = (hit.uv[0] - left) / (right - left), (-hit.uv[1] - low) / (high - low)
            key, surroundings = sample_clamped(baked, torch.stack([u, v]))
            return key, surroundings

        return visibility


def _cells_within(pose: Pose, area: Area, part: Area | None, size: int) -> Iterator[tuple[tuple[slice, slice], Tensor]]:
    """Blocks of the cells of a map [size, size] over `area` that touch `part`: (index, world points [3, n])."""
    if part is None:
        return
    columns, rows = _cells(area[0], area[1], part[0], part[1], size), _cells(area[2], area[3], part[2], part[3], size)
    width = columns.stop - columns.start
    if width <= 0:
        return
    step = max(1, _BLOCK // width)
    x = area[0] + (area[1] - area[0]) * (torch.arange(columns.start, columns.stop) + 0.5) / size
    for start in range(rows.start, rows.stop, step):
        block = slice(start, min(start + step, rows.stop))
        y = area[2] + (area[3] - area[2]) * (torch.arange(block.start, block.stop) + 0.5) / size
        local = torch.stack([x.repeat(y.shape[0]), y.repeat_interleave(width), torch.zeros(width * y.shape[0])])
        yield (block, columns), pose.vectors_to_world(local) + torch.tensor(pose.origin)[:, None]


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
    xs, ys, zs = zip(*(pose.point_to_local(corner) for corner in caster.corners), strict=True)
    reach = _OPEN_BEYOND * caster.thickness
    if reach == 0.0 or -max(zs) > reach:
        return None
    return min(xs) - reach, max(xs) + reach, min(ys) - reach, max(ys) + reach


def _can_shadow(caster: ShadowCaster, bounds: Extents, light: Light) -> bool:
    """True if, seen from the light, an occluder lies in front of the bounds `bounds` and overlaps them."""
    ahead = caster.extents[3][1] - bounds[3][0]
    blur = light.softness * max(ahead, 0.0)
    return ahead > 0 and all(
        caster.extents[i][0] - blur < bounds[i][1] and caster.extents[i][1] + blur > bounds[i][0] for i in (4, 5)
    )


def _gap(caster: ShadowCaster, bounds: Extents) -> float:
    """Distance between the bounding boxes."""
    return math.hypot(
        *(max(0.0, caster.extents[i][0] - bounds[i][1], bounds[i][0] - caster.extents[i][1]) for i in range(3))
    )


def _extents(corners: Sequence[Vector], light: Light) -> Extents:
    """Least and greatest coordinate along each axis."""
    axes = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), light.toward, *tangents(light.toward))
    along = [[x * a + y * b + z * c for x, y, z in corners] for a, b, c in axes]
    return [(min(values), max(values)) for values in along]
