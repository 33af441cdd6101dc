"""A pinhole camera and its rays.

World: x right, y up, z ahead, lengths in meters or so. Directions are scaled so that a point on the ray is
origin + t·direction, t its depth along the optical axis; hence 1/t of a plane is affine in pixel coordinates.
Letters: t depth; w = 1/t inverse depth; f focal length in pixels; (x, y) pixel coordinates of the frame, pixel
centers at halves, (0, 0) the frame's upper left corner also when there is a margin.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
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
        return torch.stack([o + d * depth for o, d in zip(self.origin, self.direction, strict=True)])


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


class FrameSize(NamedTuple):
    """Size of the frame to render, in pixels."""

    height: int
    width: int
    margin_px: int = 0

    @property
    def texture_px(self) -> int:
        """Side of the mipmaps: the power of two nearest to the longer side."""
        return int(min(2048, max(64, 2 ** round(math.log2(max(self.height, self.width))))))

    def camera(self, *, focal: float, eye: float = 0.0, pitch: float = 0.0) -> Camera:
        """The camera that renders this frame; arguments as in Camera."""
        return Camera(self.height, self.width, focal, eye, pitch, self.margin_px)


@dataclass(frozen=True)
class Camera:
    """A pinhole camera above the origin.

    Attributes:
        height, width: of the frame, in pixels.
        focal: focal length in longer sides of the frame.
        eye: height above y = 0.
        pitch: angle by which the camera looks down, in radians.
        margin_px: width of the margin rendered around the frame.
    """

    height: int
    width: int
    focal: float = 1.2
    eye: float = 0.0
    pitch: float = 0.0
    margin_px: int = 0

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

    def rays(self, x: Tensor, y: Tensor) -> Rays:
        """Rays through pixel coordinates x, y [n]."""
        right, down = (x - 0.5 * self.width) / self.focal_px, (y - 0.5 * self.height) / self.focal_px
        sin, cos = math.sin(self.pitch), math.cos(self.pitch)
        # forward (0, −sin, cos) + right · (1, 0, 0) − down · (0, cos, sin)
        return Rays(self.origin, torch.stack([right, -sin - down * cos, cos - down * sin]))

    def point(self, across: float, down: float, depth: float) -> Vector:
        """World point seen at (across, down), in half frames from the center, at a depth."""
        return self.ahead(across * self.half_x * depth, -down * self.half_y * depth, depth)

    def ahead(self, right: float, up: float, depth: float) -> Vector:
        """World point given in camera coordinates."""
        sin, cos = math.sin(self.pitch), math.cos(self.pitch)
        return (right, self.eye + up * cos - depth * sin, up * sin + depth * cos)

    def depth(self, point: Vector) -> float:
        """Depth of a world point along the optical axis."""
        return -math.sin(self.pitch) * (point[1] - self.eye) + math.cos(self.pitch) * point[2]

    def pixel(self, point: Vector) -> tuple[float, float]:
        """Pixel coordinates (x, y) of a world point in front of the camera."""
        sin, cos = math.sin(self.pitch), math.cos(self.pitch)
        per_depth = self.focal_px / self.depth(point)
        up = cos * (point[1] - self.eye) + sin * point[2]
        return 0.5 * self.width + point[0] * per_depth, 0.5 * self.height - up * per_depth

    def window(self, corners: Sequence[Vector]) -> Window:
        """The pixels that the hull of `corners` can touch; the canvas when there are no corners."""
        canvas = self.canvas
        if not corners:
            return canvas
        ahead = [corner for corner in corners if self.depth(corner) >= _NEAR_CLIP]
        behind = [corner for corner in corners if self.depth(corner) < _NEAR_CLIP]
        # The near plane cuts the hull at most on lines between any two corners.
        visible = [*ahead, *(self._clipped(a, b) for a in ahead for b in behind)]
        if not visible:
            return Window(0, 0, 0, 0)
        xs, ys = zip(*(self.pixel(corner) for corner in visible), strict=True)
        return Window(
            top=max(canvas.top, math.floor(min(ys)) - 2),
            bottom=min(canvas.bottom, math.ceil(max(ys)) + 2),
            left=max(canvas.left, math.floor(min(xs)) - 2),
            right=min(canvas.right, math.ceil(max(xs)) + 2),
        )

    def _clipped(self, ahead: Vector, behind: Vector) -> Vector:
        far, near = self.depth(ahead), self.depth(behind)
        t = (far - _NEAR_CLIP) / (far - near)
        x, y, z = (a + t * (b - a) for a, b in zip(ahead, behind, strict=True))
        return x, y, z
