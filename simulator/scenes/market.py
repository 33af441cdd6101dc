"""A market in the evening: paper lanterns and strings of bulbs over stalls with fruit."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from simulator.layers.ldi import LayeredDepthImage
from simulator.scenes.bitmap import Bitmap, material
from simulator.scenes.camera import Camera, Format
from simulator.scenes.light import Light, aimed, lamp
from simulator.scenes.paint import Hit, Material, Paint, hazed, lit
from simulator.scenes.place import FLOOR, Place, turned
from simulator.scenes.raster import Body, draw
from simulator.scenes.rng import Dice
from simulator.scenes.shadows import Crowd
from simulator.scenes.solids import Box, Card, Dome, Outline, Solid, cylinder, ellipsoid, sphere
from simulator.scenes.textures.pattern import linear, smoothstep

_PAPER = ("#ffb070", "#ff7a52", "#ffd79a", "#ff5a4a", "#ffe9c0", "#f0a0b8", "#9fd0c8")
_FRUIT = ("#d9781c", "#b8281f", "#8fa02e", "#e0b52a", "#5b2440", "#c4552d", "#6f8f2e")
_DUSK = (("#1b2748", "#c98a6a"), ("#22305a", "#8a6a8a"), ("#101a38", "#4f5a80"), ("#2a3a66", "#f0b08a"))


def market(size: Format, dice: Dice) -> LayeredDepthImage:
    camera = size.camera(focal=dice.between(1.15, 1.4), eye=1.5, pitch=dice.between(-0.06, 0.06))
    px = size.texture_px
    light = lamp(
        aimed(dice.sign() * dice.between(1.8, 2.6), 0.75),
        key=("#ffcf96", dice.between(0.8, 1.1)),
        sky=("#8a94c0", dice.between(0.22, 0.32)),
        ground="#8a6a4a",
        softness=0.25,
    )
    zenith, horizon = (linear(code) for code in dice.pick(_DUSK))
    layers = [[Body(Dome(), _dusk_sky(zenith, horizon))]]
    street = Material(
        material(dice.pick(("cobble", "planks", "cobble", "terrazzo")), px, dice.seed()), tile=1.6, drift=0.3
    )
    layers.append([Body(Card(Place((0.0, 0.0, 0.0), FLOOR)), lit(street, light))])
    layers += _stalls(dice, px, light, horizon)
    layers += _lanterns(camera, dice, px)
    layers += _counter(camera, dice, px, light)
    return draw(camera, layers)


def _dusk_sky(zenith: Tensor, horizon: Tensor) -> Paint:
    def paint(hit: Hit) -> Tensor:
        rise = hit.view[1].clamp(min=0.0)
        return 0.6 * (horizon[:, None] + (zenith - horizon)[:, None] * (rise / (rise + 0.12)))

    return paint


def _stalls(dice: Dice, px: int, light: Light, air: Tensor) -> list[list[Body]]:
    """Two rows of stalls: a table with crates, posts, and a striped awning; and house fronts behind them."""
    layers: list[list[Body]] = []
    planks = Material(material("planks", px // 2, dice.seed()), tile=1.2)
    awnings = [Material(material("stripes", px // 2, dice.seed()), tile=1.4) for _ in range(3)]
    crates = Material(material("wood", px // 2, dice.seed(), "#b08a5a"), tile=0.8)
    for side in (-1.0, 1.0):
        front = Place((side * 4.4, 0.0, 0.0), ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (side, 0.0, 0.0)))
        wall = Material(material(dice.pick(("plaster", "brick", "ashlar", "planks")), px // 2, dice.seed()), tile=2.5)
        layers.append(
            [Body(Card(front, _front_outline(dice), (-1.0, 60.0, 0.0, 7.0)), hazed(lit(wall, light), 0.4 * air, 40.0))]
        )
    for k in (3, 2, 1, 0):
        stall: list[Body] = []
        for side in (-1.0, 1.0):
            x, z = side * dice.between(2.3, 2.6), 3.4 + 2.9 * k + dice.between(-0.3, 0.3)
            awning = dice.pick(awnings)
            roof = turned((x, 2.25, z), roll=-side * 0.22, yaw=0.0)
            stall.append(Body(Box(roof, (1.15, 0.015, 1.15)), lit(awning, light)))
            valance = Place((x - side * 1.1, 2.25 - 0.25, z), ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (side, 0.0, 0.0)))
            stall.append(Body(Card(valance, _scallops(1.15), (-1.15, 1.15, -0.3, 0.25)), lit(awning, light)))
            for dz in (-1.0, 1.0):
                post = Place((x - side * 1.02, 0.0, z + dz))
                stall.append(Body(cylinder(post, 0.03, 2.0), lit(crates, light)))
            table = Box(Place((x, 0.78, z)), (0.85, 0.05, 1.05))
            stall.append(Body(table, lit(planks, light)))
            for dz in (-0.62, 0.0, 0.62):
                crate = Box(turned((x - side * 0.35, 0.94, z + dz), roll=side * 0.2), (0.34, 0.1, 0.26))
                goods = Material(material("gravel", px // 8, 7, dice.pick(_FRUIT)), tile=0.9)
                stall.append(Body(crate, lit(crates, light)))
                heap = ellipsoid(Place((x - side * 0.35, 1.02, z + dz)), 0.26, 0.11)
                stall.append(Body(heap, lit(goods, light)))
        layers.append(stall)
    return layers


def _front_outline(dice: Dice) -> Outline:
    roofs = torch.tensor([dice.between(3.6, 7.0) for _ in range(8)])

    def distance(x: Tensor, y: Tensor) -> Tensor:
        house = (x / 4.3).floor().long() % 8
        return torch.maximum(y - roofs.to(y.dtype)[house], x - 60.0)

    return distance


def _scallops(half: float) -> Outline:
    """A valance: straight above, round tongues below."""

    def distance(x: Tensor, y: Tensor) -> Tensor:
        u = (x / 0.2 - (x / 0.2).round()) * 0.2
        tongue = (u * u + (y + 0.02).clamp(max=0.0) ** 2).sqrt() - 0.1
        return torch.maximum(torch.maximum(tongue, y - 0.2), x.abs() - half)

    return distance


def _lanterns(camera: Camera, dice: Dice, px: int) -> list[list[Body]]:
    """Strings across the street, the nearest just above us: lanterns, or bulbs."""
    layers = []
    rib = material("paper", px // 4, dice.seed(), "#ffffff")
    count = dice.whole(5, 6)
    for k in range(count):
        z = 9.5 * (1.5 / 9.5) ** (k / (count - 1)) * dice.between(0.92, 1.08)
        high = 1.5 + z * (camera.half_y * dice.between(0.45, 0.8) - camera.pitch)
        span = 1.5 * camera.half_x * z + 0.5
        sag, tilt = dice.between(0.08, 0.2) * z * camera.half_y, dice.between(-0.12, 0.12)
        shift = dice.between(-1.0, 1.0)
        bodies: list[Body] = [_cord(z, high, span, sag, tilt)]
        bulbs = dice.chance(0.35)
        gap = dice.between(0.28, 0.4) if bulbs else dice.between(0.55, 0.8)
        number = max(2, min(14, int(2 * span / gap)))
        for i in range(number):
            x = -span + 2 * span * (i + 0.5 + 0.3 * shift) / number
            y = _droop(x, high, span, sag, tilt)
            code = dice.pick(_PAPER)
            if bulbs:
                bodies.append(Body(sphere((x, y - 0.05, z), 0.028), _even_glow(linear(code) * dice.between(8.0, 18.0))))
            else:
                radius = dice.between(0.10, 0.16)
                drop = radius * dice.between(0.75, 1.25)
                place = turned((x, y - drop - 0.03, z), roll=dice.between(-0.06, 0.06))
                lantern = ellipsoid(place, radius, drop)
                bodies.append(Body(lantern, _paper_glow(rib, linear(code) * dice.between(1.2, 3.2), place, drop)))
        layers.append(bodies)
    return layers


def _droop(x: float, high: float, span: float, sag: float, tilt: float) -> float:
    return high - sag * (1.0 - (x / span) ** 2) + tilt * x


def _cord(z: float, high: float, span: float, sag: float, tilt: float) -> Body:
    def outline(x: Tensor, y: Tensor) -> Tensor:
        return ((y - (high - sag * (1.0 - (x / span) ** 2) + tilt * x)) * 0.97).abs() - 0.003

    low = high - sag - abs(tilt) * 1.6 * span - 0.1
    card = Card(
        Place((0.0, 0.0, z)),
        outline,
        (-1.6 * span, 1.6 * span, low, high + abs(tilt) * 1.6 * span + 2.0 * sag),
        thin=True,
    )
    return Body(card, lambda hit: torch.full((3, hit.depth.shape[0]), 0.02))


def _even_glow(color: Tensor) -> Paint:
    return lambda hit: color[:, None].expand(3, hit.depth.shape[0])


def _paper_glow(rib: Bitmap, color: Tensor, place: Place, drop: float) -> Paint:
    """Light through ribbed paper: brightest around the bulb, dark at the caps."""

    def paint(hit: Hit) -> Tensor:
        t = place.inside(hit.point)[1] / drop
        ribs = 0.82 + 0.18 * torch.cos(20.0 * t)
        body = smoothstep(1.0, 0.86, t.abs())
        facing = -(hit.normal[0] * hit.view[0] + hit.normal[1] * hit.view[1] + hit.normal[2] * hit.view[2])
        bright = (0.35 + 0.65 * facing.clamp(0.0, 1.0)) * (1.0 - 0.25 * t) * ribs
        fibre = rib.at(3.0 * hit.uv[0], 3.0 * hit.uv[1], 3.0 * hit.spread)
        return color[:, None] * bright * fibre * (0.06 + 0.94 * body)

    return paint


def _counter(camera: Camera, dice: Dice, px: int, light: Light) -> list[list[Body]]:
    """The near edge of a stall, with a heap of fruit."""
    height = camera.eye - 0.9 * (dice.between(0.68, 0.84) * camera.half_y + camera.pitch)
    depth = dice.between(1.15, 1.35)
    board = Material(material(dice.pick(("planks", "wood", "weave")), px, dice.seed()), tile=0.9, turned=True)
    top = Box(Place((0.0, height - 0.03, 0.55 * depth)), (4.0, 0.03, 0.45 * depth))
    plain, pores = material("glaze", px // 2, dice.seed()), material("leather", px // 2, dice.seed())
    solids: list[Solid] = []
    looks: list[Material] = []
    codes = dice.shuffled(_FRUIT)[:3]
    taken: list[tuple[float, float, float]] = []
    middle = dice.between(-0.7, 0.7)
    for _ in range(60):
        radius = dice.between(0.028, 0.042)
        z = dice.between(0.8, 0.97 * depth)
        x = (middle + dice.between(-0.75, 0.75)) * camera.half_x * z
        if len(solids) < 11 and all(math.hypot(x - a, z - b) > radius + r for a, b, r in taken):
            taken.append((x, z, radius))
            solids.append(sphere((x, height + radius + 0.001, z), radius))
            code = codes[min(2, int(3 * (x / camera.half_x / z + 1.5) / 3))]
            looks.append(
                Material((pores if code == codes[0] else plain).tinted(code), tile=0.25, gloss=0.5, polish=0.22)
            )
    crowd = Crowd.of(solids, light)
    bodies = [Body(s, lit(look, light, crowd.on(s))) for s, look in zip(solids, looks, strict=True)]
    return [[Body(top, lit(board, light, crowd.on(top)))], bodies[::2], bodies[1::2]]
