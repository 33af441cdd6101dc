"""Solids that rays meet in closed form: quadric lathes, boxes, flat cut-outs, and the sky.

Every solid has local coordinates (`Pose`) and two methods: `intersect` finds where a ray meets it first, `surface`
gives normal and surface coordinates there.
Letters: o, d the ray's origin and direction in local coordinates; w inverse depth along the ray.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Concatenate, NamedTuple, ParamSpec, Protocol, runtime_checkable

import torch
from torch import Tensor

from simulator.scenes.camera import Pose, Rays, Vector, column

MISS = -1.0


class Intersections(NamedTuple):
    """Where n rays meet a solid first."""

    inverse_depth: Tensor  # [n] w = 1/t; 0 at infinity
    part: Tensor  # [n] which face or piece, >= 0; MISS where there is none
    rim: Tensor | None = None  # [n] True within about a sample of an outline too thin to be noticed otherwise


@runtime_checkable
class Solid(Protocol):
    """A shape that `raster` can render."""

    def intersect(self, rays: Rays, sample: float) -> Intersections:
        """First intersection with each ray; `sample` is the angle between neighboring samples, in radians."""

    def surface(self, points: Tensor, part: Tensor) -> tuple[Tensor, Tensor]:
        """World points [3, n] -> world normals [3, n] (unit) and surface coordinates [2, n] in meters."""

    def corners(self) -> list[Vector]:
        """World points whose hull holds the solid; empty: unbounded."""


class Arc(NamedTuple):
    """The quadric piece y in [low, high] of a lathe's profile: squared radius a + b·y + c·y², meters."""

    low: float
    high: float
    a: float
    b: float
    c: float

    def radius(self, y: float) -> float:
        return math.sqrt(max(0.0, self.a + self.b * y + self.c * y * y))


@dataclass(frozen=True)
class Lathe:
    """A solid of revolution about the local y axis; `squash` scales it along local z. Caps close the ends."""

    pose: Pose
    arcs: tuple[Arc, ...]
    capped_below: bool = True
    capped_above: bool = True
    squash: float = 1.0

    @property
    def low(self) -> float:
        return self.arcs[0].low

    @property
    def high(self) -> float:
        return self.arcs[-1].high

    @property
    def widest(self) -> float:
        heights = [y for arc in self.arcs for y in (arc.low, arc.high, 0.5 * (arc.low + arc.high))]
        heights += [-arc.b / (2 * arc.c) for arc in self.arcs if arc.c < 0]
        return max(arc.radius(y) for arc in self.arcs for y in heights if arc.low <= y <= arc.high)

    def corners(self) -> list[Vector]:
        r = self.widest
        return self.pose.box_corners((-r, self.low, -r * self.squash), (r, self.high, r * self.squash))

    def intersect(self, rays: Rays, sample: float) -> Intersections:
        (ox, oy, oz), (dx, dy, dz) = self.pose.rays_to_local(rays)
        oz, dz = oz / self.squash, dz / self.squash
        # |o + t d|² in x, z equals a + b y + c y² with y = oy + t dy: A t² + 2 B t + C = 0
        pieces = [
            (low, high, c, 0.5 * (b + 2.0 * c * oy), ox * ox + oz * oz - (a + b * oy + c * oy * oy))
            for low, high, a, b, c in self.arcs
        ]
        low, high, c, half_slope, const = torch.tensor(pieces, dtype=dx.dtype).T[:, :, None]  # [arcs, 1] each
        quad = dx * dx + dz * dz - c * dy * dy  # [arcs, n]
        half = ox * dx + oz * dz - half_slope * dy
        disc = half * half - quad * const
        root = disc.clamp(min=0.0).sqrt()
        q = -(half + torch.where(half < 0, -root, root))
        best = torch.zeros_like(dx)
        for w in (q / const, quad / q):  # the two roots as inverse depths: finite also where A = 0
            rise = w * oy + dy  # y · w
            ok = (disc >= 0) & (w > 0) & (rise >= low * w) & (rise <= high * w)
            best = torch.maximum(best, torch.where(ok, w, 0.0).amax(0))
        part = torch.where(best > 0, 0.0, MISS)
        ends = ((self.capped_below, self.low, self.arcs[0], 1.0), (self.capped_above, self.high, self.arcs[-1], 2.0))
        for capped, y, arc, number in ends:
            if capped and arc.radius(y) > 0:
                w = dy / (y - oy)
                x, z = ox * w + dx, oz * w + dz
                ok = (w > best) & (x * x + z * z <= (arc.radius(y) * w) ** 2)
                best, part = torch.where(ok, w, best), torch.where(ok, number, part)
        return Intersections(best, part)

    def surface(self, points: Tensor, part: Tensor) -> tuple[Tensor, Tensor]:
        x, y, z = self.pose.points_to_local(points)
        low, high, _, b, c = torch.tensor(self.arcs, dtype=y.dtype).T[:, :, None]  # [arcs, 1] each
        rise = torch.zeros_like(y)
        for within, slope in zip((y >= low) & (y <= high), -0.5 * b - c * y, strict=True):
            rise = torch.where(within, slope, rise)
        cap = torch.where(part == 1.0, -1.0, 1.0)
        side = part == 0.0
        zero = torch.zeros_like(y)
        normal = torch.stack(
            [torch.where(side, x, zero), torch.where(side, rise, cap), torch.where(side, z / self.squash**2, zero)]
        )
        around = torch.atan2(x, -z / self.squash) * self.widest  # the seam lies behind
        uv = torch.stack([torch.where(side, around, x), torch.where(side, -y, z)])
        return unit(self.pose.vectors_to_world(normal)), uv


def sphere(center: Vector, radius: float) -> Lathe:
    return ellipsoid(Pose(center), radius, radius)


def ellipsoid(pose: Pose, radius: float, half_height: float, squash: float = 1.0) -> Lathe:
    ratio = (radius / half_height) ** 2
    return Lathe(pose, (Arc(-half_height, half_height, radius**2, 0.0, -ratio),), False, False, squash)


def cylinder(pose: Pose, radius: float, height: float) -> Lathe:
    """Stands on its origin."""
    return Lathe(pose, (Arc(0.0, height, radius**2, 0.0, 0.0),))


def cone(pose: Pose, below: float, above: float, height: float) -> Lathe:
    """Stands on its origin; radii at both ends. r = r0 + k y, so r² = r0² + 2 r0 k y + k² y²."""
    k = (above - below) / height
    return Lathe(pose, (Arc(0.0, height, below**2, 2 * below * k, k * k),))


def spline_lathe(
    pose: Pose, profile: Sequence[tuple[float, float]], *, pieces: int, open_above: bool = False, squash: float = 1.0
) -> Lathe:
    """A smooth lathe close to the (height, radius) points of a profile, heights ascending, in meters.

    Squared radius is a uniform quadratic B-spline of the height: one quadric per piece, with a common tangent.
    """
    low, high = profile[0][0], profile[-1][0]
    step = (high - low) / pieces
    control = [_interpolated(profile, low + (i - 0.5) * step) ** 2 for i in range(pieces + 2)]
    control[0], control[-1] = 2 * profile[0][1] ** 2 - control[1], 2 * profile[-1][1] ** 2 - control[-2]
    arcs = []
    for i in range(pieces):
        y0 = low + i * step
        start, end = 0.5 * (control[i] + control[i + 1]), 0.5 * (control[i + 1] + control[i + 2])
        slope = (control[i + 1] - control[i]) / step
        c = (end - start - slope * step) / step**2
        b = slope - 2.0 * c * y0
        arcs.append(Arc(y0, y0 + step, start - b * y0 - c * y0 * y0, b, c))
    return Lathe(pose, tuple(arcs), capped_above=not open_above, squash=squash)


def _interpolated(profile: Sequence[tuple[float, float]], y: float) -> float:
    for (y0, r0), (y1, r1) in itertools.pairwise(profile):
        if y <= y1:
            return r0 + (r1 - r0) * max(0.0, (y - y0) / (y1 - y0))
    return profile[-1][1]


@dataclass(frozen=True)
class Box:
    """A box with half extents, centered on its pose. Parts: 0/1 the local −x/+x faces, 2/3 y, 4/5 z."""

    pose: Pose
    half: Vector

    def corners(self) -> list[Vector]:
        return self.pose.box_corners((-self.half[0], -self.half[1], -self.half[2]), self.half)

    def intersect(self, rays: Rays, sample: float) -> Intersections:
        o, d = self.pose.rays_to_local(rays)
        origin, half = column(o, d), column(self.half, d)
        side = torch.where(d < 0, half, -half)  # the faces met first
        enter, axis = ((side - origin) / d).max(0)
        leave = ((-side - origin) / d).amin(0)
        part = 2 * axis + (d < 0).gather(0, axis[None])[0]
        hit = (enter <= leave) & (enter > 0)
        return Intersections(torch.where(hit, 1.0 / enter, 0.0), torch.where(hit, part.to(d.dtype), MISS))

    def surface(self, points: Tensor, part: Tensor) -> tuple[Tensor, Tensor]:
        x, y, z = self.pose.points_to_local(points)
        axis, sign = (part / 2.0).floor(), 2.0 * (part % 2.0) - 1.0
        normal = torch.stack([sign * (axis == i) for i in range(3)])
        u = torch.where(axis == 0.0, z, x)
        v = torch.where(axis == 1.0, z, -y)
        return self.pose.vectors_to_world(normal), torch.stack([u, v])


Outline = Callable[[Tensor, Tensor], Tensor]  # (x, y) in meters -> signed distance in meters, negative inside
_P = ParamSpec("_P")


def outline(distance: Callable[Concatenate[Tensor, Tensor, _P], Tensor]) -> Callable[_P, Outline]:
    """Decorator: from a signed distance of (x, y, parameters) makes a function of the parameters that returns it."""
    return lambda *args, **kwargs: lambda x, y: distance(x, y, *args, **kwargs)


@dataclass(frozen=True)
class Card:
    """The part of the local plane z = 0 within an outline; the infinite plane without one.

    extent: (left, right, bottom, top) bounds of the outline in local coordinates. thin: parts may be narrower
    than a pixel.
    """

    pose: Pose
    outline: Outline | None = None
    extent: tuple[float, float, float, float] | None = None
    thin: bool = False

    def corners(self) -> list[Vector]:
        if self.extent is None:
            return []
        left, right, bottom, top = self.extent
        return [self.pose.point_to_world(x, y, 0.0) for x in (left, right) for y in (bottom, top)]

    def intersect(self, rays: Rays, sample: float) -> Intersections:
        o, d = self.pose.rays_to_local(rays)
        w = -d[2] / o[2]  # affine in pixel coordinates
        ahead = w > 1e-9
        if self.outline is None:
            return Intersections(w.clamp(min=0.0), torch.where(ahead, 0.0, MISS))
        depth = 1.0 / torch.where(ahead, w, 1.0)
        distance = self.outline(o[0] + d[0] * depth, o[1] + d[1] * depth)
        part = torch.where(ahead & (distance < 0), 0.0, MISS)
        rim = ahead & (distance.abs() < 1.5 * sample * depth) if self.thin else None
        return Intersections(w.clamp(min=0.0), part, rim)

    def surface(self, points: Tensor, part: Tensor) -> tuple[Tensor, Tensor]:
        local = self.pose.points_to_local(points)
        normal = torch.tensor(self.pose.axes[2], dtype=points.dtype)[:, None].expand(3, points.shape[1])
        return -normal, torch.stack([local[0], -local[1]])


@dataclass(frozen=True)
class SkyDome:
    """The sphere at infinity, which every ray meets."""

    def corners(self) -> list[Vector]:
        return []

    def intersect(self, rays: Rays, sample: float) -> Intersections:
        return Intersections(torch.zeros_like(rays.direction[0]), torch.zeros_like(rays.direction[0]))

    def surface(self, points: Tensor, part: Tensor) -> tuple[Tensor, Tensor]:
        return torch.zeros_like(points), torch.zeros_like(points[:2])


def is_boundless(solid: Solid) -> bool:
    """True for the sky and planes without outline: rays between four that meet one of these meet it too."""
    return isinstance(solid, SkyDome) or (isinstance(solid, Card) and solid.outline is None)


def unit(vectors: Tensor) -> Tensor:
    """[3, n] scaled to length 1."""
    x, y, z = vectors
    return vectors / (x * x + y * y + z * z).sqrt().clamp(min=1e-20)
