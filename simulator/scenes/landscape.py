"""Landscapes: hills behind hills in the haze, and a fence before a meadow."""

import math
from collections.abc import Sequence
from functools import reduce

import torch
from torch import Tensor

from simulator.scenes.camera import FLOOR_AXES, Camera, Pose, Vector, pose_at
from simulator.scenes.light import Light, light_from_colors, unit_direction
from simulator.scenes.mipmap import MipMap, random_texture, textured
from simulator.scenes.outlines import net
from simulator.scenes.people import person
from simulator.scenes.raster import Primitive
from simulator.scenes.rng import Rng
from simulator.scenes.scenery import Flora, Ridge, day_sky, flower_on_stem, hill, skyline, spruce, tree, tuft
from simulator.scenes.shading import Hit, Material, Shader, hazed, lit, of_hit
from simulator.scenes.solids import Card, SkyDome, cylinder, ellipsoid, outline
from simulator.scenes.staging import Staging
from simulator.scenes.textures.pattern import linear, smoothstep

_GROUND = Pose((0.0, 0.0, 0.0), FLOOR_AXES)
_PITCH = 0.14  # from board to board of a fence, meters
_STRAW = "#6f7d3a #8a8a4a #5a7035"
_PETALS = "#c8321f #e0b030 #7a68b8 #e8e2d8"


def hills(frame: Camera, rng: Rng, light: Light | None = None) -> Staging:
    """Hills in the haze, spruces on their slopes, sometimes a lake; grasses and poppies close by."""
    camera = frame.view(focal=rng.uniform(1.0, 1.5), eye=rng.uniform(9.0, 14.0), pitch=rng.uniform(0.02, 0.1))
    px = frame.texture_px
    toward = unit_direction(rng.sign() * rng.uniform(0.9, 2.4), rng.uniform(0.25, 0.55))
    key, sky = (rng.word("#ffe0b0 #ffd090 #fff0d6"), rng.uniform(2.3, 2.9)), ("#b4c6de", rng.uniform(0.7, 0.85))
    light = light or light_from_colors(toward, key, sky, ground="#7a7a50", softness=0.03)
    air = linear(rng.word("#b9c9d9 #e3c9a8 #c9cfd6 #d9b8a8 #a9bdd0")) * 0.95
    dome = day_sky(rng, px, light)
    ridges = _ridges(camera, rng)
    wood = random_texture(rng, px, "canopy", "#4f6a3a #6b7a3f #3f5a40 #7d7a42 #8a6a38")
    meadow = random_texture(rng, px, "grass")
    skins = ((wood, 420.0), (wood, 230.0), (wood, 110.0), (meadow, 16.0), (meadow, 3.0))
    layers = [[Primitive(SkyDome(), dome)]]
    needles = random_texture(rng, px // 2, "canopy", "#2f4a33 #3a5230 #2a4238")
    lake = rng.chance(0.5)
    for k, (ridge, (skin, tile)) in enumerate(zip(ridges, skins, strict=True)):
        layers.append([hill(ridge, skin, tile, light, air, 420.0)])
        if k == 2 and lake:
            dark = 0.45 * air + 0.25 * wood.mean
            layers.append([Primitive(Card(_GROUND), _lake(camera, ridges[:3], dome, dark))])
        if k >= 2:
            trees = _wood(camera, ridge, rng, needles, light, k)
            layers.append([Primitive(made.solid, hazed(made.shader, air, 420.0)) for made in trees])
    layers.append(_rocks(camera, ridges[-1], rng, px, light))
    straw = random_texture(rng, px // 2, "grass", _STRAW)
    flora = Flora(straw, random_texture(rng, px // 2, "paper", _PETALS + " #d86a9a"), light)
    return Staging(camera, light, layers, [_foreground(camera, rng, flora, k) for k in range(4)])


def _ridges(camera: Camera, rng: Rng) -> list[Ridge]:
    """Crests from far and high to near and low; each slope runs down to about where the next hill begins."""
    depths = [1400.0, 620.0, 280.0, 130.0, rng.uniform(9.0, 13.0)]
    horizon = -math.tan(camera.pitch)
    levels = [horizon + share * (camera.half_y - horizon) for share in (-0.12, 0.02, 0.12, 0.3, 0.66)]
    heights = [0.12, 0.085, 0.06, 0.05, 0.045]
    ridges = []
    for k, (depth, level, height) in enumerate(zip(depths, levels, heights, strict=True)):
        below, nearer = (levels[k + 1], depths[k + 1]) if k < 4 else (level + 0.35, 2.6)
        slope = (0.8 / nearer - 1.0 / depth) / (below - level + 0.06)
        crest = skyline(rng, height * rng.uniform(0.7, 1.2), 0.5 if k < 3 else 0.36, level)
        ridges.append(Ridge(camera, crest, 1.0 / depth, slope, steep=k < 3))
    return ridges


def _on(camera: Camera, ridge: Ridge, across: float, drop: float) -> Vector:
    """Foot point on a hill: `drop` tangents below its crest."""
    a = across * camera.half_x
    b = float(ridge.top(torch.tensor([a], dtype=torch.float64))[0]) + drop
    depth = 1.0 / (ridge.crest + ridge.slope * drop)
    return camera.ahead(a * depth, -b * depth, depth * 0.995)


def _wood(camera: Camera, ridge: Ridge, rng: Rng, needles: MipMap, light: Light, k: int) -> list[Primitive]:
    """Trees in loose groups on a slope."""
    trees = []
    for _ in range((0, 0, 36, 12, 2)[k]):
        group = rng.choice((-0.8, -0.3, 0.1, 0.6)) + rng.within(0.35)
        foot = _on(camera, ridge, group, rng.uniform(0.003, 0.05) if k < 4 else 0.004)
        if foot[1] < 0.5:
            continue  # would stand in the lake
        height = rng.uniform(8.0, 14.0) * (1.0 if k < 4 else 0.2)
        if k == 3 and rng.chance(0.35):
            trees.append(tree(foot, 0.8 * height, 0.7 * height, needles, light, rng))
        else:
            trees.append(spruce(foot, height, needles, light, rng))
    return trees


@of_hit
def _lake(hit: Hit, camera: Camera, far: Sequence[Ridge], sky: Shader, dark: Tensor) -> Tensor:
    """Still water at y = 0: mirrors the sky, and the far hills as a color [3], what they fade to."""
    x, y, z = hit.view
    ripple = 0.012 * torch.sin(1.7 * hit.point[2] + 0.9 * hit.point[0]) * torch.sin(0.43 * hit.point[2])
    up = (-y + ripple).clamp(min=0.002)
    right, rise, ahead = camera.pose.vectors_to_local(torch.stack([x, up, z]))
    land = reduce(torch.maximum, [smoothstep(-0.004, 0.004, -rise / ahead - ridge.top(right / ahead)) for ridge in far])
    fresnel = 0.25 + 0.75 * (1.0 + y).clamp(0.0, 1.0) ** 4
    seen = sky(hit._replace(view=torch.stack([x, up, z])))
    return (seen + (dark[:, None] - seen) * land) * fresnel + 0.02


def _rocks(camera: Camera, ridge: Ridge, rng: Rng, px: int, light: Light) -> list[Primitive]:
    stone = Material(random_texture(rng, px, "concrete", "#8a8478 #77736d #98897a"), tile=0.7)
    rocks = []
    for _ in range(rng.integer(3, 6)):
        x, y, z = _on(camera, ridge, rng.within(1.0), rng.uniform(0.03, 0.2))
        radius = rng.uniform(0.18, 0.5)
        pose = pose_at((x, y + 0.2 * radius, z), yaw=rng.uniform(0.0, 3.0), roll=rng.within(0.4))
        rock = ellipsoid(pose, radius, radius * rng.uniform(0.5, 0.7), rng.uniform(0.6, 0.9))
        rocks.append(Primitive(rock, lit(stone, light)))
    return rocks


def _foreground(camera: Camera, rng: Rng, flora: Flora, k: int) -> list[Primitive]:
    """Grass tufts and flowers at the bottom of the picture: row k of four, from 4 to 0.8 m."""
    depth = 4.2 * (0.85 / 4.2) ** ((k + rng.uniform(0.0, 0.6)) / 4)
    plants: list[Primitive] = []
    for i in range(7):
        across = -1.15 + 2.3 * (i + rng.uniform(0.0, 1.0)) / 7
        if k == 3 and abs(across) < 0.45:
            continue  # keep the middle open
        foot = camera.point(across, 2.2, depth)  # below every frame
        tall = camera.half_y * depth * rng.uniform(1.3, 1.65)
        plants.append(tuft(flora, foot, tall, rng))
        if rng.chance(0.7):
            plants += flower_on_stem(flora, foot, tall * rng.uniform(1.0, 1.3), rng)
    return plants


def fence(frame: Camera, rng: Rng, light: Light | None = None) -> Staging:
    """A fence, railing or wires in front of a meadow with trees."""
    camera = frame.view(focal=rng.uniform(1.15, 1.5), eye=rng.uniform(1.2, 1.6), pitch=rng.uniform(0.0, 0.08))
    toward = unit_direction(rng.sign() * rng.uniform(1.6, 2.4), rng.uniform(0.35, 0.7))
    key, sky = (rng.word("#fff3da #ffe2b8 #fff8ea"), rng.uniform(1.8, 2.3)), ("#bcd0e6", rng.uniform(0.45, 0.65))
    light = light or light_from_colors(toward, key, sky, ground="#6f7a4a", softness=0.03)
    px = frame.texture_px
    air = linear(rng.word("#b4c8da #d9cdbc #c3d0d6"))
    grass = Material(random_texture(rng, px, "grass"), tile=2.5, drift=0.9)
    far = random_texture(rng, px, "canopy", "#5f7a4a #7d8a52 #4f6a4a")
    layers = [[Primitive(SkyDome(), day_sky(rng, px, light))]]
    for k, depth in enumerate((400.0, 160.0)):
        top = skyline(rng, 0.05 - 0.012 * k, 0.55, -camera.pitch - 0.045 + 0.025 * k)
        layers.append([hill(Ridge(camera, top, 1.0 / depth, 0.06), far, 90.0, light, air, 220.0)])
    layers.append([Primitive(Card(_GROUND), hazed(lit(grass, light), air, 150.0))])
    leaves = random_texture(rng, px, "canopy", "#3f5a2a #56702f #6b6f2f #7d5a2a")
    trees = [_lone_tree(camera, rng, leaves, light) for _ in range(rng.integer(3, 6))]
    layers.append([Primitive(made.solid, hazed(made.shader, air, 150.0)) for made in trees])
    petal = random_texture(rng, px // 2, "paper", _PETALS)
    flora = Flora(random_texture(rng, px // 2, "grass", _STRAW), petal, light)
    layers += [_drift(camera, depth, flora, rng) for depth in (6.5, 4.2, 2.9)]
    for z in sorted((rng.uniform(3.6, 12.0) for _ in range(rng.integer(0, 2))), reverse=True):
        body, head = person(rng, px // 2, rng.within(0.8) * camera.half_x * z, z)
        layers.append([Primitive(solid, lit(skin, light)) for solid, skin in body + head])
    return Staging(camera, light, layers, _barrier(rng, px, light))


def _lone_tree(camera: Camera, rng: Rng, leaves: MipMap, light: Light) -> Primitive:
    depth, height = rng.uniform(14.0, 45.0), rng.uniform(4.0, 7.0)
    foot = (rng.within(1.0) * camera.half_x * depth, 0.0, depth)
    if rng.chance(0.35):
        return spruce(foot, height * 1.2, leaves, light, rng)
    return tree(foot, height, height * 0.8, leaves, light, rng)


def _drift(camera: Camera, depth: float, flora: Flora, rng: Rng) -> list[Primitive]:
    """A drift of tufts and flowers across the meadow."""
    plants: list[Primitive] = []
    middle = rng.within(0.8)
    for _ in range(8):
        x = (middle + rng.within(0.6)) * camera.half_x * depth
        foot, tall = (x, 0.0, depth + rng.within(0.5)), rng.uniform(0.2, 0.45)
        plants.append(tuft(flora, foot, tall, rng))
        if rng.chance(0.6):
            plants += flower_on_stem(flora, foot, tall * rng.uniform(1.1, 1.5), rng)
    return plants


def _barrier(rng: Rng, px: int, light: Light) -> list[list[Primitive]]:
    """The fence itself: one or two surfaces."""
    yaw = rng.sign() * rng.uniform(0.25, 0.75)
    pose = pose_at((rng.within(0.3), 0.0, rng.uniform(1.5, 2.2)), yaw=yaw)
    wood = random_texture(rng, px, "planks wood bark")
    metal = _metal(rng, px)
    kind = rng.integer(0, 3)
    if kind == 0:
        half, top = rng.uniform(0.042, 0.055), rng.uniform(1.2, 1.4)
        boards = Card(pose, _pickets(half, top, rng.chance(0.6)))
        behind = pose_at((pose.origin[0] + 0.03 * math.sin(yaw), 0.0, pose.origin[2] + 0.03 * math.cos(yaw)), yaw=yaw)
        tones = _boards(lit(Material(wood, tile=1.1), light), rng.seed())
        across = lit(Material(wood, tile=1.1, grain_across=True), light)
        return [[Primitive(Card(behind, _rails((0.35, 1.05), 0.045)), across)], [Primitive(boards, tones)]]
    if kind == 1:
        railing = _railing(rng.uniform(0.11, 0.15), rng.uniform(0.007, 0.011), rng.uniform(1.3, 1.5), rng.chance(0.6))
        iron = Material(metal, tile=0.6, gloss=0.3, polish=0.5)
        return [[Primitive(Card(pose, railing, thin=True), lit(iron, light))]]
    if kind == 2:
        mesh = _mesh(rng.uniform(0.05, 0.08), 0.0028)
        step = rng.uniform(1.1, 1.6)
        feet = [Pose(pose.point_to_world((k + 0.3) * step, 0.0, 0.04)) for k in range(-4, 7)]
        posts = [Primitive(cylinder(foot, 0.03, 1.9), lit(Material(metal, tile=0.8), light)) for foot in feet]
        steel = Material(metal, tile=0.6, gloss=0.5, polish=0.4)
        return [posts, [Primitive(Card(pose, mesh, thin=True), lit(steel, light))]]
    heights = [0.4 + 0.24 * k + rng.within(0.03) for k in range(5)]
    wires = Card(pose, _wires(heights, [rng.uniform(0.0, 0.03) for _ in heights]), thin=True)
    step = rng.uniform(1.0, 1.5)
    posts = []
    for k in range(-4, 7):
        top = rng.uniform(1.35, 1.5)
        foot = pose_at(pose.point_to_world((k + 0.2) * step, -0.05, 0.07), roll=rng.within(0.05))
        posts.append(Primitive(cylinder(foot, rng.uniform(0.05, 0.065), top), lit(Material(wood, tile=0.6), light)))
    return [posts, [Primitive(wires, lit(Material(metal, tile=0.6), light))]]


def _metal(rng: Rng, texture_px: int) -> MipMap:
    """Rusty, or painted."""
    if rng.chance(0.25):
        return textured("rust", texture_px, rng.seed())
    code = rng.word("#2a2c2e #33403a #3a2f2a #7d8284 #2f4a3a #8a8580")
    return textured("glaze", texture_px, rng.seed(), code)


@outline
def _pickets(x: Tensor, y: Tensor, half: float, top: float, pointed: bool) -> Tensor:
    board = (x / _PITCH).round()
    u = (x - board * _PITCH).abs()
    uneven = 0.025 * torch.sin(12.9898 * board)
    cap = y - top - uneven + (u * 0.9 if pointed else 2.2 * u * u / half)
    return torch.maximum(u - half, 0.7 * cap)


@of_hit
def _boards(hit: Hit, shader: Shader, seed: int) -> Tensor:
    """A shader that varies the tone from board to board and darkens their edges."""
    board = (hit.uv[0] / _PITCH).round()
    u = (hit.uv[0] - board * _PITCH).abs() / _PITCH
    tone = 1.0 + 0.22 * torch.sin(78.233 * board + seed % 100)
    return shader(hit) * tone * (1.0 - 0.45 * smoothstep(0.25, 0.4, u))


@outline
def _rails(x: Tensor, y: Tensor, heights: tuple[float, ...], half: float) -> Tensor:
    return reduce(torch.minimum, [(y - height).abs() - half for height in heights])


@outline
def _railing(x: Tensor, y: Tensor, pitch: float, half: float, top: float, ringed: bool) -> Tensor:
    """Wrought iron: bars with spear heads, two rails, rings between them."""
    u = (x - (x / pitch).round() * pitch).abs()
    bar = torch.maximum(u - half, y - top - 0.08)
    spear = (u / 0.028 + (y - top - 0.12).abs() / 0.07 - 1.0) * 0.02
    total = torch.minimum(torch.minimum(bar, spear), _rails((0.15, top - 0.22, top - 0.02), 0.014)(x, y))
    if ringed:
        v = ((x / pitch).floor() + 0.5) * pitch - x
        radius = (v * v + (y - top + 0.12) ** 2).sqrt()
        total = torch.minimum(total, (radius - 0.4 * pitch).abs() - 0.7 * half)
    return total


@outline
def _mesh(x: Tensor, y: Tensor, pitch: float, half: float) -> Tensor:
    """Chain link."""
    links = net(pitch, half)(x, y)
    return torch.maximum(torch.minimum(links, (y - 1.78).abs() - 1.6 * half), y - 1.78 - 2 * half)


@outline
def _wires(x: Tensor, y: Tensor, heights: Sequence[float], sags: Sequence[float]) -> Tensor:
    """Barbed wires that sag between posts."""
    total = torch.full_like(x, 1.0)
    near_barb = (x / 0.13 - (x / 0.13).round()).abs() * 0.13
    for height, sag in zip(heights, sags, strict=True):
        v = y - height + sag * torch.cos(2.2 * x)
        barb = torch.maximum((near_barb + v.abs() * 0.4) - 0.006, v.abs() - 0.02)
        total = torch.minimum(total, torch.minimum(v.abs() - 0.0035, barb))
    return total
