"""Fences, railings and wires in front of a landscape."""

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
from simulator.scenes.plants import flower_on_stem, tuft
from simulator.scenes.raster import Body, draw
from simulator.scenes.rng import Dice
from simulator.scenes.scenery import Ridge, day_sky, hill, skyline, spruce, tree
from simulator.scenes.solids import Card, Dome, Outline, cylinder
from simulator.scenes.textures.pattern import linear, smoothstep


def fence(size: Format, dice: Dice) -> LayeredDepthImage:
    camera = size.camera(focal=dice.between(1.15, 1.5), eye=dice.between(1.2, 1.6), pitch=dice.between(0.0, 0.08))
    light = lamp(
        aimed(dice.sign() * dice.between(1.6, 2.4), dice.between(0.35, 0.7)),
        key=(dice.pick(("#fff3da", "#ffe2b8", "#fff8ea")), dice.between(1.8, 2.3)),
        sky=("#bcd0e6", dice.between(0.45, 0.65)),
        ground="#6f7a4a",
        softness=0.03,
    )
    px = size.texture_px
    air = linear(dice.pick(("#b4c8da", "#d9cdbc", "#c3d0d6")))
    grass = material("grass", px, dice.seed())
    far = material("canopy", px // 2, dice.seed(), dice.pick(("#5f7a4a", "#7d8a52", "#4f6a4a")))
    layers = [[Body(Dome(), day_sky(dice, px, light))]]
    for k, depth in enumerate((400.0, 160.0)):
        top = skyline(dice, 0.05 - 0.012 * k, 0.55, -camera.pitch - 0.045 + 0.025 * k)
        layers.append([hill(Ridge(camera, top, 1.0 / depth, 0.06), far, 90.0, light, air, 220.0)])
    meadow = Place((0.0, 0.0, 0.0), FLOOR)
    layers.append([Body(Card(meadow), hazed(lit(Material(grass, tile=2.5, drift=0.9), light), air, 150.0))])
    leaves = material("canopy", px // 2, dice.seed(), dice.pick(("#3f5a2a", "#56702f", "#6b6f2f", "#7d5a2a")))
    trees = []
    for _ in range(dice.whole(3, 6)):
        depth = dice.between(14.0, 45.0)
        height = dice.between(4.0, 7.0)
        foot = (dice.between(-1.0, 1.0) * camera.half_x * depth, 0.0, depth)
        made = (
            spruce(foot, height * 1.2, leaves, light, dice)
            if dice.chance(0.35)
            else tree(foot, height, height * 0.8, leaves, light, dice)
        )
        trees.append(Body(made.solid, hazed(made.paint, air, 150.0)))
    layers.append(trees)
    petal = material("paper", px // 4, dice.seed(), dice.pick(("#c8321f", "#e0b030", "#7a68b8", "#e8e2d8")))
    blade = material("grass", px // 4, dice.seed(), dice.pick(("#6f7d3a", "#8a8a4a", "#5a7035")))
    layers += [_verge(camera, depth, blade, petal, light, dice) for depth in (6.5, 4.2, 2.9)]
    layers += _barrier(dice, size, light)
    return draw(camera, layers)


def _verge(camera: Camera, depth: float, blade: Bitmap, petal: Bitmap, light: Light, dice: Dice) -> list[Body]:
    """A drift of tufts and flowers across the meadow."""
    plants: list[Body] = []
    middle = dice.between(-0.8, 0.8)
    for _ in range(8):
        x = (middle + dice.between(-0.6, 0.6)) * camera.half_x * depth
        foot, tall = (x, 0.0, depth + dice.between(-0.5, 0.5)), dice.between(0.2, 0.45)
        plants.append(tuft(foot, tall, blade, light, dice))
        if dice.chance(0.6):
            plants += flower_on_stem(foot, tall * dice.between(1.1, 1.5), blade, petal, light, dice)
    return plants


def _barrier(dice: Dice, size: Format, light: Light) -> list[list[Body]]:
    """The fence itself: one or two surfaces."""
    yaw = dice.sign() * dice.between(0.25, 0.75)
    place = turned((dice.between(-0.3, 0.3), 0.0, dice.between(1.5, 2.2)), yaw=yaw)
    wood = material(dice.pick(("planks", "wood", "bark")), size.texture_px, dice.seed())
    metal = _metal(dice, size.texture_px // 2)
    kind = dice.whole(0, 3)
    if kind == 0:
        boards = Body(Card(place, _pickets(dice)), _boards(lit(Material(wood, tile=1.1), light), 0.14, dice.seed()))
        behind = turned((place.origin[0] + 0.03 * math.sin(yaw), 0.0, place.origin[2] + 0.03 * math.cos(yaw)), yaw=yaw)
        rails = Body(Card(behind, _rails((0.35, 1.05), 0.045)), lit(Material(wood, tile=1.1, turned=True), light))
        return [[rails], [boards]]
    if kind == 1:
        bars = Card(place, _railing(dice), thin=True)
        return [
            [
                Body(
                    bars,
                    lit(
                        Material(metal, tile=0.6, gloss=0.3, polish=0.5),
                        light,
                    ),
                )
            ]
        ]
    if kind == 2:
        mesh = Card(place, _mesh(dice.between(0.05, 0.08), 0.0028), thin=True)
        post = Material(metal, tile=0.8)
        step = dice.between(1.1, 1.6)
        posts = [
            Body(cylinder(Place(place.point((k + 0.3) * step, 0.0, 0.04)), 0.03, 1.9), lit(post, light))
            for k in range(-2, 4)
        ]
        return [posts, [Body(mesh, lit(Material(metal, tile=0.6, gloss=0.5, polish=0.4), light))]]
    wires = Card(place, _wires(dice), thin=True)
    step = dice.between(1.0, 1.5)
    posts = []
    for k in range(-2, 4):
        top = dice.between(1.35, 1.5)
        foot = turned(place.point((k + 0.2) * step, -0.05, 0.07), roll=dice.between(-0.05, 0.05))
        posts.append(Body(cylinder(foot, dice.between(0.05, 0.065), top), lit(Material(wood, tile=0.6), light)))
    return [posts, [Body(wires, lit(Material(metal, tile=0.6), light))]]


def _metal(dice: Dice, texture_px: int) -> Bitmap:
    """Rusty, or painted."""
    if dice.chance(0.25):
        return material("rust", texture_px, dice.seed())
    paint = dice.pick(("#2a2c2e", "#33403a", "#3a2f2a", "#7d8284", "#2f4a3a", "#8a8580"))
    return material("glaze", texture_px, dice.seed(), paint)


def _pickets(dice: Dice) -> Outline:
    pitch, half, top = 0.14, dice.between(0.042, 0.055), dice.between(1.2, 1.4)
    pointed = dice.chance(0.6)

    def distance(x: Tensor, y: Tensor) -> Tensor:
        board = (x / pitch).round()
        u = (x - board * pitch).abs()
        uneven = 0.025 * torch.sin(12.9898 * board)
        cap = y - top - uneven + (u * 0.9 if pointed else 2.2 * u * u / half)
        return torch.maximum(u - half, 0.7 * cap)

    return distance


def _boards(paint: Paint, pitch: float, seed: int) -> Paint:
    """Every board a tone of its own, darker towards its edges."""

    def toned(hit: Hit) -> Tensor:
        board = (hit.uv[0] / pitch).round()
        u = (hit.uv[0] - board * pitch).abs() / pitch
        tone = 1.0 + 0.22 * torch.sin(78.233 * board + seed % 100)
        return paint(hit) * tone * (1.0 - 0.45 * smoothstep(0.25, 0.4, u))

    return toned


def _rails(heights: tuple[float, ...], half: float) -> Outline:
    def distance(x: Tensor, y: Tensor) -> Tensor:
        total = (y - heights[0]).abs() - half
        for height in heights[1:]:
            total = torch.minimum(total, (y - height).abs() - half)
        return total

    return distance


def _railing(dice: Dice) -> Outline:
    """Wrought iron: bars with spear heads, two rails, rings between them."""
    pitch, half = dice.between(0.11, 0.15), dice.between(0.007, 0.011)
    top = dice.between(1.3, 1.5)
    ringed = dice.chance(0.6)

    def distance(x: Tensor, y: Tensor) -> Tensor:
        u = (x - (x / pitch).round() * pitch).abs()
        bar = torch.maximum(u - half, y - top - 0.08)
        spear = (u / 0.028 + (y - top - 0.12).abs() / 0.07 - 1.0) * 0.02
        total = torch.minimum(torch.minimum(bar, spear), _rails((0.15, top - 0.22, top - 0.02), 0.014)(x, y))
        if ringed:
            v = ((x / pitch).floor() + 0.5) * pitch - x
            radius = (v * v + (y - top + 0.12) ** 2).sqrt()
            total = torch.minimum(total, (radius - 0.4 * pitch).abs() - 0.7 * half)
        return total

    return distance


def _mesh(pitch: float, half: float) -> Outline:
    """Chain link."""

    def distance(x: Tensor, y: Tensor) -> Tensor:
        a, b = (x + y) * math.sqrt(0.5), (x - y) * math.sqrt(0.5)
        a, b = (a - (a / pitch).round() * pitch).abs(), (b - (b / pitch).round() * pitch).abs()
        links = torch.minimum(a, b) - half
        return torch.maximum(torch.minimum(links, (y - 1.78).abs() - 1.6 * half), y - 1.78 - 2 * half)

    return distance


def _wires(dice: Dice) -> Outline:
    """Barbed wires that sag between posts."""
    heights = [0.4 + 0.24 * k + dice.between(-0.03, 0.03) for k in range(5)]
    sag = [dice.between(0.0, 0.03) for _ in heights]

    def distance(x: Tensor, y: Tensor) -> Tensor:
        total = torch.full_like(x, 1.0)
        near_barb = (x / 0.13 - (x / 0.13).round()).abs() * 0.13
        for height, depth in zip(heights, sag, strict=True):
            v = y - height + depth * torch.cos(2.2 * x)
            barb = torch.maximum((near_barb + v.abs() * 0.4) - 0.006, v.abs() - 0.02)
            total = torch.minimum(total, torch.minimum(v.abs() - 0.0035, barb))
        return total

    return distance
