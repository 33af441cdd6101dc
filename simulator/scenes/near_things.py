"""Things close to the camera at the picture's top and sides: twigs, posts, panes, nets, lamps, signs, awnings.

Foregrounds stand on floors, so they are near at the bottom of the picture; these are near elsewhere.
"""

import math

import torch
from torch import Tensor

from simulator.scenes.camera import Camera, Pose, pose_at
from simulator.scenes.foliage import growth, twig
from simulator.scenes.furniture import pendant
from simulator.scenes.light import Light
from simulator.scenes.mipmap import MipMap, random_texture
from simulator.scenes.outlines import net, scallops
from simulator.scenes.raster import Primitive
from simulator.scenes.rng import Rng
from simulator.scenes.shading import Hit, Material, glowing, lit, of_hit
from simulator.scenes.solids import Box, Card, cylinder
from simulator.scenes.staging import Layers
from simulator.scenes.textures.noise import hash_uniform
from simulator.scenes.textures.pattern import smoothstep

_SHARE = 0.55  # of the scenes that get any
_REACH = 3.0  # half frames from the center: beyond every margin


def near_things(rng: Rng, camera: Camera, light: Light, nearest: float) -> Layers:
    """None, one or two of them before a picture; nearest: depth of what is nearest without them, meters."""
    layers: Layers = []
    if not rng.chance(_SHARE):
        return layers
    for _ in range(rng.choice((1, 1, 2))):
        depth = min(2.5, max(0.5, nearest)) * rng.uniform(0.75, 1.15)
        layers += rng.choice((_twigs, _twigs, _post, _window, _net, _lamp, _sign, _awning))(rng, camera, light, depth)
    return layers


def _twigs(rng: Rng, camera: Camera, light: Light, depth: float) -> Layers:
    """Leaves that hang in from above or from a side."""
    shared = growth(rng, light, camera.texture_px // 2, length=depth * camera.half_x * rng.uniform(0.2, 0.4))
    return [twig(shared, camera, rng, depth * (1.0 + 0.3 * k), crowd=1.0, falls=0.7) for k in range(rng.integer(1, 2))]


def _post(rng: Rng, camera: Camera, light: Light, depth: float) -> Layers:
    """A column, trunk or post from below the picture to above it; sometimes a beam rests on it."""
    skin = Material(random_texture(rng, camera.texture_px, "bark wood plaster concrete planks marble"), tile=0.8)
    pose = _upright(camera, rng.sign() * rng.uniform(0.45, 0.95), 0.0, depth)
    half = depth * camera.half_x * rng.uniform(0.12, 0.28)
    turned = pose_at(pose.origin, yaw=rng.within(0.7))
    if rng.chance(0.5):
        foot = Pose(pose.point_to_world(0.0, -4.0, 0.0))
        return [[Primitive(cylinder(foot, half, 8.0), lit(skin, light))]]
    parts = [Primitive(Box(turned, (half, 4.0, half)), lit(skin, light))]
    if rng.chance(0.6):
        beam = Pose(turned.point_to_world(0.0, rng.uniform(0.6, 0.9) * camera.half_y * depth, 0.0), turned.axes)
        parts.append(Primitive(Box(beam, (6.0 * depth, 0.7 * half, 0.6 * half)), lit(skin, light)))
    return [parts]


def _window(rng: Rng, camera: Camera, light: Light, depth: float) -> Layers:
    """A window or door that we look through: bars and jambs around a pane of glass, clean, dusty or wet."""
    paint = random_texture(rng, camera.texture_px // 2, "wood glaze", "#d8d2c4 #4a3a2a #2f3a36 #7a6a55")
    pose = _upright(camera, rng.within(0.3), rng.within(0.3), depth)
    pose = pose_at(pose.origin, yaw=rng.within(0.6))
    unit_x, unit_y = depth * camera.half_x, depth * camera.half_y
    thick = 0.04 * unit_x * rng.uniform(0.8, 2.0)
    bars = [(rng.sign() * rng.uniform(0.3, 0.9) * unit_x, 0.0, thick, 9.0)]
    bars.append((0.0, rng.uniform(0.2, 0.8) * unit_y, 9.0, thick))
    frame = [
        Primitive(
            Box(Pose(pose.point_to_world(x, y, 0.0), pose.axes), (a, b, thick)), lit(Material(paint, tile=0.7), light)
        )
        for x, y, a, b in bars[: rng.integer(1, 2)]
    ]
    dust = random_texture(rng, camera.texture_px, "clouds")
    pane = Primitive(
        Card(pose),
        glowing((0.5 * light.key + light.sky) * rng.uniform(0.1, 0.25)),
        _glass(dust, rng.uniform(0.03, 0.16), rng.choice((0.0, 0.0, 0.025)) * depth, rng.seed()),
    )
    return [[pane], frame]


@of_hit
def _glass(hit: Hit, dust: MipMap, haze: float, drops: float, seed: int) -> Tensor:
    """Coverage [n] of a pane: thin haze, wiped streaks, drops of at most `drops` meters."""
    streak = dust.sample(torch.stack([0.6 * hit.uv[0] + 0.35 * hit.uv[1], 2.5 * hit.uv[1]]), hit.footprint)[1]
    cover = haze * (0.6 + 1.2 * smoothstep(0.45, 0.8, streak))
    if drops:
        x, y = hit.uv / (2.0 * drops)
        cell = (x.floor() * 7919.0 + y.floor()).long()
        size = 0.5 * hash_uniform(cell, seed) ** 2
        u, v = ((place - place.floor() - 0.5) for place in (x, y))
        shift = 0.5 - size
        u = u - shift * (2.0 * hash_uniform(cell, seed + 1) - 1.0)
        v = v - shift * (2.0 * hash_uniform(cell, seed + 2) - 1.0)
        cover = cover + 0.25 * smoothstep(0.0, -0.1, (u * u + v * v).sqrt() - size)
    return cover.clamp(max=0.45)  # the pane is never what a picture's disparity shows


def _net(rng: Rng, camera: Camera, light: Light, depth: float) -> Layers:
    """Netting or a veil before a part of the picture."""
    cloth = Material(random_texture(rng, 64, "weave", "#e6e0d4 #2a2a2e #4f6a4a #b8a98c"), tile=0.4)
    pitch = depth / camera.focal_px * camera.long_side * rng.uniform(0.006, 0.03)
    mesh, wave = net(pitch, pitch * rng.uniform(0.04, 0.09)), rng.uniform(2.0, 5.0) / (depth * camera.half_x)

    def draped(x: Tensor, y: Tensor) -> Tensor:
        rim = x - 0.02 * depth * torch.sin(wave * y)  # the hem is a cord
        return torch.maximum(torch.minimum(mesh(x, y), rim.abs() - 0.3 * pitch), rim - 0.3 * pitch)

    side = rng.sign()
    edge = _upright(camera, side * rng.uniform(-0.1, 0.7), 0.0, depth)
    pose = pose_at(edge.origin, yaw=math.pi * (side > 0) + rng.within(0.4), roll=rng.uniform(-0.2, 0.2))
    reach = _REACH * depth * max(camera.half_x, camera.half_y)
    return [[Primitive(Card(pose, draped, (-2.0 * reach, 0.1 * depth, -reach, reach), thin=True), lit(cloth, light))]]


def _lamp(rng: Rng, camera: Camera, light: Light, depth: float) -> Layers:
    """A lamp that hangs in from above."""
    size = depth * camera.half_x * rng.uniform(0.25, 0.45)
    place = _upright(camera, rng.within(0.8), -rng.uniform(0.25, 0.85), depth).origin
    enamel = Material(random_texture(rng, camera.texture_px // 2, "glaze"), tile=0.5, gloss=0.5, polish=0.12)
    return [pendant(place, size, place[1] + 6.0 * depth, lit(enamel, light))]


def _sign(rng: Rng, camera: Camera, light: Light, depth: float) -> Layers:
    """A printed board on two cords."""
    printed = random_texture(rng, camera.texture_px, "print", "#d8cfb8 #c9d4cf #d9b48a #8fa8b0 #b8705a")
    half_x, half_y = (depth * camera.half_x * rng.uniform(low, high) for low, high in ((0.25, 0.5), (0.12, 0.3)))
    place = _upright(camera, rng.within(0.8), -rng.uniform(0.35, 0.9), depth).origin
    pose = pose_at(place, yaw=rng.within(0.6), roll=rng.within(0.05))
    face = lit(Material(printed, tile=2.0 * half_x * rng.uniform(0.5, 1.1)), light)
    dark = glowing(0.03 * (light.key + light.sky))
    cords = [
        Box(Pose(pose.point_to_world(x, half_y + 3.0 * depth, 0.0)), (0.004 * depth, 3.0 * depth, 0.004 * depth))
        for x in (-0.8 * half_x, 0.8 * half_x)
    ]
    return [[Primitive(Box(pose, (half_x, half_y, 0.008 * depth)), face), *(Primitive(cord, dark) for cord in cords)]]


def _awning(rng: Rng, camera: Camera, light: Light, depth: float) -> Layers:
    """The valance of an awning across the top."""
    cloth = Material(random_texture(rng, camera.texture_px, "stripes plaid weave"), tile=0.5 * depth)
    high, wide = depth * camera.half_y * rng.uniform(0.4, 0.9), _REACH * depth * camera.half_x
    hem = _upright(camera, 0.0, -rng.uniform(0.5, 0.95), depth).origin
    pose = pose_at(hem, yaw=rng.within(0.5), roll=rng.within(0.08))
    tongues = scallops(wide, rng.uniform(0.03, 0.12) * depth, 9.0 * high)
    return [[Primitive(Card(pose, tongues, (-wide, wide, -0.2 * depth, 9.0 * high)), lit(cloth, light))]]


def _upright(camera: Camera, across: float, down: float, depth: float) -> Pose:
    """An upright pose at a place in the picture, in half frames from the center."""
    x, y, z = camera.point(across, down, depth)
    return Pose((x, y, z))
