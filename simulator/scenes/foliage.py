"""Foliage: leafy twigs and blossoms at many depths before a garden wall in dappled light."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from simulator.layers.ldi import LayeredDepthImage
from simulator.scenes.bitmap import Bitmap, material
from simulator.scenes.camera import Camera, Format, Vector
from simulator.scenes.light import Light, aimed, lamp
from simulator.scenes.outlines import below, flower, leaf_blade, line
from simulator.scenes.paint import Hit, Material, Paint, Shade, lit
from simulator.scenes.place import Place, turned
from simulator.scenes.raster import Body, draw
from simulator.scenes.rng import Dice
from simulator.scenes.scenery import day_sky, hedge
from simulator.scenes.solids import Card, Dome
from simulator.scenes.textures.pattern import linear, smoothstep

_LEAVES = (
    ("#4f8a35", "#6ea043", "#3f7a32"),
    ("#3c7040", "#5b8f3f", "#7d9a3a"),
    ("#6b8f2e", "#94a63a", "#567f2f"),
    ("#a8632a", "#c98a35", "#8a4526", "#7a8a35"),
    ("#7a2f38", "#94424a", "#5f7a3c"),
)
_BLOSSOMS = (
    ("#f2e6ea", "#e8b84a"),
    ("#e58aa5", "#f2d06a"),
    ("#f4f0e0", "#d9a83a"),
    ("#c96a9a", "#f0dca0"),
    ("#e8703a", "#5a2f22"),
)


@dataclass(frozen=True)
class Growth:
    """What all twigs of a picture share."""

    light: Light
    blades: Sequence[Bitmap]
    bark: Paint
    petal: Bitmap
    heart: Tensor  # [3] colour of a blossom's middle
    slim: float  # width of a leaf over its length
    length: float
    flowering: float


def foliage(size: Format, dice: Dice) -> LayeredDepthImage:
    camera = size.camera(focal=dice.between(1.2, 1.5), eye=1.5, pitch=dice.between(-0.08, 0.08))
    light = lamp(
        aimed(dice.sign() * dice.between(1.75, 2.4), dice.between(0.5, 0.85)),
        key=("#fff0d0", dice.between(1.9, 2.5)),
        sky=("#c4d6e6", dice.between(0.5, 0.7)),
        ground="#5f6b42",
        softness=0.1,
    )
    wall = turned(camera.ahead(0.0, 0.0, dice.between(3.4, 4.6)), yaw=dice.between(-0.45, 0.45))
    skin = Material(
        material(dice.pick(("brick", "ashlar", "stone", "plaster", "planks", "brick")), size.texture_px, dice.seed()),
        tile=dice.between(1.5, 2.0),
    )
    growth = _growth(dice, light, size.texture_px)
    top = None if dice.chance(0.5) else below(dice.between(-0.1, 0.5))
    layers = [[Body(Dome(), day_sky(dice, size.texture_px, light))]] if top else []
    if top:
        layers.append(
            hedge(dice, size.texture_px, light, depth=dice.between(9.0, 14.0), base=-1.0, height=dice.between(3.0, 4.5))
        )
    layers.append([Body(Card(wall, top), lit(skin, light, _dapples(dice)))])
    ivy = [_leaf(growth, dice, place, 0.9) for place in _ivy_places(wall, dice)]
    layers.append(ivy)
    count = dice.whole(13, 17)
    for i in range(count):
        nearness = (i + dice.between(0.0, 1.0)) / count
        depth = 1.0 / (1.0 / 3.0 + (1.0 / 0.62 - 1.0 / 3.0) * nearness**1.5)
        layers.append(_twig(growth, camera, dice, depth, crowd=nearness))
    return draw(camera, layers)


def _growth(dice: Dice, light: Light, texture_px: int) -> Growth:
    blade = material("leaf", texture_px // 2, dice.seed())
    petal, middle = dice.pick(_BLOSSOMS)
    return Growth(
        light=light,
        blades=[blade, *(blade.tinted(code) for code in dice.pick(_LEAVES))],
        bark=lit(Material(material("bark", texture_px // 4, dice.seed()), tile=0.3), light),
        petal=material("paper", texture_px // 4, dice.seed(), petal),
        heart=linear(middle),
        slim=dice.between(0.35, 0.6),
        length=dice.between(0.11, 0.17),
        flowering=dice.pick((0.0, 0.0, 0.12, 0.25)),
    )


def _twig(growth: Growth, camera: Camera, dice: Dice, depth: float, *, crowd: float) -> list[Body]:
    """A bent twig that enters from outside the frame, leaves left and right in turn; none hides another."""
    side = dice.sign()
    start = (
        (side * dice.between(1.15, 1.4), dice.between(-1.1, 1.0))
        if dice.chance(0.6)
        else (dice.between(-1.2, 1.2), -1.35)
    )
    x, y, z = camera.point(*start, depth)
    heading = math.atan2(dice.between(-0.6, 0.9) - (start[1] < -1.2), -start[0]) + dice.between(-0.3, 0.3)
    reach = dice.between(0.5, 1.0) * 2.0 * camera.half_x * depth * (1.0 if crowd < 0.75 else 0.55)
    step = growth.length * dice.between(0.42, 0.6)
    bodies: list[Body] = []
    bend = dice.between(-0.12, 0.12)
    for i in range(min(16, max(3, int(reach / step)))):
        dx, dy = step * math.cos(heading), step * math.sin(heading)
        bodies.append(_stem(growth, (x, y, z), dx, dy, 0.0035 + 0.0004 * max(0, 10 - i)))
        x, y, z = x + dx, y + dy, z + 0.06 * step
        heading += bend + dice.between(-0.08, 0.08)
        turn = heading + (1.0 if i % 2 else -1.0) * dice.between(0.7, 1.1)
        place = turned(
            (x, y, z - 0.01), yaw=dice.between(-0.7, 0.7), pitch=dice.between(-0.5, 0.5), roll=0.5 * math.pi - turn
        )
        if dice.chance(growth.flowering):
            bodies.append(
                _blossom(
                    growth, dice, turned((x, y, z - 0.02), yaw=dice.between(-0.5, 0.5), pitch=dice.between(-0.4, 0.4))
                )
            )
        else:
            bodies.append(_leaf(growth, dice, place, dice.between(0.75, 1.1)))
    return bodies


def _leaf(growth: Growth, dice: Dice, place: Place, scale: float) -> Body:
    length = growth.length * scale
    width = length * growth.slim
    outline = leaf_blade(length, width, bend=dice.between(-0.15, 0.15))
    reach = 0.75 * width + 0.15 * length
    card = Card(place, outline, (-reach, reach, 0.0, length))
    blade, tone = dice.pick(growth.blades), dice.between(0.75, 1.2)
    return Body(card, partial(_leaf_light, growth.light, blade, tone, length, width))


def _leaf_light(light: Light, blade: Bitmap, tone: float, length: float, width: float, hit: Hit) -> Tensor:
    """A leaf lit from the front, or glowing green with the light that comes through; a little shiny."""
    u, v = hit.uv[0] / (1.3 * width) + 0.5, hit.uv[1] / length
    albedo = blade.at(u, v, hit.spread / length) * tone
    facing = hit.normal[0] * light.toward[0] + hit.normal[1] * light.toward[1] + hit.normal[2] * light.toward[2]
    front, through = facing.clamp(min=0.0), (-facing).clamp(min=0.0) * 0.75
    around = light.ground[:, None] + (light.sky - light.ground)[:, None] * (0.5 + 0.5 * hit.normal[1])
    curl = 1.0 + 0.25 * (hit.uv[0] / width).clamp(-1.0, 1.0)
    glow = torch.stack([through * 1.05, through * 1.25, through * 0.35])
    return albedo * (light.key[:, None] * (front * curl + glow) + around) + light.key[:, None] * (0.06 * front**3)


def _blossom(growth: Growth, dice: Dice, place: Place) -> Body:
    radius = growth.length * dice.between(0.24, 0.34)
    card = Card(place, flower(5, radius, dice.between(0.35, 0.5)), (-radius, radius, -radius, radius))
    base = lit(Material(growth.petal, tile=0.2), growth.light)

    def paint(hit: Hit) -> Tensor:
        r = (hit.uv[0] ** 2 + hit.uv[1] ** 2).sqrt() / radius
        petals = base(hit) * (0.6 + 0.5 * smoothstep(0.0, 0.7, r))
        middle = smoothstep(0.24, 0.16, r)
        return petals + (growth.heart[:, None] * 0.9 - petals) * middle

    return Body(card, paint)


def _stem(growth: Growth, start: Vector, dx: float, dy: float, half_width: float) -> Body:
    extent = (
        min(0.0, dx) - half_width,
        max(0.0, dx) + half_width,
        min(0.0, dy) - half_width,
        max(0.0, dy) + half_width,
    )
    return Body(Card(Place(start), line(0.0, 0.0, dx, dy, half_width), extent, thin=True), growth.bark)


def _ivy_places(wall: Place, dice: Dice) -> list[Place]:
    """Leaves just off the wall, in a climbing swarm, none over another."""
    x, y = dice.between(-1.2, 1.2), -1.6
    places: list[Place] = []
    taken: list[tuple[float, float]] = []
    lean = dice.between(-0.25, 0.25)
    for _ in range(90):
        a, b = x + dice.between(-0.4, 0.4), y + dice.between(0.0, 3.0)
        a += lean * b
        if all(math.hypot(a - c, b - d) > 0.15 for c, d in taken):
            taken.append((a, b))
            origin = wall.point(a, b, -0.06)
            places.append(
                turned(origin, yaw=dice.between(-0.6, 0.6), pitch=dice.between(-0.2, 0.6), roll=dice.between(1.8, 4.4))
            )
    return places


def _dapples(dice: Dice) -> Shade:
    """Sunlight through a tree: soft round patches."""
    phases = [dice.between(0.0, 6.28) for _ in range(6)]

    def shade(hit: Hit) -> tuple[Tensor, Tensor]:
        x, y = hit.uv
        a = torch.sin(2.1 * x + phases[0] + torch.sin(1.7 * y + phases[1])) + torch.sin(
            2.6 * y + phases[2] + torch.sin(2.3 * x + phases[3])
        )
        b = torch.sin(5.7 * x + phases[4] + 1.3 * a) * torch.sin(6.3 * y + phases[5] - 1.1 * a)
        return 0.12 + 0.88 * smoothstep(-0.2, 0.7, 0.5 * a + 0.8 * b), torch.ones_like(x)

    return shade
