"""Triangle meshes of the reference scenes.

Coordinates are the camera's: x to the right, y up, z forward, in meters, the lens in the origin. Every
triangle (a, b, c) shows its light on the side of (b - a) × (c - a): closed shapes shine outwards, flat ones
towards the camera.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Point = tuple[float, float, float]


@dataclass(frozen=True)
class Mesh:
    """Triangles with texture coordinates: vertices [V, 3] (m), uv [V, 2] (one texture a unit), faces [T, 3]."""

    vertices: Floats
    uv: Floats
    faces: Ints

    def __post_init__(self) -> None:
        count = len(self.vertices)
        if self.vertices.shape != (count, 3) or self.uv.shape != (count, 2) or self.faces.shape[1:] != (3,):
            raise ValueError(
                f"Mesh: vertices must be [V, 3], uv [V, 2], faces [T, 3]; "
                f"got {self.vertices.shape}, {self.uv.shape}, {self.faces.shape}"
            )
        if not np.isfinite(self.vertices).all():
            raise ValueError("Mesh: vertices must be finite")
        if self.faces.min() < 0 or self.faces.max() >= count:
            raise ValueError(f"Mesh: faces must index the {count} vertices, got {self.faces.max()}")

    def moved(self, offset: Point) -> Mesh:
        return Mesh(self.vertices + np.asarray(offset), self.uv, self.faces)

    def turned(self, yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0) -> Mesh:
        """Turned about the origin, in radians: roll about z first, then pitch about x, then yaw about y."""
        return Mesh(self.vertices @ _rotation(yaw, pitch, roll).T, self.uv, self.faces)

    def stretched(self, factors: Point) -> Mesh:
        return Mesh(self.vertices * np.asarray(factors), self.uv, self.faces)

    def facing_camera(self) -> Mesh:
        """The same triangles, each turned to show its light to the origin."""
        corner = self.vertices[self.faces]  # [T, 3, 3]
        normal = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
        away = (normal * corner[:, 0]).sum(axis=1) > 0
        return Mesh(self.vertices, self.uv, np.where(away[:, None], self.faces[:, ::-1], self.faces))


def joined(meshes: Sequence[Mesh]) -> Mesh:
    starts = np.cumsum([0] + [len(mesh.vertices) for mesh in meshes[:-1]])
    return Mesh(
        np.concatenate([mesh.vertices for mesh in meshes]),
        np.concatenate([mesh.uv for mesh in meshes]),
        np.concatenate([mesh.faces + start for mesh, start in zip(meshes, starts, strict=True)]),
    )


def quad(width_m: float, height_m: float, tile_m: float = 0.0) -> Mesh:
    """An upright rectangle around the origin that faces the camera (-z); one texture, or one each `tile_m`."""
    x, y = width_m / 2, height_m / 2
    vertices = np.array([[-x, -y, 0], [x, -y, 0], [x, y, 0], [-x, y, 0]], dtype=np.float64)
    uv = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], dtype=np.float64)
    if tile_m:
        uv = uv * (width_m / tile_m, height_m / tile_m)
    return Mesh(vertices, uv, np.array([[0, 2, 1], [0, 3, 2]]))


def floor(x0_m: float, x1_m: float, z0_m: float, z1_m: float, tile_m: float) -> Mesh:
    """A horizontal rectangle at y = 0, seen from above; one texture each `tile_m`."""
    vertices = np.array([[x0_m, 0, z0_m], [x1_m, 0, z0_m], [x1_m, 0, z1_m], [x0_m, 0, z1_m]], dtype=np.float64)
    return Mesh(vertices, vertices[:, [0, 2]] / tile_m, np.array([[0, 2, 1], [0, 3, 2]]))


def polygon(outline: Floats) -> Mesh:
    """A flat shape at z = 0 that faces the camera; outline [N, 2] simple, counterclockwise, in meters.

    The texture spans the outline's bounding square.
    """
    low, size = outline.min(axis=0), float(np.ptp(outline, axis=0).max())
    vertices = np.column_stack([outline, np.zeros(len(outline))])
    return Mesh(vertices, (outline - low) / size, ear_clipping(outline)[:, ::-1])


def ear_clipping(outline: Floats) -> Ints:
    """Triangles [N - 2, 3] of a simple counterclockwise polygon [N, 2] (Meisters 1975)."""
    left = list(range(len(outline)))
    triangles: list[tuple[int, int, int]] = []
    while len(left) > 3:
        for i in range(len(left)):
            a, b, c = left[i - 1], left[i], left[(i + 1) % len(left)]
            others = outline[[k for k in left if k not in (a, b, c)]]
            if _turn(outline[a], outline[b], outline[c]) > 0 and not _inside(others, outline[[a, b, c]]):
                triangles.append((a, b, c))
                left.pop(i)
                break
        else:
            raise ValueError("outline must be a simple counterclockwise polygon; found no ear to clip")
    return np.array([*triangles, tuple(left)])


def surface(shape: Callable[[Floats, Floats], Floats], columns: int, rows: int) -> Mesh:
    """A curved sheet: shape(u [N], v [N]) -> [N, 3] for u, v in [0, 1], cut into 2·columns·rows triangles.

    It shines on the side of ∂v × ∂u.
    """
    u, v = np.meshgrid(np.linspace(0, 1, columns + 1), np.linspace(0, 1, rows + 1))
    corner = (np.arange(rows)[:, None] * (columns + 1) + np.arange(columns)).ravel()
    a, b, c, d = corner, corner + 1, corner + columns + 2, corner + columns + 1
    faces = np.concatenate([np.column_stack([a, c, b]), np.column_stack([a, d, c])])
    return Mesh(shape(u.ravel(), v.ravel()), np.column_stack([u.ravel(), v.ravel()]), faces)


def lathe(radius_m: Callable[[Floats], Floats], height_m: float, columns: int = 96, rows: int = 96) -> Mesh:
    """A turned solid on y = 0: radius_m(t) at height t·height_m, t in [0, 1]."""

    def shape(u: Floats, v: Floats) -> Floats:
        angle, radius = 2 * np.pi * u, radius_m(v)
        return np.column_stack([radius * np.cos(angle), v * height_m, radius * np.sin(angle)])

    return surface(shape, columns, rows)


def sphere(radius_m: float, bumps: Callable[[Floats], Floats] | None = None, rows: int = 96) -> Mesh:
    """A ball around the origin; bumps(direction [N, 3]) -> [N] multiplies the radius."""

    def shape(u: Floats, v: Floats) -> Floats:
        angle, polar = 2 * np.pi * u, np.pi * (1 - v)
        ring = np.sin(polar)
        direction = np.column_stack([ring * np.cos(angle), np.cos(polar), ring * np.sin(angle)])
        scale = radius_m if bumps is None else radius_m * bumps(direction)[:, None]
        return direction * scale

    return surface(shape, 2 * rows, rows)


def cylinder(radius_m: float, height_m: float) -> Mesh:
    """An upright closed cylinder on y = 0."""
    side = lathe(lambda t: np.full_like(t, radius_m), height_m, rows=1)
    angle = np.linspace(0, 2 * np.pi, 97)[:-1]
    cap = polygon(radius_m * np.column_stack([np.cos(angle), np.sin(angle)])).turned(pitch=np.pi / 2)
    return joined([side, cap.moved((0, height_m, 0)), cap.turned(roll=np.pi)])


def box(width_m: float, height_m: float, depth_m: float, tile_m: float = 0.0) -> Mesh:
    """A box that stands on y = 0 around the y axis."""
    front = quad(width_m, height_m, tile_m).moved((0, 0, -depth_m / 2))
    side = quad(depth_m, height_m, tile_m).moved((0, 0, -width_m / 2))
    lid = quad(width_m, depth_m, tile_m).moved((0, 0, -height_m / 2))
    walls = [front, front.turned(yaw=np.pi), side.turned(yaw=np.pi / 2), side.turned(yaw=-np.pi / 2)]
    lids = [lid.turned(pitch=np.pi / 2), lid.turned(pitch=-np.pi / 2)]
    return joined(walls + lids).moved((0, height_m / 2, 0))


def tube(path: Floats, radius_m: Floats, sides: int = 12, tile_m: float = 0.5) -> Mesh:
    """A wire along path [N, 3] with radius_m [N], closed by flat ends."""
    along = np.gradient(path, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    aside = np.where(np.abs(along[:, 1:2]) < 0.9, [[0.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]])
    first = np.cross(along, aside)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second = np.cross(first, along)
    length = float(np.linalg.norm(np.diff(path, axis=0), axis=1).sum())
    ring_of = np.concatenate([[0], np.arange(len(path)), [len(path) - 1]])  # the first and last ring shrink to a point
    thickness = np.concatenate([[0.0], radius_m, [0.0]])

    def shape(u: Floats, v: Floats) -> Floats:
        ring, angle = np.rint(v * (len(ring_of) - 1)).astype(int), 2 * np.pi * u
        i = ring_of[ring]
        around = first[i] * np.cos(angle)[:, None] + second[i] * np.sin(angle)[:, None]
        return path[i] + around * thickness[ring][:, None]

    sheet = surface(shape, sides, len(ring_of) - 1)
    across = max(0.1, 2 * np.pi * float(radius_m.mean()) / tile_m)
    return replace(sheet, uv=sheet.uv * (across, length / tile_m))


def _rotation(yaw: float, pitch: float, roll: float) -> Floats:
    cy, sy, cp, sp, cr, sr = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch), np.cos(roll), np.sin(roll)
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    about_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return np.asarray(about_y @ about_x @ about_z)


def _turn(a: Floats, b: Floats, c: Floats) -> float:
    """Twice the signed area of a triangle: positive when counterclockwise."""
    return float((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]))


def _inside(points: Floats, triangle: Floats) -> bool:
    """Does any of points [N, 2] lie in the counterclockwise triangle [3, 2]?"""
    edge = np.roll(triangle, -1, axis=0) - triangle  # [3, 2]
    to_point = points[:, None] - triangle  # [N, 3, 2]
    turns = edge[:, 0] * to_point[..., 1] - edge[:, 1] * to_point[..., 0]
    return bool((turns >= 0).all(axis=1).any())
