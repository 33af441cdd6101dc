"""Poses: position and orientation of a solid, and the way between world and local coordinates."""

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from simulator.scenes.camera import Rays, Vector

FLOOR_AXES = ((1.0, 0.0, 0.0), (0.0, 0.0, 1.0), (0.0, -1.0, 0.0))  # local x right, y away from the camera, z down


def side_axes(side: float) -> tuple[Vector, Vector, Vector]:
    """Axes of a wall to the left (side −1) or right (1): local x away from the camera, y up."""
    return (0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (side, 0.0, 0.0)


class Pose(NamedTuple):
    """Origin and orthonormal axes of a solid's local coordinates, in world coordinates."""

    origin: Vector
    axes: tuple[Vector, Vector, Vector] = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))

    def rays_to_local(self, rays: Rays) -> tuple[Vector, Tensor]:
        """Origin and directions [3, n] of rays in local coordinates."""
        x, y, z = rays.direction
        d = torch.stack([x * axis[0] + y * axis[1] + z * axis[2] for axis in self.axes])
        return self.point_to_local(rays.origin), d

    def vector_to_local(self, vector: Sequence[float]) -> Vector:
        """A world direction in local coordinates."""
        x, y, z = (sum(v * a for v, a in zip(vector, axis, strict=True)) for axis in self.axes)
        return x, y, z

    def point_to_local(self, point: Vector) -> Vector:
        """A world point in local coordinates."""
        return self.vector_to_local([p - o for p, o in zip(point, self.origin, strict=True)])

    def points_to_local(self, points: Tensor) -> Tensor:
        """World points [3, n] in local coordinates."""
        x, y, z = (p - o for p, o in zip(points, self.origin, strict=True))
        return torch.stack([x * axis[0] + y * axis[1] + z * axis[2] for axis in self.axes])

    def vectors_to_world(self, vectors: Tensor) -> Tensor:
        """Local vectors [3, n] in world coordinates."""
        a, b, c = self.axes
        return torch.stack([vectors[0] * a[i] + vectors[1] * b[i] + vectors[2] * c[i] for i in range(3)])

    def point_to_world(self, x: float, y: float, z: float) -> Vector:
        """A local point in world coordinates."""
        a, b, c = self.axes
        p = [o + x * a[i] + y * b[i] + z * c[i] for i, o in enumerate(self.origin)]
        return (p[0], p[1], p[2])

    def box_corners(self, low: Vector, high: Vector) -> list[Vector]:
        """The eight world corners of a box given by two opposite corners in local coordinates."""
        return [self.point_to_world(*corner) for corner in itertools.product(*zip(low, high, strict=True))]


def pose_at(origin: Vector, *, yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0) -> Pose:
    """A pose rotated by angles in radians: roll about z, then pitch about x, then yaw about y."""
    axes = []
    for x, y, z in ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)):
        x, y = x * math.cos(roll) - y * math.sin(roll), x * math.sin(roll) + y * math.cos(roll)
        y, z = y * math.cos(pitch) - z * math.sin(pitch), y * math.sin(pitch) + z * math.cos(pitch)
        x, z = x * math.cos(yaw) + z * math.sin(yaw), -x * math.sin(yaw) + z * math.cos(yaw)
        axes.append((x, y, z))
    return Pose(origin, (axes[0], axes[1], axes[2]))
