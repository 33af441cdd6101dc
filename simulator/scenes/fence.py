"""Fences, railings and wires in front of a landscape."""

import math
from functools import reduce

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
from simulator.scenes.solids import Card, Outline, SkyDome, cylinder
from simulator.scenes.textures.pattern import linear, smoothstep


def fence(size: FrameSize, rng: Rng) -> LayeredDepthImage:
    camera = size.camera(focal=rng.uniform(1.15, 1.5), eye=rng.uniform(1.2, 1.6), pitch=rng.uniform(0.0, 0.08))
    light = light_from_colors(
        unit_direction(rng.sign() * rng.uniform(1.6, 2.4), rng.uniform(0.35, 0.7)),
        key=(rng.word("#fff3da #ffe2b8 #fff8ea"), rng.uniform(1.8, 2.3)),
        sky=("#bcd0e6", rng.uniform(0.45, 0.65)),
        ground="#6f7a4a",
        softness=0.03,
    )
    px = size.texture_px
    air = linear(rng.word("#b4c8da #d9cdbc #c3d0d6"))
    grass = random_texture(rng, px, "grass")
    far = random_texture(rng, px // 2, "canopy", "#5f7a4a #7d8a52 #4f6a4a")
    layers = [[Primitive(SkyDome(), day_sky(rng, px, light))]]
    for k, depth in enumerate((400.0, 160.0)):
        top = skyline(rng, 0.05 - 0.012 * k, 0.55, -camera.pitch - 0.045 + 0.025 * k)
        layers.append([hill(Ridge(camera, top, 1.0 / depth, 0.06), far, 90.0, light, air, 220.0)])
    meadow = Pose((0.0, 0.0, 0.0), FLOOR_AXES)
    layers.append([Primitive(Card(meadow), hazed(lit(Material(grass, tile=2.5, drift=0.9), light), air, 150.0))])
    leaves = random_texture(rng, px // 2, "canopy", "#3f5a2a #56702f #6b6f2f #7d5a2a")
    trees = []
    for _ in range(rng.integer(3, 6)):
        depth = rng.uniform(14.0, 45.0)
        height = rng.uniform(4.0, 7.0)
        foot = (rng.within(1.0) * camera.half_x * depth, 0.0, depth)
        if rng.chance(0.35):
            made = spruce(foot, height * 1.2, leaves, light, rng)
        else:
            made = tree(foot, height, height * 0.8, leaves, light, rng)
        trees.append(Primitive(made.solid, hazed(made.shader, air, 150.0)))
    layers.append(trees)
    petal = random_texture(rng, px // 4, "paper", "#c8321f #e0b030 #7a68b8 #e8e2d8")
    blade = random_texture(rng, px // 4, "grass", "#6f7d3a #8a8a4a #5a7035")
    layers += [_verge(camera, depth, blade, petal, light, rng) for depth in (6.5, 4.2, 2.9)]
    layers += _barrier(rng, size, light)
    return render_layers(camera, layers)


def _verge(camera: Camera, depth: float, blade: MipMap, petal: MipMap, light: Light, rng: Rng) -> list[Primitive]:
    """A drift of tufts and flowers across the meadow."""
    plants: list[Primitive] = []
    middle = rng.within(0.8)
    for _ in range(8):
        x = (middle + rng.within(0.6)) * camera.half_x * depth
        foot, tall = (x, 0.0, depth + rng.within(0.5)), rng.uniform(0.2, 0.45)
        plants.append(tuft(foot, tall, blade, light, rng))
        if rng.chance(0.6):
            plants += flower_on_stem(foot, tall * rng.uniform(1.1, 1.5), blade, petal, light, rng)
    return plants


def _barrier(rng: Rng, size: FrameSize, light: Light) -> list[list[Primitive]]:
    """The fence itself: one or two surfaces."""
    yaw = rng.sign() * rng.uniform(0.25, 0.75)
    pose = pose_at((rng.within(0.3), 0.0, rng.uniform(1.5, 2.2)), yaw=yaw)
    wood = random_texture(rng, size.texture_px, "planks wood bark")
    metal = _metal(rng, size.texture_px // 2)
    kind = rng.integer(0, 3)
    if kind == 0:
        boards = Primitive(Card(pose, _pickets(rng)), _boards(lit(Material(wood, tile=1.1), light), 0.14, rng.seed()))
        behind = pose_at((pose.origin[0] + 0.03 * math.sin(yaw), 0.0, pose.origin[2] + 0.03 * math.cos(yaw)), yaw=yaw)
        across = Material(wood, tile=1.1, grain_across=True)
        rails = Primitive(Card(behind, _rails((0.35, 1.05), 0.045)), lit(across, light))
        return [[rails], [boards]]
    if kind == 1:
        bars = Card(pose, _railing(rng), thin=True)
        return [[Primitive(bars, lit(Material(metal, tile=0.6, gloss=0.3, polish=0.5), light))]]
    if kind == 2:
        mesh = Card(pose, _mesh(rng.uniform(0.05, 0.08), 0.0028), thin=True)
        post = Material(metal, tile=0.8)
        step = rng.uniform(1.1, 1.6)
        posts = [
            Primitive(cylinder(Pose(pose.point_to_world((k + 0.3) * step, 0.0, 0.04)), 0.03, 1.9), lit(post, light))
            for k in range(-2, 4)
        ]
        return [posts, [Primitive(mesh, lit(Material(metal, tile=0.6, gloss=0.5, polish=0.4), light))]]
    wires = Card(pose, _wires(rng), thin=True)
    step = rng.uniform(1.0, 1.5)
    posts = []
    for k in range(-2, 4):
        top = rng.uniform(1.35, 1.5)
        foot = pose_at(pose.point_to_world((k + 0.2) * step, -0.05, 0.07), roll=rng.within(0.05))
        posts.append(Primitive(cylinder(foot, rng.uniform(0.05, 0.065), top), lit(Material(wood, tile=0.6), light)))
    return [posts, [Primitive(wires, lit(Material(metal, tile=0.6), light))]]


def _metal(rng: Rng, texture_px: int) -> MipMap:
    """Rusty, or painted."""
    if rng.chance(0.25):
        return random_texture(rng, texture_px, "rust")
    code = rng.word("#2a2c2e #33403a #3a2f2a #7d8284 #2f4a3a #8a8580")
    return textured("glaze", texture_px, rng.seed(), code)


def _pickets(rng: Rng) -> Outline:
    pitch, half, top = 0.14, rng.uniform(0.042, 0.055), rng.uniform(1.2, 1.4)
    pointed = rng.chance(0.6)

    def distance(x: Tensor, y: Tensor) -> Tensor:
        board = (x / pitch).round()
        u = (x - board * pitch).abs()
        uneven = 0.025 * torch.sin(12.9898 * board)
        cap = y - top - uneven + (u * 0.9 if pointed else 2.2 * u * u / half)
        return torch.maximum(u - half, 0.7 * cap)

    return distance


def _boards(shader: Shader, pitch: float, seed: int) -> Shader:
    """A shader that varies the tone from board to board and darkens their edges."""

    def toned(hit: Hit) -> Tensor:
        board = (hit.uv[0] / pitch).round()
        u = (hit.uv[0] - board * pitch).abs() / pitch
        tone = 1.0 + 0.22 * torch.sin(78.233 * board + seed % 100)
        return shader(hit) * tone * (1.0 - 0.45 * smoothstep(0.25, 0.4, u))

    return toned


def _rails(heights: tuple[float, ...], half: float) -> Outline:
    return lambda x, y: reduce(torch.minimum, [(y - height).abs() - half for height in heights])


def _railing(rng: Rng) -> Outline:
    """Wrought iron: bars with spear heads, two rails, rings between them."""
    pitch, half = rng.uniform(0.11, 0.15), rng.uniform(0.007, 0.011)
    top = rng.uniform(1.3, 1.5)
    ringed = rng.chance(0.6)

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


def _wires(rng: Rng) -> Outline:
    """Barbed wires that sag between posts."""
    heights = [0.4 + 0.24 * k + rng.within(0.03) for k in range(5)]
    sag = [rng.uniform(0.0, 0.03) for _ in heights]

    def distance(x: Tensor, y: Tensor) -> Tensor:
        total = torch.full_like(x, 1.0)
        near_barb = (x / 0.13 - (x / 0.13).round()).abs() * 0.13
        for height, depth in zip(heights, sag, strict=True):
            v = y - height + depth * torch.cos(2.2 * x)
            barb = torch.maximum((near_barb + v.abs() * 0.4) - 0.006, v.abs() - 0.02)
            total = torch.minimum(total, torch.minimum(v.abs() - 0.0035, barb))
        return total

    return distance
