"""A market in the evening: paper lanterns and strings of bulbs over stalls with fruit."""

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor

from simulator.scenes.camera import FLOOR_AXES, Camera, Pose, Vector, pose_at, side_axes
from simulator.scenes.light import Light, light_from_colors, unit_direction
from simulator.scenes.mipmap import MipMap, random_texture, textured
from simulator.scenes.outlines import houses, scallops
from simulator.scenes.people import person
from simulator.scenes.raster import Primitive
from simulator.scenes.rng import FreeFloor, Rng
from simulator.scenes.scenery import clear_sky
from simulator.scenes.shading import Hit, Material, Shader, globe, glowing, hazed, lit, of_hit, scaled
from simulator.scenes.shadows import ShadowCasters
from simulator.scenes.solids import Box, Card, SkyDome, Solid, cylinder, ellipsoid, sphere
from simulator.scenes.staging import Staging
from simulator.scenes.textures.pattern import linear, smoothstep

Coordinate = TypeVar("Coordinate", float, Tensor)
_PAPER = ("#ffb070", "#ff7a52", "#ffd79a", "#ff5a4a", "#ffe9c0", "#f0a0b8", "#9fd0c8")
_FRUIT = ("#d9781c", "#b8281f", "#8fa02e", "#e0b52a", "#5b2440", "#c4552d", "#6f8f2e")
_DUSK = (("#1b2748", "#c98a6a"), ("#22305a", "#8a6a8a"), ("#101a38", "#4f5a80"), ("#2a3a66", "#f0b08a"))


def market(frame: Camera, rng: Rng, light: Light | None = None) -> Staging:
    camera = frame.view(focal=rng.uniform(1.15, 1.4), eye=1.5, pitch=rng.within(0.06))
    px = frame.texture_px
    toward = unit_direction(rng.sign() * rng.uniform(1.8, 2.6), 0.75)
    key, sky = ("#ffcf96", rng.uniform(1.2, 1.6)), ("#8a94c0", rng.uniform(0.4, 0.55))
    light = light or light_from_colors(toward, key, sky, ground="#8a6a4a", softness=0.25)
    zenith, horizon = (linear(code) for code in rng.choice(_DUSK))
    layers = [[Primitive(SkyDome(), scaled(clear_sky(zenith, horizon, 0.12), 0.6))]]
    street = Material(random_texture(rng, px, "cobble planks cobble terrazzo"), tile=1.6, drift=0.3)
    layers.append([Primitive(Card(Pose((0.0, 0.0, 0.0), FLOOR_AXES)), lit(street, light))])
    layers += _stalls(rng, px, light, horizon)
    standing = [rng.uniform(1.6, 3.0), rng.uniform(3.5, 9.0)][rng.integer(0, 1) :: 2 if rng.chance(0.5) else 1]
    people = [person(rng, px if z < 3.0 else px // 2, rng.within(0.35) * z, z) for z in sorted(standing)[::-1]]
    crowd = [[Primitive(solid, lit(skin, light)) for solid, skin in body + head] for body, head in people]
    counter = _counter(camera, rng, px, light) if rng.chance(0.6) else []
    return Staging(camera, light, layers, _lanterns(camera, rng, px) + crowd + counter)


def _stalls(rng: Rng, px: int, light: Light, air: Tensor) -> list[list[Primitive]]:
    """Two rows of stalls and house fronts behind them."""
    layers: list[list[Primitive]] = []
    planks = lit(Material(random_texture(rng, px, "planks"), tile=1.2), light)
    awnings = [lit(Material(random_texture(rng, px, "stripes"), tile=1.4), light) for _ in range(3)]
    wood = lit(Material(random_texture(rng, px, "wood", "#b08a5a"), tile=0.8), light)
    pebbles = textured("gravel", px // 4, 7)
    for side in (-1.0, 1.0):
        front = Pose((side * 4.4, 0.0, 0.0), side_axes(side))
        wall, gable = (
            Material(random_texture(rng, px, "plaster brick ashlar planks"), tile=2.5),
            rng.uniform(0.3, 0.6),
        )
        fronts = Card(
            front, houses([rng.uniform(4.8, 7.0) for _ in range(8)], 4.3, 60.0, gable), (-1.0, 60.0, 0.0, 7.0)
        )
        layers.append([Primitive(fronts, hazed(lit(wall, light), 0.4 * air, 40.0))])
    for k in (3, 2, 1, 0):
        stalls: list[Primitive] = []
        for side in (-1.0, 1.0):
            x, z = side * rng.uniform(2.3, 2.6), 3.4 + 2.9 * k + rng.within(0.3)
            awning = rng.choice(awnings)
            goods = [lit(Material(pebbles.tinted(rng.choice(_FRUIT)), tile=0.9), light) for _ in range(3)]
            stalls += _stall(x, z, side, awning, planks, wood, goods)
        layers.append(stalls)
    return layers


def _stall(
    x: float, z: float, side: float, awning: Shader, planks: Shader, wood: Shader, goods: Sequence[Shader]
) -> list[Primitive]:
    """A striped awning on posts, and a table with crates."""
    roof = Box(pose_at((x, 2.25, z), roll=-side * 0.22), (1.15, 0.015, 1.15))
    valance = Pose((x - side * 1.1, 2.25 - 0.25, z), side_axes(side))
    posts = [Pose((x - side * 1.02, 0.0, z + dz)) for dz in (-1.0, 1.0)]
    parts = [
        Primitive(roof, awning),
        Primitive(Card(valance, scallops(1.15, 0.1, 0.2), (-1.15, 1.15, -0.3, 0.25)), awning),
        *(Primitive(cylinder(post, 0.03, 2.0), wood) for post in posts),
        Primitive(Box(Pose((x, 0.78, z)), (0.85, 0.05, 1.05)), planks),
    ]
    x -= side * 0.35
    for dz, heap in zip((-0.62, 0.0, 0.62), goods, strict=True):
        parts.append(Primitive(Box(pose_at((x, 0.94, z + dz), roll=side * 0.2), (0.34, 0.1, 0.26)), wood))
        parts.append(Primitive(ellipsoid(Pose((x, 1.02, z + dz)), 0.26, 0.11), heap))
    return parts


class Cord(NamedTuple):
    """A cord across the street at depth z that sags between x = ±span."""

    z: float
    high: float
    span: float
    sag: float
    tilt: float

    def height(self, x: Coordinate) -> Coordinate:
        return self.high - self.sag * (1.0 - (x / self.span) ** 2) + self.tilt * x

    def card(self) -> Card:
        rise = abs(self.tilt) * 1.6 * self.span
        low, high = self.high - self.sag - rise - 0.1, self.high + rise + 2.0 * self.sag
        extent = (-1.6 * self.span, 1.6 * self.span, low, high)
        return Card(
            Pose((0.0, 0.0, self.z)), lambda x, y: ((y - self.height(x)) * 0.97).abs() - 0.003, extent, thin=True
        )


def _lanterns(camera: Camera, rng: Rng, px: int) -> list[list[Primitive]]:
    """Strings across the street, the nearest just above us: lanterns, or bulbs."""
    layers = []
    rib = random_texture(rng, px // 2, "paper", "#ffffff")
    count = rng.integer(5, 6)
    for k in range(count):
        z = 9.5 * (1.5 / 9.5) ** (k / (count - 1)) * rng.uniform(0.92, 1.08)
        high = 1.5 + z * (camera.half_y * rng.uniform(0.45, 0.8) - camera.pitch)
        span = 1.5 * camera.half_x * z + 0.5
        cord = Cord(z, high, span, rng.uniform(0.08, 0.2) * z * camera.half_y, rng.within(0.12))
        shift = rng.within(1.0)
        lights = [Primitive(cord.card(), glowing(torch.full((3,), 0.02)))]
        hang = _bulb if rng.chance(0.35) else _lantern
        gap = rng.uniform(0.28, 0.4) if hang is _bulb else rng.uniform(0.55, 0.8)
        number = max(2, min(14, int(2 * span / gap)))
        for i in range(number):
            x = -span + 2 * span * (i + 0.5 + 0.3 * shift) / number
            lights.append(hang((x, cord.height(x), z), linear(rng.choice(_PAPER)), rib, rng))
        layers.append(lights)
    return layers


def _bulb(top: Vector, color: Tensor, rib: MipMap, rng: Rng) -> Primitive:
    return Primitive(sphere((top[0], top[1] - 0.05, top[2]), 0.028), globe(color * rng.uniform(8.0, 18.0)))


def _lantern(top: Vector, color: Tensor, rib: MipMap, rng: Rng) -> Primitive:
    radius = rng.uniform(0.10, 0.16)
    drop = radius * rng.uniform(0.75, 1.25)
    pose = pose_at((top[0], top[1] - drop - 0.03, top[2]), roll=rng.within(0.06))
    return Primitive(ellipsoid(pose, radius, drop), _paper_glow(rib, color * rng.uniform(1.2, 3.2), pose, drop))


@of_hit
def _paper_glow(hit: Hit, rib: MipMap, color: Tensor, pose: Pose, drop: float) -> Tensor:
    """Light through ribbed paper: brightest around the bulb, dark at the caps."""
    t = pose.points_to_local(hit.point)[1] / drop
    ribs = 0.82 + 0.18 * torch.cos(20.0 * t)
    body = smoothstep(1.0, 0.86, t.abs())
    facing = -(hit.normal[0] * hit.view[0] + hit.normal[1] * hit.view[1] + hit.normal[2] * hit.view[2])
    bright = (0.35 + 0.65 * facing.clamp(0.0, 1.0)) * (1.0 - 0.25 * t) * ribs
    fiber = rib.sample(3.0 * hit.uv, 3.0 * hit.footprint)
    return color[:, None] * bright * fiber * (0.06 + 0.94 * body)


def _counter(camera: Camera, rng: Rng, px: int, light: Light) -> list[list[Primitive]]:
    """The near edge of a stall, with a heap of fruit."""
    height = camera.eye - 0.9 * (rng.uniform(0.68, 0.84) * camera.half_y + camera.pitch)
    depth = rng.uniform(1.15, 1.35)
    board = Material(random_texture(rng, px, "planks wood weave"), tile=0.9, grain_across=True)
    middle = rng.within(0.7)
    half = 0.9 * camera.half_x * depth
    counter = Box(
        Pose((middle * camera.half_x * depth, 0.5 * height, 0.55 * depth)), (half, 0.5 * height, 0.45 * depth)
    )
    plain, pores = random_texture(rng, px, "glaze"), random_texture(rng, px, "leather")
    codes = rng.shuffled(_FRUIT)[:3]
    fruit: list[tuple[Solid, Material]] = []
    board_top = FreeFloor()
    for _ in range(60):
        radius = rng.uniform(0.028, 0.042)
        z = rng.uniform(0.8, 0.97 * depth)
        x = (middle + rng.within(0.75)) * camera.half_x * z
        if len(fruit) < 11 and board_top.take(x, z, radius):
            code = codes[min(2, int(3 * (x / camera.half_x / z + 1.5) / 3))]
            skin = Material((pores if code == codes[0] else plain).tinted(code), tile=0.25, gloss=0.5, polish=0.22)
            fruit.append((sphere((x, height + radius + 0.001, z), radius), skin))
    casters = ShadowCasters.from_solids([solid for solid, _ in fruit], light)
    top, *heap = [
        Primitive(solid, lit(skin, light, casters.visibility_on(solid))) for solid, skin in [(counter, board), *fruit]
    ]
    return [[top], heap[::2], heap[1::2]]
