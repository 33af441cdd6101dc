"""A market in the evening: paper lanterns and strings of bulbs over stalls with fruit."""

import math
from typing import TypeVar

import torch
from torch import Tensor

from simulator.layers.ldi import LayeredDepthImage
from simulator.scenes.camera import FLOOR_AXES, Camera, FrameSize, Pose, pose_at, side_axes
from simulator.scenes.light import Light, light_from_colors, unit_direction
from simulator.scenes.mipmap import MipMap, random_texture, textured
from simulator.scenes.outlines import houses
from simulator.scenes.raster import Primitive, render_layers
from simulator.scenes.rng import Rng
from simulator.scenes.scenery import clear_sky
from simulator.scenes.shading import Hit, Material, Shader, glowing, hazed, lit, scaled
from simulator.scenes.shadows import ShadowCasters
from simulator.scenes.solids import Box, Card, Outline, SkyDome, Solid, cylinder, ellipsoid, sphere
from simulator.scenes.textures.pattern import linear, smoothstep

Coordinate = TypeVar("Coordinate", float, Tensor)
_PAPER = ("#ffb070", "#ff7a52", "#ffd79a", "#ff5a4a", "#ffe9c0", "#f0a0b8", "#9fd0c8")
_FRUIT = ("#d9781c", "#b8281f", "#8fa02e", "#e0b52a", "#5b2440", "#c4552d", "#6f8f2e")
_DUSK = (("#1b2748", "#c98a6a"), ("#22305a", "#8a6a8a"), ("#101a38", "#4f5a80"), ("#2a3a66", "#f0b08a"))


def market(size: FrameSize, rng: Rng) -> LayeredDepthImage:
    camera = size.camera(focal=rng.uniform(1.15, 1.4), eye=1.5, pitch=rng.within(0.06))
    px = size.texture_px
    light = light_from_colors(
        unit_direction(rng.sign() * rng.uniform(1.8, 2.6), 0.75),
        key=("#ffcf96", rng.uniform(0.8, 1.1)),
        sky=("#8a94c0", rng.uniform(0.22, 0.32)),
        ground="#8a6a4a",
        softness=0.25,
    )
    zenith, horizon = (linear(code) for code in rng.choice(_DUSK))
    layers = [[Primitive(SkyDome(), scaled(clear_sky(zenith, horizon, 0.12), 0.6))]]
    street = Material(random_texture(rng, px, "cobble planks cobble terrazzo"), tile=1.6, drift=0.3)
    layers.append([Primitive(Card(Pose((0.0, 0.0, 0.0), FLOOR_AXES)), lit(street, light))])
    layers += _stalls(rng, px, light, horizon)
    layers += _lanterns(camera, rng, px)
    layers += _counter(camera, rng, px, light)
    return render_layers(camera, layers)


def _stalls(rng: Rng, px: int, light: Light, air: Tensor) -> list[list[Primitive]]:
    """Two rows of stalls: a table with crates, posts, and a striped awning; and house fronts behind them."""
    layers: list[list[Primitive]] = []
    planks = Material(random_texture(rng, px // 2, "planks"), tile=1.2)
    awnings = [Material(random_texture(rng, px // 2, "stripes"), tile=1.4) for _ in range(3)]
    crates = Material(random_texture(rng, px // 2, "wood", "#b08a5a"), tile=0.8)
    for side in (-1.0, 1.0):
        front = Pose((side * 4.4, 0.0, 0.0), side_axes(side))
        wall = Material(random_texture(rng, px // 2, "plaster brick ashlar planks"), tile=2.5)
        fronts = Card(front, houses([rng.uniform(3.6, 7.0) for _ in range(8)], 4.3, 60.0), (-1.0, 60.0, 0.0, 7.0))
        layers.append([Primitive(fronts, hazed(lit(wall, light), 0.4 * air, 40.0))])
    for k in (3, 2, 1, 0):
        stall: list[Primitive] = []
        for side in (-1.0, 1.0):
            x, z = side * rng.uniform(2.3, 2.6), 3.4 + 2.9 * k + rng.within(0.3)
            awning = rng.choice(awnings)
            roof = pose_at((x, 2.25, z), roll=-side * 0.22, yaw=0.0)
            stall.append(Primitive(Box(roof, (1.15, 0.015, 1.15)), lit(awning, light)))
            valance = Pose((x - side * 1.1, 2.25 - 0.25, z), side_axes(side))
            stall.append(Primitive(Card(valance, _scallops(1.15), (-1.15, 1.15, -0.3, 0.25)), lit(awning, light)))
            for dz in (-1.0, 1.0):
                post = Pose((x - side * 1.02, 0.0, z + dz))
                stall.append(Primitive(cylinder(post, 0.03, 2.0), lit(crates, light)))
            table = Box(Pose((x, 0.78, z)), (0.85, 0.05, 1.05))
            stall.append(Primitive(table, lit(planks, light)))
            for dz in (-0.62, 0.0, 0.62):
                crate = Box(pose_at((x - side * 0.35, 0.94, z + dz), roll=side * 0.2), (0.34, 0.1, 0.26))
                goods = Material(textured("gravel", px // 8, 7, rng.choice(_FRUIT)), tile=0.9)
                stall.append(Primitive(crate, lit(crates, light)))
                heap = ellipsoid(Pose((x - side * 0.35, 1.02, z + dz)), 0.26, 0.11)
                stall.append(Primitive(heap, lit(goods, light)))
        layers.append(stall)
    return layers


def _scallops(half: float) -> Outline:
    """A valance: straight above, round tongues below."""

    def distance(x: Tensor, y: Tensor) -> Tensor:
        u = (x / 0.2 - (x / 0.2).round()) * 0.2
        tongue = (u * u + (y + 0.02).clamp(max=0.0) ** 2).sqrt() - 0.1
        return torch.maximum(torch.maximum(tongue, y - 0.2), x.abs() - half)

    return distance


def _lanterns(camera: Camera, rng: Rng, px: int) -> list[list[Primitive]]:
    """Strings across the street, the nearest just above us: lanterns, or bulbs."""
    layers = []
    rib = random_texture(rng, px // 4, "paper", "#ffffff")
    count = rng.integer(5, 6)
    for k in range(count):
        z = 9.5 * (1.5 / 9.5) ** (k / (count - 1)) * rng.uniform(0.92, 1.08)
        high = 1.5 + z * (camera.half_y * rng.uniform(0.45, 0.8) - camera.pitch)
        span = 1.5 * camera.half_x * z + 0.5
        sag, tilt = rng.uniform(0.08, 0.2) * z * camera.half_y, rng.within(0.12)
        shift = rng.within(1.0)
        primitives: list[Primitive] = [_cord(z, high, span, sag, tilt)]
        bulbs = rng.chance(0.35)
        gap = rng.uniform(0.28, 0.4) if bulbs else rng.uniform(0.55, 0.8)
        number = max(2, min(14, int(2 * span / gap)))
        for i in range(number):
            x = -span + 2 * span * (i + 0.5 + 0.3 * shift) / number
            y = _droop(x, high, span, sag, tilt)
            code = rng.choice(_PAPER)
            if bulbs:
                bulb = sphere((x, y - 0.05, z), 0.028)
                primitives.append(Primitive(bulb, glowing(linear(code) * rng.uniform(8.0, 18.0))))
            else:
                radius = rng.uniform(0.10, 0.16)
                drop = radius * rng.uniform(0.75, 1.25)
                pose = pose_at((x, y - drop - 0.03, z), roll=rng.within(0.06))
                lantern = ellipsoid(pose, radius, drop)
                color = linear(code) * rng.uniform(1.2, 3.2)
                primitives.append(Primitive(lantern, _paper_glow(rib, color, pose, drop)))
        layers.append(primitives)
    return layers


def _droop(x: Coordinate, high: float, span: float, sag: float, tilt: float) -> Coordinate:
    return high - sag * (1.0 - (x / span) ** 2) + tilt * x


def _cord(z: float, high: float, span: float, sag: float, tilt: float) -> Primitive:
    low = high - sag - abs(tilt) * 1.6 * span - 0.1
    extent = (-1.6 * span, 1.6 * span, low, high + abs(tilt) * 1.6 * span + 2.0 * sag)
    card = Card(
        Pose((0.0, 0.0, z)),
        lambda x, y: ((y - _droop(x, high, span, sag, tilt)) * 0.97).abs() - 0.003,
        extent,
        thin=True,
    )
    return Primitive(card, glowing(torch.full((3,), 0.02)))


def _paper_glow(rib: MipMap, color: Tensor, pose: Pose, drop: float) -> Shader:
    """Light through ribbed paper: brightest around the bulb, dark at the caps."""

    def shader(hit: Hit) -> Tensor:
        t = pose.points_to_local(hit.point)[1] / drop
        ribs = 0.82 + 0.18 * torch.cos(20.0 * t)
        body = smoothstep(1.0, 0.86, t.abs())
        facing = -(hit.normal[0] * hit.view[0] + hit.normal[1] * hit.view[1] + hit.normal[2] * hit.view[2])
        bright = (0.35 + 0.65 * facing.clamp(0.0, 1.0)) * (1.0 - 0.25 * t) * ribs
        fiber = rib.sample(3.0 * hit.uv, 3.0 * hit.footprint)
        return color[:, None] * bright * fiber * (0.06 + 0.94 * body)

    return shader


def _counter(camera: Camera, rng: Rng, px: int, light: Light) -> list[list[Primitive]]:
    """The near edge of a stall, with a heap of fruit."""
    height = camera.eye - 0.9 * (rng.uniform(0.68, 0.84) * camera.half_y + camera.pitch)
    depth = rng.uniform(1.15, 1.35)
    board = Material(random_texture(rng, px, "planks wood weave"), tile=0.9, grain_across=True)
    top = Box(Pose((0.0, height - 0.03, 0.55 * depth)), (4.0, 0.03, 0.45 * depth))
    plain, pores = random_texture(rng, px // 2, "glaze"), random_texture(rng, px // 2, "leather")
    solids: list[Solid] = []
    looks: list[Material] = []
    codes = rng.shuffled(_FRUIT)[:3]
    taken: list[tuple[float, float, float]] = []
    middle = rng.within(0.7)
    for _ in range(60):
        radius = rng.uniform(0.028, 0.042)
        z = rng.uniform(0.8, 0.97 * depth)
        x = (middle + rng.within(0.75)) * camera.half_x * z
        if len(solids) < 11 and all(math.hypot(x - a, z - b) > radius + r for a, b, r in taken):
            taken.append((x, z, radius))
            solids.append(sphere((x, height + radius + 0.001, z), radius))
            code = codes[min(2, int(3 * (x / camera.half_x / z + 1.5) / 3))]
            looks.append(
                Material((pores if code == codes[0] else plain).tinted(code), tile=0.25, gloss=0.5, polish=0.22)
            )
    casters = ShadowCasters.from_solids(solids, light)
    primitives = [
        Primitive(s, lit(look, light, casters.visibility_on(s))) for s, look in zip(solids, looks, strict=True)
    ]
    return [[Primitive(top, lit(board, light, casters.visibility_on(top)))], primitives[::2], primitives[1::2]]
