"""A pinhole camera and its rays; poses of things: the ways between pixels, world and local coordinates.

World: x right, y up, z ahead, lengths in meters or so. Directions are scaled so that a point on the ray is
origin + t·direction, t its depth along the optical axis; hence 1/t of a plane is affine in pixel coordinates.
Letters: t depth; w = 1/t inverse depth; f focal length in pixels; (x, y) pixel coordinates of the frame, pixel
centers at halves, (0, 0) the frame's upper left corner also when there is a margin.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

Vector = tuple[float, float, float]

_NEAR_CLIP = 0.05  # meters before the eye where hulls are cut


class Rays(NamedTuple):
    """A bundle of n rays from one point."""

    origin: Vector
    direction: Tensor  # [3, n]

    def at(self, depth: Tensor) -> Tensor:
        """Points [3, n] at depths [n]."""
        return column(self.origin, depth) + self.direction * depth


def column(vector: Sequence[float], like: Tensor) -> Tensor:
    """[k, 1] of the type of `like`, to be combined with [k, n]."""
    return torch.tensor(vector, dtype=like.dtype)[:, None]


class Window(NamedTuple):
    """Pixels [top, bottom) × [left, right) of the frame; margins have negative rows and columns."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def width(self) -> int:
        return self.right - self.left

    def within(self, other: Window) -> Window:
        """The part inside another window; without any, height or width is not positive."""
        return Window(
            max(self.top, other.top),
            min(self.bottom, other.bottom),
            max(self.left, other.left),
            min(self.right, other.right),
        )


@dataclass(frozen=True)
class Camera:
    """A pinhole camera above the origin.

    Attributes:
        height, width: of the frame, in pixels.
        focal: focal length in longer sides of the frame; of a frame without a view, a factor on its views'.
        eye: height above y = 0.
        pitch, yaw, roll: angles in radians by which it looks down, to the right, and is tilted clockwise.
        margin_px: width of the margin rendered around the frame.
    """

    height: int
    width: int
    focal: float = 1.0
    eye: float = 0.0
    pitch: float = 0.0
    yaw: float = 0.0
    roll: float = 0.0
    margin_px: int = 0

    def view(self, *, focal: float, eye: float = 0.0, pitch: float = 0.0) -> Camera:
        """A camera for this frame; its focal length is a multiple of the frame's."""
        return replace(self, focal=self.focal * focal, eye=eye, pitch=pitch)

    @property
    def texture_px(self) -> int:
        """Side of the mipmaps: the power of two nearest to half the longer side."""
        return int(min(1024, max(32, 2 ** round(math.log2(0.5 * self.long_side)))))

    @property
    def long_side(self) -> int:
        return max(self.height, self.width)

    @property
    def focal_px(self) -> float:
        return self.focal * self.long_side

    @property
    def origin(self) -> Vector:
        return (0.0, self.eye, 0.0)

    @property
    def canvas(self) -> Window:
        """The frame with its margin."""
        m = self.margin_px
        return Window(-m, self.height + m, -m, self.width + m)

    @property
    def half_x(self) -> float:
        """Tangent of the angle between the axis and the frame's right edge."""
        return 0.5 * self.width / self.focal_px

    @property
    def half_y(self) -> float:
        return 0.5 * self.height / self.focal_px

    @cached_property
    def pose(self) -> Pose:
        """Local x right, y up, z ahead."""
        return pose_at(self.origin, yaw=self.yaw, pitch=self.pitch, roll=-self.roll)

    def rays(self, x: Tensor, y: Tensor) -> Rays:
        """Rays through pixel coordinates x, y [n]."""
        return Rays(self.origin, torch.stack(self.directions(*self.tangents(x, y))))

    def tangents(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Tangents of the angles to columns x and rows y, right and up of the axis."""
        return (x - 0.5 * self.width) / self.focal_px, (0.5 * self.height - y) / self.focal_px

    def directions(self, right: Tensor, up: Tensor) -> list[Tensor]:
        """World x, y, z of the directions to tangents that broadcast against each other."""
        return [a * right + (b * up + c) for a, b, c in zip(*self.pose.axes, strict=True)]

    def point(self, across: float, down: float, depth: float) -> Vector:
        """World point seen at (across, down), in half frames from the center, at a depth."""
        return self.ahead(across * self.half_x * depth, -down * self.half_y * depth, depth)

    def ahead(self, right: float, up: float, depth: float) -> Vector:
        """World point given in camera coordinates."""
        return self.pose.point_to_world(right, up, depth)

    def depth(self, point: Vector) -> float:
        """Depth of a world point along the optical axis."""
        return self.pose.point_to_local(point)[2]

    def pixel(self, point: Vector) -> tuple[float, float]:
        """Pixel coordinates (x, y) of a world point in front of the camera."""
        return self._seen(self.pose.point_to_local(point))

    def _seen(self, local: Vector) -> tuple[float, float]:
        right, up, depth = local
        return 0.5 * self.width + right * self.focal_px / depth, 0.5 * self.height - up * self.focal_px / depth

    def window(self, corners: Sequence[Vector]) -> Window:
        """The pixels, also beyond the canvas, that the hull of `corners` can touch; the canvas without corners."""
        if not corners:
            return self.canvas
        local = [self.pose.point_to_local(corner) for corner in corners]
        visible = [corner for corner in local if corner[2] >= _NEAR_CLIP]
        if len(visible) < len(corners):
            # The near plane cuts the hull at most on lines between any two corners.
            visible += [_clipped(a, b) for a in visible for b in local if b[2] < _NEAR_CLIP]
        if not visible:
            return Window(0, 0, 0, 0)
        xs, ys = zip(*(self._seen(corner) for corner in visible), strict=True)
        return Window(
            top=math.floor(min(ys)) - 1,
            bottom=math.ceil(max(ys)) + 1,
            left=math.floor(min(xs)) - 1,
            right=math.ceil(max(xs)) + 1,
        )


def _clipped(ahead: Vector, behind: Vector) -> Vector:
    """Where a line between two points in camera coordinates crosses the near plane."""
    t = (ahead[2] - _NEAR_CLIP) / (ahead[2] - behind[2])
    x, y, _ = (a + t * (b - a) for a, b in zip(ahead, behind, strict=True))
    return x, y, _NEAR_CLIP


class RayGrid(NamedTuple):
    """The rays through one point of every pixel of a camera's canvas, and of one more row and column."""

    camera: Camera
    right: Tensor  # [width + 1] tangents
    up: Tensor  # [height + 1]

    def rays(self, window: Window) -> Rays:
        """The rays of a window, row by row."""
        canvas = self.camera.canvas
        up = self.up[window.top - canvas.top : window.bottom - canvas.top, None]
        right = self.right[window.left - canvas.left : window.right - canvas.left]
        return Rays(self.camera.origin, torch.stack(self.camera.directions(right, up)).flatten(1))


@lru_cache(maxsize=4)
def ray_grid(camera: Camera, offset: float, dtype: torch.dtype) -> RayGrid:
    """The grid through the points `offset` right of and below the pixels' upper left corners, computed in `dtype`.

    It is kept, since all things of a picture use it.
    """
    x, y = (
        start + torch.arange(size + 1, dtype=dtype) + offset
        for start, size in ((camera.canvas.left, camera.canvas.width), (camera.canvas.top, camera.canvas.height))
    )
    return RayGrid(camera, *camera.tangents(x, y))


FLOOR_AXES = ((1.0, 0.0, 0.0), (0.0, 0.0, 1.0), (0.0, -1.0, 0.0))  # local x right, y away from the camera, z down
CEILING_AXES = ((1.0, 0.0, 0.0), (0.0, 0.0, 1.0), (0.0, 1.0, 0.0))  # the same with z up


def side_axes(side: float) -> tuple[Vector, Vector, Vector]:
    """Axes of a wall to the left (side −1) or right (1): local x away from the camera, y up."""
    return (0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (side, 0.0, 0.0)


@dataclass(frozen=True)
class Pose:
    """Origin and orthonormal axes of a solid's local coordinates, in world coordinates."""

    origin: Vector
    axes: tuple[Vector, Vector, Vector] = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))

    def rays_to_local(self, rays: Rays) -> tuple[Vector, Tensor]:
        """Origin and directions [3, n] of rays in local coordinates."""
        return self.point_to_local(rays.origin), self.vectors_to_local(rays.direction)

    def vector_to_local(self, vector: Sequence[float]) -> Vector:
        """A world direction in local coordinates."""
        x, y, z = vector
        a, b, c = self.axes
        return (x * a[0] + y * a[1] + z * a[2], x * b[0] + y * b[1] + z * b[2], x * c[0] + y * c[1] + z * c[2])

    def point_to_local(self, point: Vector) -> Vector:
        """A world point in local coordinates."""
        return self.vector_to_local([p - o for p, o in zip(point, self.origin, strict=True)])

    def points_to_local(self, points: Tensor) -> Tensor:
        """World points [3, n] in local coordinates."""
        return self.vectors_to_local(points - column(self.origin, points))

    def vectors_to_local(self, vectors: Tensor) -> Tensor:
        """World directions [3, n] in local coordinates."""
        x, y, z = self._axes_as[vectors.dtype].unbind(1)  # [3, 1] each: of all three axes
        return vectors[0] * x + vectors[1] * y + vectors[2] * z

    def vectors_to_world(self, vectors: Tensor) -> Tensor:
        """Local vectors [3, n] in world coordinates."""
        a, b, c = self._axes_as[vectors.dtype]  # [3, 1] each
        return vectors[0] * a + vectors[1] * b + vectors[2] * c

    @cached_property
    def _axes_as(self) -> dict[torch.dtype, Tensor]:
        """The axes [3, 3, 1] by type of the numbers."""
        return {dtype: torch.tensor(self.axes, dtype=dtype)[:, :, None] for dtype in (torch.float32, torch.float64)}

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
