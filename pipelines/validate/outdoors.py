"""Reference scenes under the sky: ground with solids, terrain, a fence, foliage, branches, a statue."""

from dataclasses import replace

import numpy as np

from pipelines.validate.meshes import (
    Floats,
    Mesh,
    box,
    cylinder,
    floor,
    joined,
    lathe,
    polygon,
    quad,
    sphere,
    surface,
    tube,
)
from pipelines.validate.surfaces import (
    FLOORS,
    PLANTS,
    THINGS,
    WALLS,
    WOOD,
    Painter,
    Surface,
    SurfacesAndFocus,
    backdrop,
    half_frame_m,
)

SKY_M = 300.0


def ground(paint: Painter) -> SurfacesAndFocus:
    """A ground plane with spheres, cylinders and boxes on it, up to a far wall of hills."""
    low = -paint.uniform(0.62, 0.72)
    surfaces = [
        paint.surface(floor(-30, 30, 1.5, 60, tile_m=2.4).moved((0, low, 0)), FLOORS, 1024, 1024),
        paint.surface(backdrop(60.0), "clouds", 768, 1024),
    ]
    depths = 1 / np.linspace(1 / 2.4, 1 / 11, 9)
    for index, depth in enumerate(depths):
        size = paint.uniform(0.09, 0.14) * depth**0.7
        side = 0.36 * depth * paint.uniform(-1, 1)
        ball = sphere(size).moved((0, size, 0))
        solid = (ball, cylinder(0.6 * size, 2.4 * size), box(1.5 * size, 1.8 * size, 1.2 * size))[index % 3]
        mesh = solid.turned(yaw=paint.uniform(0, 3)).moved((side, low, float(depth)))
        surfaces.append(paint.surface(mesh, THINGS, 256, 512))
    return surfaces, (float(depths[0]), float(depths[4]), 60.0)


def terrain(paint: Painter) -> SurfacesAndFocus:
    """A height field from the feet to far ridges, before the sky."""

    def shape(u: Floats, v: Floats) -> Floats:
        z = 1.6 * (45 / 1.6) ** v  # denser where near
        x = (u - 0.5) * 1.6 * z
        rough = np.zeros_like(x)
        for octave in range(6):
            pitch = 6.0 / 2**octave
            a, b, c, d = paint.rng.uniform(0, 2 * np.pi, 4)
            wave = np.sin(2 * np.pi * x / pitch + a + 1.5 * np.sin(2 * np.pi * z / (1.3 * pitch) + b))
            wave = wave * np.sin(2 * np.pi * z / (0.9 * pitch) + c + np.sin(2 * np.pi * x / (1.7 * pitch) + d))
            rough += wave * 0.028 * pitch
        height = -0.72 + rough * (0.6 + 0.12 * z) + 0.005 * np.maximum(z - 6, 0) ** 1.8
        return np.column_stack([x, height, z])

    sheet = surface(shape, 499, 399)
    mesh = replace(sheet, uv=sheet.vertices[:, [0, 2]] / 3.0)
    return [
        paint.surface(mesh, "gravel moss cobble terrazzo concrete", 1024, 1024),
        paint.surface(backdrop(SKY_M), "clouds", 768, 1024),
    ], (2.6, 5.5, 16.0)


def fence(paint: Painter) -> SurfacesAndFocus:
    """Pickets and wires close to the lens; behind them things at several depths."""
    depth = paint.uniform(1.95, 2.2)
    x, y = half_frame_m(depth)
    pickets = []
    place = -1.5 * x
    while place < 1.5 * x:
        width = paint.uniform(0.035, 0.075)
        tip = paint.uniform(0.3, 0.8) * y
        outline = np.array([[0, -2 * y], [width, -2 * y], [width, tip], [width / 2, tip + width], [0, tip]])
        pickets.append(polygon(outline).turned(roll=paint.uniform(-0.04, 0.04)).moved((place, 0, depth)))
        place += width + paint.uniform(0.08, 0.2)
    rails = [quad(4 * x, 0.05).moved((0, level * y, depth + 0.04)) for level in (-0.7, 0.15)]
    wires = [
        tube(_sagging(-1.5 * x, 1.5 * x, level * y, depth + 0.02), np.full(60, 0.004)) for level in (0.45, 0.6, 0.78)
    ]
    surfaces = [
        paint.surface(joined(pickets).facing_camera(), WOOD),
        paint.surface(joined(rails), WOOD, 128, 1024),
        paint.surface(joined(wires), "rust concrete", 64, 64),
        paint.surface(backdrop(16.0), WALLS, 768, 1024),
    ]
    for far in (3.6, 4.8, 7.0, 10.0):
        outline = paint.shape(0.16 * far)
        place_m = (paint.uniform(-0.35, 0.35) * far, paint.uniform(-0.16, 0.1) * far, far)
        surfaces.append(paint.surface(polygon(outline).moved(place_m), THINGS, 384, 384))
    return surfaces, (depth, 4.8, 16.0)


def _sagging(x0: float, x1: float, y: float, z: float) -> Floats:
    t = np.linspace(0, 1, 60)
    return np.column_stack([x0 + t * (x1 - x0), y - 0.05 * np.sin(np.pi * t * 2) ** 2, np.full(60, z)])


def foliage(paint: Painter) -> SurfacesAndFocus:
    """Some two hundred bent leaves at all depths, before a wall of green."""
    textures = [paint.light(PLANTS + " stripes marble", 256, 256) for _ in range(6)]
    leaves: list[list[Mesh]] = [[] for _ in textures]
    for index in range(210):
        depth = 1 / paint.uniform(1 / 9, 1 / 1.95)
        x, y = half_frame_m(depth)
        leaf = _leaf(paint.uniform(0.09, 0.17) * depth**0.6, paint.uniform(0.3, 0.55))
        leaf = leaf.turned(paint.uniform(-0.8, 0.8), paint.uniform(-0.8, 0.8), paint.uniform(0, 2 * np.pi))
        spot = (1.25 * x * paint.uniform(-1, 1), 1.25 * y * paint.uniform(-1, 1), depth)
        leaves[index % len(textures)].append(leaf.moved(spot).facing_camera())
    surfaces = [Surface(joined(group), light) for group, light in zip(leaves, textures, strict=True)]
    return [*surfaces, paint.surface(backdrop(14.0), "moss bark stone grass", 768, 1024)], (2.1, 4.0, 14.0)


def _leaf(length_m: float, slimness: float) -> Mesh:
    """A pointed leaf along y, bent a little about its middle rib."""
    t = np.linspace(0, 1, 15)
    half = slimness * length_m * np.sin(np.pi * t) ** 0.8 * (1 - 0.35 * t) * 0.7
    rib = np.column_stack([np.zeros(15), (t - 0.5) * length_m, np.zeros(15)])
    left, right = rib + np.column_stack([-half, 0 * t, 0.25 * half]), rib + np.column_stack([half, 0 * t, 0.25 * half])
    vertices = np.concatenate([left, rib, right])
    i = np.arange(14)
    faces = np.concatenate(
        [np.column_stack([i + a, i + b, i + c]) for a, b, c in ((0, 15, 16), (0, 16, 1), (15, 30, 31), (15, 31, 16))]
    )
    return Mesh(vertices, vertices[:, :2] / length_m + 0.5, faces)


def branches(paint: Painter) -> SurfacesAndFocus:
    """Thin twigs and wires against a bright sky with far hills."""
    twigs: list[Mesh] = []
    for _ in range(5):
        depth = 1 / paint.uniform(1 / 6, 1 / 2.1)
        x, y = half_frame_m(depth)
        start = np.array([1.1 * x * paint.uniform(-1, 1), -1.3 * y, depth])
        _grow(paint, twigs, start, np.array([paint.uniform(-0.3, 0.3), 1.0, 0.0]), 0.95 * y, 0.006 * depth)
    wires = []
    for depth in (2.5, 4.0, 8.0):
        x, y = half_frame_m(depth)
        path = _sagging(-1.4 * x, 1.4 * x, paint.uniform(0.0, 0.8) * y, depth)
        path[:, 2] += np.linspace(-0.1, 0.3, 60) * depth
        wires.append(tube(path, np.full(60, 0.0025 * depth)))
    surfaces = [
        paint.surface(joined(twigs), "bark wood", gain=0.5),
        paint.surface(joined(wires), "rust concrete", 64, 64, gain=0.15),
        paint.surface(backdrop(SKY_M), "clouds", 768, 1024, gain=1.8),
    ]
    for depth, level in ((120.0, 0.1), (60.0, -0.15), (25.0, -0.45)):
        x, y = half_frame_m(depth)
        across = np.linspace(1.5 * x, -1.5 * x, 160)
        ridge = level * y + 0.12 * y * _roughness(paint, across / x)
        outline = np.concatenate([np.column_stack([across, ridge]), [[-1.5 * x, -2 * y], [1.5 * x, -2 * y]]])
        surfaces.append(paint.surface(polygon(outline).moved((0, 0, depth)), "grass moss gravel", 768, 768))
    return surfaces, (2.5, 6.0, 60.0)


def _roughness(paint: Painter, t: Floats) -> Floats:
    order = np.array([1, 2, 3, 5, 9, 17, 31])
    phase = paint.rng.uniform(0, 2 * np.pi, len(order))
    return np.asarray((np.sin(1.7 * order * t[:, None] + phase) / order**0.8).sum(axis=1))


def _grow(paint: Painter, twigs: list[Mesh], start: Floats, heading: Floats, length: float, radius: float) -> None:
    """One crooked twig and, from its length, thinner ones."""
    steps = 14
    path = [start]
    for _ in range(steps):
        heading = heading + paint.rng.normal(0, 0.14, 3) * (1, 1, 0.3)
        heading = heading / np.linalg.norm(heading)
        path.append(path[-1] + heading * length / steps)
    points = np.array(path)
    twigs.append(tube(points, np.linspace(radius, 0.6 * radius, steps + 1), tile_m=0.3))
    if radius < 0.0014 * start[2]:
        return
    for at in (5, 9, 13):
        side = np.cross(heading, paint.rng.normal(0, 1, 3))
        side = side / np.linalg.norm(side) * (1, 1, 0.3)
        _grow(paint, twigs, points[at], heading + 0.9 * side, 0.72 * length, 0.6 * radius)


def statue(paint: Painter) -> SurfacesAndFocus:
    """A lumpy bust on a pedestal in a garden of columns, hedges and steps."""
    low = -0.85
    turn = paint.uniform(0, 2 * np.pi)
    waves = paint.rng.normal(0, 1, (7, 3)) * 2.2

    def bumps(direction: Floats) -> Floats:
        return np.asarray(1 + 0.05 * np.sin(direction @ waves.T + turn).sum(axis=1))

    depth, side = paint.uniform(2.3, 2.6), paint.uniform(-0.25, 0.25)
    molding = lathe(lambda t: 0.27 - 0.04 * np.sin(3 * np.pi * t) - 0.02 * t, 0.12)
    pedestal = joined([box(0.5, 0.42, 0.4), molding.moved((0, 0.42, 0))]).moved((side, low, depth))
    head = sphere(0.21, bumps).stretched((0.85, 1.2, 0.95)).moved((side, 0.08, depth))
    neck = lathe(lambda t: 0.26 - 0.2 * np.sin(np.pi * np.clip(t * 0.6, 0, 1)) ** 1.5, 0.42).moved(
        (side, low + 0.5, depth)
    )
    surfaces = [
        paint.surface(joined([head, neck]), "marble plaster rust terrazzo"),
        paint.surface(pedestal, WALLS),
        paint.surface(floor(-30, 30, 1.5, 30, tile_m=2.0).moved((0, low, 0)), FLOORS, 1024, 1024),
        paint.surface(backdrop(30.0), "clouds moss", 768, 1024),
    ]
    for index, far in enumerate((4.0, 5.2, 7.0, 9.5, 13.0)):
        shift = (1 if index % 2 else -1) * paint.uniform(0.18, 0.42) * far
        surfaces.append(
            paint.surface(lathe(_column, 3.0).moved((shift, low, far)), "marble concrete planks rust", 512, 256)
        )
        hedge = box(paint.uniform(0.5, 1.0) * far / 3, 0.1 * far, 0.5).moved((-0.8 * shift, low, far + 0.6))
        surfaces.append(paint.surface(hedge, PLANTS, 256, 512))
    return surfaces, (depth - 0.18, 5.2, 30.0)


def _column(t: Floats) -> Floats:
    return np.asarray(0.17 - 0.03 * t + 0.07 * np.exp(-(((t - 0.02) / 0.03) ** 2)))
