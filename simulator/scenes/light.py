"""Light on surfaces: one key light with soft shadows, a sky above, the ground's bounce below.

Shadows come from simple occluders: spheres along the axis of a lathe, boxes, cards. Soft occlusion by a ball after
I. Quilez, "Sphere - occlusion" and "Sphere - soft shadow" (iquilezles.org), rewritten.
Letters: p surface points; n normals; l unit vector towards the key light.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from typing import NamedTuple

import torch
from torch import Tensor

from simulator.scenes.camera import Vector, column
from simulator.scenes.solids import Box, Card, Lathe, Solid
from simulator.scenes.textures.pattern import linear, smoothstep


class OccluderSphere(NamedTuple):
    """A sphere that stands for a part of a solid; meters."""

    center: Vector
    radius: float


Occluder = OccluderSphere | Box | Card
Shadow = Callable[[Tensor], Tensor]  # points [3, n] -> visible share of the key light [n]


def occluders_of(solid: Solid) -> list[Occluder]:
    """The occluders that stand for a solid; none where it casts no shadow."""
    if isinstance(solid, Box) or (isinstance(solid, Card) and solid.extent is not None):
        return [solid]
    if not isinstance(solid, Lathe):
        return []
    span = solid.high - solid.low
    count = max(1, min(6, round(span / max(solid.widest, 1e-6))))
    balls: list[Occluder] = []
    for i in range(count):
        y = solid.low + span * (i + 0.5) / count
        radius = max((arc.radius(y) for arc in solid.arcs if arc.low <= y <= arc.high), default=0.5 * solid.widest)
        balls.append(OccluderSphere(solid.pose.point_to_world(0.0, y, 0.0), max(radius, 0.3 * span / count)))
    return balls


@dataclass(frozen=True)
class Light:
    """A key light, and the surroundings as a hemisphere.

    Attributes:
        toward: unit vector to the key light.
        key, sky, ground: linear light that a white surface facing each of them reflects.
        softness: tangent of the key light's angular radius.
    """

    toward: Vector
    key: Tensor  # [3]
    sky: Tensor
    ground: Tensor
    softness: float = 0.12

    def around(self, up: Tensor) -> Tensor:
        """Light [3, n] of the surroundings: the ground's where up [n] is 0, the sky's where it is 1."""
        return self.ground[:, None] + (self.sky - self.ground)[:, None] * up

    def shadow(self, occluder: Occluder) -> Shadow:
        """The shadow of an occluder."""
        if isinstance(occluder, OccluderSphere):
            return partial(self.past_balls, [occluder])
        return partial(self._past_card, occluder) if isinstance(occluder, Card) else self._box_shadow(occluder)

    def past_balls(self, balls: Sequence[OccluderSphere], points: Tensor) -> Tensor:
        """The shadow of some balls at points [3, n]: [n]."""
        x, y, z = _offsets(points, balls)
        radius = column([ball.radius for ball in balls], points)
        along = x * self.toward[0] + y * self.toward[1] + z * self.toward[2]
        gap = (x * x + y * y + z * z - along * along).clamp(min=0.0).sqrt() - radius
        blur = self.softness * along.clamp(min=0.0) + column([0.04 * ball.radius for ball in balls], points)
        return torch.where(along > 0.0, smoothstep(-0.9, 0.9, (gap / blur).clamp(-1.0, 1.0)), 1.0).amin(0)

    def _past_card(self, card: Card, points: Tensor) -> Tensor:
        """By how far from the card's outline the ray to the light crosses its plane."""
        local = card.pose.points_to_local(points)
        x, y, z = card.pose.vector_to_local(self.toward)
        along = -local[2] / (z if abs(z) > 1e-3 else 1e-3)
        if card.outline is None:
            return torch.ones_like(along)
        gap = card.outline(local[0] + along * x, local[1] + along * y)
        blur = self.softness * along.clamp(min=0.0) + 0.002
        return torch.where(along > 1e-3, smoothstep(-0.8, 0.8, (gap / blur).clamp(-1.0, 1.0)), 1.0)

    def _box_shadow(self, box: Box) -> Shadow:
        """Seen along the light, a box is a hexagon: three pairs of parallel lines enclose it.

        The line's normal for the edge e is n = l × e; the box reaches Σ hᵢ |nᵢ| to both sides of its center.
        """
        toward = box.pose.vector_to_local(self.toward)
        edges = []
        for i, (half, speed) in enumerate(zip(box.half, toward, strict=True)):
            j, k = (i + 1) % 3, (i + 2) % 3
            length = math.hypot(toward[j], toward[k])
            a, b, width = 0.0, 0.0, math.inf  # no line where the light runs along the edge
            if length > 1e-6:
                a, b = toward[k] / length, -toward[j] / length  # n has components a along j and b along k
                width = abs(a) * box.half[j] + abs(b) * box.half[k]
            per_speed = 1.0 / (speed if abs(speed) > 1e-6 else 1e-6)
            edges.append((a, b, width, -per_speed, half * abs(per_speed)))
        a3, b3, widths, per_speeds, reach = torch.tensor(edges).T[:, :, None]  # [3, 1] each

        def past_box(points: Tensor) -> Tensor:
            o = box.pose.points_to_local(points)
            gap = ((a3 * o.roll(-1, 0) + b3 * o.roll(-2, 0)).abs() - widths).amax(0)
            middle = per_speeds * o
            enter, leave = (middle - reach).amax(0), (middle + reach).amin(0)
            blur = self.softness * enter.clamp(min=0.0) + 0.003
            return torch.where(leave > 1e-4, smoothstep(-0.9, 0.9, (gap / blur).clamp(-1.0, 1.0)), 1.0)

        return past_box


def key_visibility(points: Tensor, shadows: Sequence[Shadow]) -> Tensor:
    """Share of the key light that reaches points [3, n] past shadows: [n], in [0, 1]."""
    return reduce(torch.minimum, [shadow(points) for shadow in shadows], torch.ones_like(points[0]))


def ambient_visibility(points: Tensor, normals: Tensor, balls: Sequence[OccluderSphere]) -> Tensor:
    """Share of the surroundings that balls leave visible from each point: [n], in [0, 1]."""
    seen = torch.ones_like(points[0])
    if balls:
        x, y, z = _offsets(points, balls)
        square = (x * x + y * y + z * z).clamp(min=1e-6)
        cosine = (normals[0] * x + normals[1] * y + normals[2] * z) / square.sqrt()
        near = (square.reciprocal() * column([ball.radius**2 for ball in balls], points)).clamp(max=1.0)
        for share in 1.0 - 0.94 * near * (0.25 + 0.75 * cosine).clamp(min=0.0):
            seen = seen * share
    return seen


def _offsets(points: Tensor, balls: Sequence[OccluderSphere]) -> Tensor:
    """From points [3, n] to the balls' centers: [3, balls, n]."""
    return torch.tensor([ball.center for ball in balls]).T[:, :, None] - points[:, None]


def proxy_spheres(occluder: Occluder) -> list[OccluderSphere]:
    """Spheres in place of an occluder: itself; along a box's longest side; none for a card."""
    if isinstance(occluder, OccluderSphere):
        return [occluder]
    if isinstance(occluder, Card):
        return []
    short, middle, long = sorted(range(3), key=lambda i: occluder.half[i])
    radius = 0.5 * (occluder.half[short] + occluder.half[middle])
    count = max(1, min(5, round(occluder.half[long] / radius)))
    balls = []
    for i in range(count):
        center = [0.0, 0.0, 0.0]
        center[long] = occluder.half[long] * ((2 * i + 1) / count - 1.0)
        balls.append(OccluderSphere(occluder.pose.point_to_world(*center), radius))
    return balls


def tangents(n: Vector) -> tuple[Vector, Vector]:
    """Two unit vectors that complete the unit vector n to an orthonormal basis."""
    helper = (1.0, 0.0, 0.0) if abs(n[0]) < 0.7 else (0.0, 1.0, 0.0)
    a = _cross(n, helper)
    length = math.sqrt(sum(x * x for x in a))
    a = (a[0] / length, a[1] / length, a[2] / length)
    return a, _cross(n, a)


def _cross(a: Vector, b: Vector) -> Vector:
    return (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])


def unit_direction(azimuth: float, elevation: float) -> Vector:
    """Unit vector of a direction: azimuth from ahead (0) to the right (π/2) and elevation, in radians."""
    flat = math.cos(elevation)
    return (flat * math.sin(azimuth), math.sin(elevation), flat * math.cos(azimuth))


def light_from_colors(
    toward: Vector, key: tuple[str, float], sky: tuple[str, float], ground: str, *, softness: float = 0.12
) -> Light:
    """A light from sRGB colors '#rrggbb' and strengths; the ground reflects the light that falls on it."""
    bounce = 0.5 * (key[1] * max(toward[1], 0.0) + sky[1])
    return Light(toward, linear(key[0]) * key[1], linear(sky[0]) * sky[1], linear(ground) * bounce, softness)
