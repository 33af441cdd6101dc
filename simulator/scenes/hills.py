"""Hills behind hills in the haze, spruces on their slopes, sometimes a lake; grasses and poppies close by."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from simulator.layers.ldi import LayeredDepthImage
from simulator.scenes.camera import FLOOR_AXES, Camera, FrameSize, Pose, pose_at
from simulator.scenes.light import Light, light_from_colors, unit_direction
from simulator.scenes.mipmap import MipMap, random_texture, textured
from simulator.scenes.plants import flower_on_stem, tuft
from simulator.scenes.raster import Primitive, render_layers
from simulator.scenes.rng import Rng
from simulator.scenes.scenery import Ridge, day_sky, hill, skyline, spruce, tree
from simulator.scenes.shading import Hit, Material, Shader, hazed, lit
from simulator.scenes.solids import Card, SkyDome, ellipsoid
from simulator.scenes.textures.pattern import linear, smoothstep

_AIRS = ("#b9c9d9", "#e3c9a8", "#c9cfd6", "#d9b8a8", "#a9bdd0")
_GREENS = ("#4f6a3a", "#6b7a3f", "#3f5a40", "#7d7a42", "#8a6a38")


def hills(size: FrameSize, rng: Rng) -> LayeredDepthImage:
    camera = size.camera(focal=rng.uniform(1.0, 1.5), eye=rng.uniform(9.0, 14.0), pitch=rng.uniform(0.02, 0.1))
    px = size.texture_px
    light = light_from_colors(
        unit_direction(rng.sign() * rng.uniform(0.9, 2.4), rng.uniform(0.25, 0.55)),
        key=(rng.word("#ffe0b0 #ffd090 #fff0d6"), rng.uniform(2.3, 2.9)),
        sky=("#b4c6de", rng.uniform(0.7, 0.85)),
        ground="#7a7a50",
        softness=0.03,
    )
    air = linear(rng.choice(_AIRS)) * 0.95
    sky = day_sky(rng, px, light)
    ridges = _ridges(camera, rng)
    wood = textured("canopy", px // 2, rng.seed(), rng.choice(_GREENS))
    meadow = random_texture(rng, px, "grass")
    skins = [wood, wood, wood, meadow, meadow]
    tiles = (160.0, 90.0, 50.0, 16.0, 3.0)
    layers = [[Primitive(SkyDome(), sky)]]
    needles = random_texture(rng, px // 4, "canopy", "#2f4a33 #3a5230 #2a4238")
    lake = rng.chance(0.5)
    for k, (ridge, skin, tile) in enumerate(zip(ridges, skins, tiles, strict=True)):
        layers.append([hill(ridge, skin, tile, light, air, 420.0)])
        if k == 2 and lake:
            layers.append([_lake(camera, ridges[:3], sky, skins[0], air)])
        if k >= 2:
            layers.append(_wood(camera, ridge, rng, needles, light, air, k))
    layers.append(_rocks(camera, ridges[-1], rng, px, light))
    layers += _verge(camera, rng, px, light)
    return render_layers(camera, layers)


def _ridges(camera: Camera, rng: Rng) -> list[Ridge]:
    """Crests from far and high to near and low; each slope runs down to about where the next hill begins."""
    depths = [1400.0, 620.0, 280.0, 130.0, rng.uniform(9.0, 13.0)]
    horizon = -math.tan(camera.pitch)
    low = camera.half_y
    levels = [horizon + share * (low - horizon) for share in (-0.12, 0.02, 0.12, 0.3, 0.66)]
    heights = [0.12, 0.085, 0.06, 0.05, 0.045]
    ridges = []
    for k, (depth, level, height) in enumerate(zip(depths, levels, heights, strict=True)):
        below = levels[k + 1] if k < 4 else level + 0.35
        nearer = depths[k + 1] if k < 4 else 2.6
        slope = (0.8 / nearer - 1.0 / depth) / (below - level + 0.06)
        rough = 0.5 if k < 3 else 0.36
        crest = skyline(rng, height * rng.uniform(0.7, 1.2), rough, level)
        ridges.append(Ridge(camera, crest, 1.0 / depth, slope, steep=k < 3))
    return ridges


def _on(camera: Camera, ridge: Ridge, across: float, drop: float) -> tuple[float, float, float]:
    """Foot point on a hill: `drop` tangents below its crest."""
    a = across * camera.half_x
    b = float(ridge.top(torch.tensor([a], dtype=torch.float64))[0]) + drop
    depth = 1.0 / (ridge.crest + ridge.slope * drop)
    return camera.ahead(a * depth, -b * depth, depth * 0.995)


def _wood(
    camera: Camera, ridge: Ridge, rng: Rng, needles: MipMap, light: Light, air: Tensor, k: int
) -> list[Primitive]:
    """Trees in loose groups on a slope."""
    primitives = []
    for _ in range((0, 0, 36, 12, 2)[k]):
        group = rng.choice((-0.8, -0.3, 0.1, 0.6)) + rng.within(0.35)
        foot = _on(camera, ridge, group, rng.uniform(0.003, 0.05) if k < 4 else 0.004)
        if foot[1] < 0.5:
            continue  # would stand in the lake
        height = rng.uniform(8.0, 14.0) * (1.0 if k < 4 else 0.2)
        if k == 3 and rng.chance(0.35):
            made = tree(foot, 0.8 * height, 0.7 * height, needles, light, rng)
        else:
            made = spruce(foot, height, needles, light, rng)
        primitives.append(Primitive(made.solid, hazed(made.shader, air, 420.0)))
    return primitives


def _lake(camera: Camera, far: Sequence[Ridge], sky: Shader, wood: MipMap, air: Tensor) -> Primitive:
    """Still water at y = 0: mirrors the sky, and the far hills as what they fade to."""
    dark = 0.45 * air + 0.25 * wood.mean
    sin, cos = math.sin(camera.pitch), math.cos(camera.pitch)

    def shader(hit: Hit) -> Tensor:
        x, y, z = hit.view
        ripple = 0.012 * torch.sin(1.7 * hit.point[2] + 0.9 * hit.point[0]) * torch.sin(0.43 * hit.point[2])
        up = (-y + ripple).clamp(min=0.002)
        mirrored = hit._replace(view=torch.stack([x, up, z]))
        depth = cos * z - sin * up
        a, b = x / depth, -(cos * up + sin * z) / depth
        land = torch.zeros_like(a)
        for ridge in far:
            land = torch.maximum(land, smoothstep(-0.004, 0.004, b - ridge.top(a)))
        fresnel = 0.25 + 0.75 * (1.0 + y).clamp(0.0, 1.0) ** 4
        seen = sky(mirrored)
        return (seen + (dark[:, None] - seen) * land) * fresnel + 0.02

    return Primitive(Card(Pose((0.0, 0.0, 0.0), FLOOR_AXES)), shader)


def _rocks(camera: Camera, ridge: Ridge, rng: Rng, px: int, light: Light) -> list[Primitive]:
    stone = Material(random_texture(rng, px // 2, "concrete", "#8a8478 #77736d #98897a"), tile=0.7)
    primitives = []
    for _ in range(rng.integer(3, 6)):
        foot = _on(camera, ridge, rng.within(1.0), rng.uniform(0.03, 0.2))
        radius = rng.uniform(0.18, 0.5)
        pose = pose_at((foot[0], foot[1] + 0.2 * radius, foot[2]), yaw=rng.uniform(0.0, 3.0), roll=rng.within(0.4))
        primitives.append(
            Primitive(ellipsoid(pose, radius, radius * rng.uniform(0.5, 0.7), rng.uniform(0.6, 0.9)), lit(stone, light))
        )
    return primitives


def _verge(camera: Camera, rng: Rng, px: int, light: Light) -> list[list[Primitive]]:
    """Grass tufts and flowers from 0.8 to 4 m, at the bottom of the picture."""
    blade = random_texture(rng, px // 4, "grass", "#6f7d3a #8a8a4a #5a7035")
    petal = random_texture(rng, px // 4, "paper", "#c8321f #e0b030 #7a68b8 #e8e2d8 #d86a9a")
    layers = []
    for k in range(4):
        depth = 4.2 * (0.85 / 4.2) ** ((k + rng.uniform(0.0, 0.6)) / 4)
        plants: list[Primitive] = []
        for i in range(7):
            across = -1.15 + 2.3 * (i + rng.uniform(0.0, 1.0)) / 7
            if k == 3 and abs(across) < 0.45:
                continue  # keep the middle open
            foot = camera.point(across, 1.25, depth)
            tall = camera.half_y * depth * rng.uniform(0.35, 0.7)
            plants.append(tuft(foot, tall, blade, light, rng))
            if rng.chance(0.7):
                plants += flower_on_stem(foot, tall * rng.uniform(1.1, 1.6), blade, petal, light, rng)
        layers.append(plants)
    return layers
