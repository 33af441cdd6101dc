"""Furniture, each piece a list of boxes and lathes that stand on a floor at y = 0; vessels and fruit by name."""

import math
from collections.abc import Iterable

import torch

from simulator.scenes.camera import Pose, Vector, pose_at
from simulator.scenes.raster import Primitive
from simulator.scenes.rng import Rng
from simulator.scenes.shading import Shader, glowing
from simulator.scenes.solids import Box, Lathe, Solid, cone, sphere, spline_lathe

# (height, radius) for a height of 1
PROFILES: dict[str, tuple[tuple[float, float], ...]] = {
    "vase": ((0, 0.20), (0.08, 0.26), (0.35, 0.40), (0.6, 0.33), (0.8, 0.17), (0.9, 0.15), (1, 0.21)),
    "amphora": ((0, 0.12), (0.05, 0.14), (0.3, 0.30), (0.6, 0.40), (0.78, 0.27), (0.88, 0.13), (1, 0.17)),
    "gourd": ((0, 0.20), (0.1, 0.33), (0.3, 0.42), (0.5, 0.30), (0.62, 0.2), (0.76, 0.24), (0.9, 0.15), (1, 0.12)),
    "bottle": ((0, 0.155), (0.04, 0.17), (0.5, 0.17), (0.64, 0.13), (0.74, 0.062), (0.96, 0.056), (1, 0.066)),
    "flask": ((0, 0.30), (0.1, 0.36), (0.35, 0.34), (0.55, 0.16), (0.65, 0.085), (0.95, 0.08), (1, 0.11)),
    "jar": ((0, 0.30), (0.08, 0.36), (0.5, 0.42), (0.78, 0.37), (0.88, 0.27), (1, 0.29)),
    "bowl": ((0, 0.50), (0.06, 0.55), (0.25, 0.95), (0.6, 1.28), (1, 1.45)),
    "cup": ((0, 0.30), (0.08, 0.40), (0.45, 0.47), (1, 0.50)),
    "goblet": ((0, 0.30), (0.03, 0.28), (0.08, 0.07), (0.42, 0.05), (0.5, 0.12), (0.65, 0.30), (0.85, 0.33), (1, 0.30)),
    "apple": ((0, 0.22), (0.1, 0.40), (0.35, 0.54), (0.62, 0.57), (0.86, 0.45), (1, 0.20)),
    "pear": ((0, 0.14), (0.1, 0.29), (0.32, 0.37), (0.55, 0.28), (0.75, 0.17), (0.93, 0.12), (1, 0.05)),
    "pawn": ((0, 0.30), (0.1, 0.30), (0.18, 0.19), (0.5, 0.10), (0.6, 0.17), (0.64, 0.1), (0.82, 0.2), (1, 0.04)),
    "column": ((0, 0.075), (0.03, 0.072), (0.06, 0.055), (0.5, 0.056), (0.92, 0.047), (0.96, 0.06), (1, 0.07)),
}


def _boxes(foot: Pose, parts: Iterable[tuple[float, float, float, Vector]]) -> list[Solid]:
    """Boxes along the axes of a piece: (x, y, z, half extents), from the piece's foot."""
    return [Box(Pose(foot.point_to_world(x, y, z), foot.axes), half) for x, y, z, half in parts]


def chair(x: float, z: float, yaw: float) -> list[Solid]:
    """Seat, legs, and a back of slats; local −z is its front."""
    seat = 0.45
    parts = [(0.0, seat, 0.0, (0.21, 0.02, 0.2))]
    for side in (-1.0, 1.0):
        parts.append((0.18 * side, 0.5 * seat - 0.015, -0.17, (0.02, 0.5 * seat - 0.012, 0.02)))
        parts.append((0.18 * side, 0.48, 0.19, (0.02, 0.48, 0.02)))
        parts.append((0.18 * side, 0.2, 0.0, (0.012, 0.015, 0.17)))
    parts += [(0.08 * (k - 1.5), 0.5 * (seat + 0.88), 0.19, (0.012, 0.5 * (0.86 - seat), 0.008)) for k in range(4)]
    parts.append((0.0, 0.92, 0.19, (0.2, 0.05, 0.014)))
    return _boxes(pose_at((x, 0.0, z), yaw=yaw), parts)


def table(x: float, z: float, half: tuple[float, float], high: float) -> list[Solid]:
    """Top (first), apron and four legs."""
    parts = [(0.0, high - 0.018, 0.0, (half[0], 0.018, half[1]))]
    for i in (-1.0, 1.0):
        parts.append((0.0, high - 0.08, i * (half[1] - 0.06), (half[0] - 0.08, 0.04, 0.012)))
        for k in (-1.0, 1.0):
            leg = (0.03, 0.5 * high - 0.02, 0.03)
            parts.append((i * (half[0] - 0.07), 0.5 * high - 0.02, k * (half[1] - 0.07), leg))
    return _boxes(Pose((x, 0.0, z)), parts)


def armchair(x: float, z: float, yaw: float) -> list[Solid]:
    """Upholstered: seat, back, two arms; local −z is its front."""
    arms = [(side, 0.36, 0.0, (0.08, 0.24, 0.36)) for side in (-0.38, 0.38)]
    parts = [(0.0, 0.28, 0.0, (0.32, 0.16, 0.36)), (0.0, 0.58, 0.3, (0.4, 0.42, 0.1)), *arms]
    return _boxes(pose_at((x, 0.0, z), yaw=yaw), parts)


def sideboard(x: float, z: float, half: float) -> list[Solid]:
    """A low cupboard along a wall: body, top, doors standing a little proud."""
    parts = [(0.0, 0.42, 0.0, (half, 0.34, 0.2)), (0.0, 0.775, 0.0, (half + 0.03, 0.015, 0.23))]
    count = max(2, round(half / 0.28))
    door = (half / count - 0.012, 0.31, 0.008)
    parts += [(half * ((2 * k + 1) / count - 1.0), 0.42, -0.205, door) for k in range(count)]
    return _boxes(Pose((x, 0.0, z)), parts)


def books(rng: Rng, x: float, y: float, z: float, length: float) -> list[Box]:
    """A row of upright books along x, standing on height y."""
    row = []
    end = x + length
    while x < end:
        thick, high = rng.uniform(0.012, 0.026), rng.uniform(0.09, 0.15)
        lean = rng.within(0.02)
        row.append(Box(pose_at((x + thick, y + high + 0.002, z), roll=lean), (thick, high, rng.uniform(0.06, 0.09))))
        x += 2.0 * thick + 0.003
    return row


def pile(rng: Rng, x: float, y: float, z: float, count: int) -> list[Box]:
    """Books lying on each other."""
    heap = []
    for _ in range(count):
        half = (rng.uniform(0.085, 0.115), rng.uniform(0.012, 0.022), rng.uniform(0.06, 0.08))
        heap.append(Box(pose_at((x + rng.within(0.01), y + half[1] + 0.001, z), yaw=rng.within(0.5)), half))
        y += 2 * half[1] + 0.001
    return heap


def open_book(x: float, y: float, z: float, yaw: float) -> list[Solid]:
    """Two heaps of pages that slope down from the fold, lying at height y."""
    middle = pose_at((x, y + 0.011, z), yaw=yaw)
    return [
        Box(pose_at(middle.point_to_world(0.075 * side, 0.0, 0.0), yaw=yaw, roll=-0.1 * side), (0.075, 0.008, 0.105))
        for side in (-1.0, 1.0)
    ]


def lamp_shade(x: float, y: float, z: float, size: float) -> tuple[Lathe, Lathe]:
    """(foot, shade) of a table lamp that stands at height y."""
    foot = cone(Pose((x, y, z)), 0.45 * size, 0.16 * size, 1.1 * size)
    shade = cone(Pose((x, y + 1.05 * size, z)), 0.95 * size, 0.6 * size, 1.1 * size)
    return foot, shade


def pendant(place: Vector, radius: float, ceiling: float, shader: Shader) -> list[Primitive]:
    """A hanging lamp: shade with its rim around `place`, cord, bright bulb below it."""
    x, y, z = place
    top = y + 0.8 * radius
    shade = cone(Pose(place), radius, 0.3 * radius, 0.8 * radius)
    cord = Box(Pose((x, 0.5 * (top + ceiling), z)), (0.02 * radius, 0.5 * (ceiling - top), 0.02 * radius))
    bulb = sphere((x, y - 0.05 * radius, z), 0.22 * radius)
    return [Primitive(shade, shader), Primitive(cord, shader), Primitive(bulb, glowing(torch.tensor([14.0, 9.5, 4.6])))]


def facing(x: float, z: float, target_x: float, target_z: float) -> float:
    """Yaw that turns local −z from (x, z) to a target."""
    return math.atan2(x - target_x, z - target_z)


def vessel(name: str, pose: Pose, height: float) -> Lathe:
    """The named shape, standing on its pose."""
    profile = [(y * height, r * height) for y, r in PROFILES[name]]
    return spline_lathe(pose, profile, pieces=10, open_above=name in ("bowl", "cup"))
