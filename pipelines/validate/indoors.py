"""Reference scenes between walls: cut-outs, a portrait before lights, an interior, clutter, a corridor."""

import numpy as np

from pipelines.validate.meshes import Floats, Mesh, box, cylinder, floor, joined, lathe, polygon, quad, sphere
from pipelines.validate.surfaces import (
    CLOTH,
    FLOORS,
    THINGS,
    WALLS,
    WOOD,
    Painter,
    Surface,
    SurfacesAndFocus,
    backdrop,
    half_frame_m,
)


def cutouts(paint: Painter) -> SurfacesAndFocus:
    """Flat shapes that stand one before another and before a wall."""
    wall = paint.uniform(7.0, 9.0)
    surfaces = [paint.surface(backdrop(wall), WALLS, 768, 1024)]
    depths = (paint.uniform(2.0, 2.3), paint.uniform(2.7, 3.1), paint.uniform(3.6, 4.4))
    sides = paint.rng.permutation([-0.24, 0.02, 0.26])
    for index, (depth, side) in enumerate(zip(depths, sides, strict=True)):
        outline = paint.shape(0.14 * depth) if index != 1 else _star(0.2 * depth, 7 + int(paint.rng.integers(5)))
        spot = (float(side) * depth, paint.uniform(-0.1, 0.1) * depth, depth)
        mesh = polygon(outline).turned(roll=paint.uniform(0, 6)).moved(spot)
        surfaces.append(paint.surface(mesh, THINGS))
    return surfaces, (depths[0], depths[1], wall)


def _star(radius_m: float, tips: int) -> Floats:
    angle = np.linspace(0, 2 * np.pi, 2 * tips, endpoint=False)
    radius = np.where(np.arange(2 * tips) % 2, 0.5, 1.0) * radius_m
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])


def portrait(paint: Painter) -> SurfacesAndFocus:
    """Head and shoulders before a dim room with lamps of all sizes, up to sixty times white."""
    depth, side = paint.uniform(2.0, 2.3), paint.uniform(-0.2, 0.2)
    head = sphere(0.145, lambda d: 1 + 0.06 * d[:, 1] - 0.05 * np.abs(d[:, 0])).stretched((0.85, 1.2, 1.0))
    hair = sphere(0.155, lambda d: 1 + 0.03 * np.sin(9 * d[:, 0] + 7 * d[:, 1])).stretched((0.95, 1.05, 1.0))
    torso = lathe(_shoulders, 0.75, rows=160).stretched((1.0, 1.0, 0.55))
    surfaces = [
        paint.surface(head.moved((side, 0.14, depth)), "leather plaster", 256, 256),
        paint.surface(hair.moved((side, 0.205, depth + 0.05)), "wood bark", gain=0.5),
        paint.surface(torso.moved((side, -0.75, depth + 0.03)), CLOTH, 768, 1024),
        paint.surface(backdrop(12.0), WALLS, 768, 1024, gain=0.12),
    ]
    for index in range(42):
        far = 1 / paint.uniform(1 / 11.5, 1 / 4.0)
        x, y = half_frame_m(far)
        radius = 0.0018 * far * 2 ** paint.uniform(0, 3.2)
        spot = (1.1 * x * paint.uniform(-1, 1), y * paint.uniform(-0.5, 1.1), far)
        tint = (1.0, paint.uniform(0.5, 1.0), paint.uniform(0.15, 1.0))
        power = float(np.exp(paint.uniform(np.log(1.5), np.log(60.0)))) if index % 3 else paint.uniform(0.6, 3.0)
        surfaces.append(paint.lamp(sphere(radius, rows=24).moved(spot), power, tint))
    for far in (4.5, 6.5, 9.0):
        x, y = half_frame_m(far)
        frame = quad(0.3 * far, 0.18 * far).moved((x * paint.uniform(-1, 1), y * paint.uniform(-0.6, 0.3), far))
        surfaces.append(paint.surface(frame, "print kilim marble", 256, 384, gain=0.5))
    return surfaces, (depth - 0.12, 4.5, 11.0)


def _shoulders(t: Floats) -> Floats:
    return np.asarray(0.06 + 0.27 / (1 + np.exp((t - 0.86) / 0.035)) * (1 - 0.12 * (1 - t)))


def interior(paint: Painter) -> SurfacesAndFocus:
    """A room: a table's edge close by with things on it, a bright window and furniture further back."""
    low, back = -1.15, paint.uniform(6.0, 7.5)
    left = -paint.uniform(1.7, 2.1)
    side_wall = quad(back, 3.2, tile_m=1.6).turned(yaw=-np.pi / 2).moved((left, 0.45, back / 2 + 0.5))
    far_wall = quad(12, 3.2, tile_m=1.6).moved((3.5, 0.45, back))
    window_m = (paint.uniform(-0.6, 1.2), 0.35, back - 0.05)
    surfaces = [
        paint.surface(floor(-6, 8, 1.0, back, tile_m=1.5).moved((0, low, 0)), FLOORS, 1024, 1024),
        paint.surface(side_wall, "plaster wallpaper brick"),
        paint.surface(far_wall, WALLS, gain=0.7),
        paint.surface(quad(1.3, 1.1).moved(window_m), "clouds leaf grass", 512, 640, gain=3.5),
        paint.surface(_window_frame(1.3, 1.1).moved((window_m[0], window_m[1], window_m[2] - 0.04)), WOOD),
        paint.surface(floor(-12, 12, 1.0, 12, tile_m=2.0).turned(roll=np.pi).moved((0, 1.95, 0)), "plaster"),
    ]
    surfaces += _table(paint)
    for far in (4.0, 5.2):
        cabinet = box(paint.uniform(0.5, 0.9), paint.uniform(0.7, 1.3), 0.5).turned(yaw=paint.uniform(-0.4, 0.4))
        spot = (paint.uniform(-0.35, 0.4) * far, low, far)
        surfaces.append(paint.surface(cabinet.moved(spot), WOOD))
    return surfaces, (2.15, 4.0, back)


def _window_frame(width: float, height: float) -> Mesh:
    bars = [quad(0.06, height + 0.06).moved((x, 0, 0)) for x in (-width / 2, 0, width / 2)]
    return joined(bars + [quad(width + 0.06, 0.06).moved((0, y, -0.002)) for y in (-height / 2, 0, height / 2)])


def _table(paint: Painter) -> list[Surface]:
    top, start = -0.36, paint.uniform(1.95, 2.1)
    slab = box(2.4, 0.07, 1.0, tile_m=1.0).moved((0.4, top - 0.07, start + 0.5))
    legs = [box(0.07, 0.75, 0.07).moved((x, top - 0.81, start + z)) for x in (-0.7, 1.5) for z in (0.08, 0.9)]
    things = [paint.surface(joined(legs), "wood", 256, 64), paint.surface(slab, "wood planks marble", 1024, 1024)]
    for index, shift in enumerate((-0.55, -0.2, 0.1, 0.45, 0.8)):
        spot = (shift + paint.uniform(-0.08, 0.08), top, start + paint.uniform(0.1, 0.85))
        cup = cylinder(paint.uniform(0.04, 0.07), paint.uniform(0.12, 0.3))
        book = box(paint.uniform(0.15, 0.25), paint.uniform(0.04, 0.1), 0.2).turned(yaw=paint.uniform(-0.8, 0.8))
        vase = lathe(lambda t: 0.05 + 0.035 * np.sin(5 * t + 0.5), 0.3)
        mesh = (cup, book, vase)[index % 3].moved(spot)
        things.append(paint.surface(mesh, THINGS, 256, 512))
    return things


def clutter(paint: Painter) -> SurfacesAndFocus:
    """Seventy things of every shape, even in disparity from the nearest to the wall."""
    surfaces = [paint.surface(backdrop(20.0), WALLS + " paper", 768, 1024)]
    textures = [paint.light(THINGS, 384, 384) for _ in range(14)]
    groups: list[list[Mesh]] = [[] for _ in textures]
    for index in range(70):
        depth = 1 / paint.uniform(1 / 15, 1 / 2.0)
        x, y = half_frame_m(depth)
        thing = _thing(paint, index, paint.uniform(0.035, 0.075) * depth**0.75)
        spot = (1.15 * x * paint.uniform(-1, 1), 1.15 * y * paint.uniform(-1, 1), depth)
        groups[int(paint.rng.integers(len(groups)))].append(thing.moved(spot))
    surfaces += [Surface(joined(group), light) for group, light in zip(groups, textures, strict=True) if group]
    return surfaces, (2.1, 4.0, 20.0)


def _thing(paint: Painter, index: int, size_m: float) -> Mesh:
    turn = {"yaw": paint.uniform(0, 6), "pitch": paint.uniform(-0.6, 0.6), "roll": paint.uniform(0, 6)}
    if index % 5 == 0:
        return sphere(size_m, rows=48)
    if index % 5 == 1:
        return box(2 * size_m, size_m, 1.4 * size_m).turned(**turn)
    if index % 5 == 2:
        return cylinder(0.5 * size_m, 2.4 * size_m).turned(**turn)
    if index % 5 == 3:
        return polygon(paint.shape(1.3 * size_m)).turned(paint.uniform(-0.7, 0.7), 0.0, paint.uniform(0, 6))
    return sphere(size_m, lambda d: 1 + 0.25 * np.sin(4 * d[:, 0] + index) * np.cos(5 * d[:, 1]), rows=48)


def corridor(paint: Painter) -> SurfacesAndFocus:
    """A passage in perspective with doors, pillars and lamps along it."""
    half, low, high, end = paint.uniform(0.95, 1.1), -0.68, 0.95, paint.uniform(22.0, 30.0)
    middle = (high + low) / 2
    wall = quad(end - 1.2, high - low, tile_m=1.6)
    walls = [wall.turned(yaw=s * np.pi / 2).moved((s * half, middle, (1.2 + end) / 2)) for s in (-1, 1)]
    surfaces = [paint.surface(side, WALLS + " planks print", 1024, 1024) for side in walls]
    ceiling = floor(-half, half, 1.2, end, tile_m=1.2).turned(roll=np.pi).moved((0, high, 0))
    surfaces += [
        paint.surface(floor(-half, half, 1.2, end, tile_m=1.2).moved((0, low, 0)), FLOORS, 1024, 1024),
        paint.surface(ceiling, "plaster planks concrete"),
        paint.surface(quad(2 * half, high - low).moved((0, middle, end)), WALLS),
    ]
    for index, depth in enumerate((2.6, 3.6, 5.0, 7.0, 10.0, 14.0)):
        sign = 1 if index % 2 else -1
        pillar = box(0.24, high - low - 0.01, 0.24).moved((sign * (half - 0.13), low + 0.005, depth))
        surfaces.append(paint.surface(pillar, "stripes marble terrazzo wood concrete", 512, 256))
        lamp = quad(0.5, 0.2).turned(pitch=-np.pi / 2).moved((0, high - 0.01, depth))
        surfaces.append(paint.lamp(lamp, 4.0, (1.0, 0.9, 0.7)))
    stool = cylinder(0.16, 0.3).moved((paint.uniform(-0.3, 0.3), low, 4.3))
    return [*surfaces, paint.surface(stool, CLOTH, 256, 256)], (2.6, 5.0, end)
