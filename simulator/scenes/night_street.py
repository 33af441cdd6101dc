"""A street at night: a person seen from behind, wet asphalt, lit windows, and many small bright lights."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from simulator.scenes.camera import FLOOR_AXES, Camera, Pose, Vector, pose_at, side_axes
from simulator.scenes.light import Light, light_from_colors, unit_direction
from simulator.scenes.mipmap import MipMap, random_texture, textured
from simulator.scenes.outlines import houses, line, rectangle
from simulator.scenes.people import person
from simulator.scenes.raster import Primitive
from simulator.scenes.rng import Rng
from simulator.scenes.scenery import clear_sky
from simulator.scenes.shading import Hit, Material, Shader, globe, lit, of_hit
from simulator.scenes.solids import Card, SkyDome, sphere
from simulator.scenes.staging import Layers, Staging
from simulator.scenes.textures.noise import hash_uniform
from simulator.scenes.textures.pattern import linear, smoothstep

_BULBS = ("#ffb45e", "#ffd9a0", "#ffe9c9", "#ff8a3c", "#fff1de")
_NEON = ("#ff3b5c", "#37c8ff", "#6effa8", "#ff5ad1", "#ffd23c", "#7a6bff")
_HALF_STREET = 6.0


def night_street(frame: Camera, rng: Rng, light: Light | None = None) -> Staging:
    camera = frame.view(focal=rng.uniform(1.2, 1.5), eye=1.62, pitch=rng.uniform(-0.05, 0.03))
    px = frame.texture_px
    dusk = rng.choice(("#101a33 #4a3a55", "#0a1020 #2a3350", "#141c3c #7a4a4a", "#0c1424 #35303a"))
    toward = unit_direction(rng.sign() * rng.uniform(0.7, 1.2), 0.5)
    key, sky = ("#ffc27a", 1.3), ("#6a80b8", 0.3)
    night = light or light_from_colors(toward, key, sky, ground="#6b5a48", softness=0.2)
    bulbs, cords = _lights(camera, rng)
    zenith, horizon = (linear(code) for code in dusk.split())
    layers = [[Primitive(SkyDome(), clear_sky(zenith, horizon, 0.15))]]
    layers += _houses(rng, px, night)
    layers.append([Primitive(Card(Pose((0.0, 0.0, 0.0), FLOOR_AXES)), _asphalt(rng, px, night, bulbs))])
    iron = lit(Material(textured("glaze", px // 4, 1, "#2c3033"), tile=0.5), night)
    layers += [_lamps(slot, iron) for slot in bulbs if slot]
    layers.append([Primitive(cord, iron) for cord in cords])
    side = rng.sign()
    front = light_from_colors(night.toward, key=("#ffc890", 2.2), sky=("#8a9ac8", 0.35), ground="#7a6048", softness=0.2)
    people: Layers = []
    for low, high in sorted(rng.shuffled(((7.0, 12.0), (2.4, 4.0), (1.3, 2.2)))[: rng.integer(1, 3)], reverse=True):
        side, z = -side, rng.uniform(low, high)
        x = side * rng.uniform(0.1, 0.7) * camera.half_x * z
        pieces = person(rng, 2 * px if z < 4.0 else px // 2, x, z, wintry=True)
        people += [[Primitive(solid, lit(look, front)) for solid, look in piece] for piece in pieces]
    return Staging(camera, front, layers, people)


class Bulb(NamedTuple):
    """A lamp and the light [3] that it sends out."""

    center: Vector
    radius: float
    light: Tensor
    on_pole: bool = False


def _lights(camera: Camera, rng: Rng) -> tuple[list[list[Bulb]], list[Card]]:
    """Lamps along both curbs, cars, strings across the street, in slots of depth; the cords of the strings."""
    slots: list[list[Bulb]] = [[] for _ in range(5)]
    cords: list[Card] = []

    def add(center: Vector, radius: float, code: str, strength: float, on_pole: bool = False) -> None:
        depth = max(camera.depth(center), 3.0)
        slot = slots[min(4, int(5 * math.log(depth / 3.0) / math.log(40.0)))]
        if all(math.dist(center, other.center) > 2.2 * radius for other in slot):
            slot.append(Bulb(center, radius, linear(code) * strength, on_pole))

    lamp_color = rng.choice(_BULBS)
    step = rng.uniform(7.0, 10.0)
    for k in range(9):
        z = 5.0 + rng.uniform(0.0, 0.5) + k * step
        for side in (-1.0, 1.0):
            add((side * (_HALF_STREET - 1.2), 4.2, z), 0.16, lamp_color, rng.uniform(18.0, 40.0), True)
    for _ in range(rng.integer(3, 6)):
        x, z = rng.within(3.0), rng.uniform(8.0, 70.0)
        code, strength = ("#fff0d8", 30.0) if x > 0 else ("#ff2a1a", 9.0)
        for side in (-0.65, 0.65):
            add((x + side, 0.65, z), 0.09, code, strength)
    for _ in range(rng.integer(2, 4)):
        z, colors = rng.uniform(4.5, 20.0), rng.shuffled(_BULBS + _NEON)[:4]
        sag, height = rng.uniform(0.4, 1.0), rng.uniform(2.7, 3.6)
        count = rng.integer(14, 24)
        cords.append(_cord(z, height, sag))
        for k in range(count):
            t = 2.0 * (k + 0.5) / count - 1.0
            place = (t * _HALF_STREET, height - sag * (1.0 - t * t), z + 0.8 * t)
            add(place, 0.045, colors[k % 4], rng.uniform(6.0, 16.0))
    for _ in range(rng.integer(10, 18)):
        side, z = rng.sign(), rng.uniform(6.0, 60.0)
        pose = (side * (_HALF_STREET - 0.4), rng.uniform(1.0, 3.6), z)
        add(pose, rng.uniform(0.06, 0.16), rng.choice(_NEON + _BULBS), rng.uniform(3.0, 12.0))
    return slots, cords


def _cord(z: float, height: float, sag: float) -> Card:
    """The sagging cord of a string of bulbs, which hang half a bulb below it."""
    yaw, half = -math.atan2(0.8, _HALF_STREET), math.hypot(_HALF_STREET, 0.8)
    extent = (-half, half, height - sag, height + 0.05)
    return Card(
        pose_at((0.0, 0.0, z), yaw=yaw),
        lambda x, y: (y - 0.045 - height + sag * (1.0 - (x / half) ** 2)).abs() - 0.006,
        extent,
        thin=True,
    )


def _lamps(slot: Sequence[Bulb], iron: Shader) -> list[Primitive]:
    """Bulbs, then their poles."""
    lamps = [Primitive(sphere(bulb.center, bulb.radius), globe(bulb.light)) for bulb in slot]
    for (x, y, z), radius, _, on_pole in slot:
        if on_pole:
            pole = line(0.0, 0.0, 0.0, y - radius, 0.045)
            foot = Pose((x, 0.0, z + 0.5 * radius))
            lamps.append(Primitive(Card(foot, pole, (-0.06, 0.06, -0.06, y), thin=True), iron))
    return lamps


def _houses(rng: Rng, px: int, night: Light) -> list[list[Primitive]]:
    """Two rows of fronts that run away from the camera, and one across the end of the street."""
    rows = []
    for side in (-1.0, 1.0):
        front = Pose((side * _HALF_STREET, 0.0, 0.0), side_axes(side))
        wall = random_texture(rng, px, "brick ashlar plaster")
        roofs = [rng.uniform(7.0, 13.0) for _ in range(12)]
        row = Card(front, houses(roofs, 9.0, 90.0), (-1.0, 90.0, 0.0, max(roofs)))
        rows.append([Primitive(row, _front(wall, night, rng))])
    end = Pose((0.0, 0.0, rng.uniform(75.0, 95.0)))
    wall = random_texture(rng, px // 2, "concrete")
    half_y = rng.uniform(9.0, 20.0)
    across = Card(end, rectangle(14.0, half_y), (-14.0, 14.0, 0.0, half_y))
    return [[Primitive(across, _front(wall, night, rng))], *rows]


def _front(wall: MipMap, night: Light, rng: Rng) -> Shader:
    return _with_windows(lit(Material(wall, tile=4.0), night), rng.seed(), rng.uniform(0.3, 0.5))


@of_hit
def _with_windows(hit: Hit, base: Shader, seed: int, share: float) -> Tensor:
    """Rows of windows, a share of them lit, with things on shelves; shop windows on the ground floor."""
    warm = torch.stack([linear(code) for code in ("#ffb45e", "#ffd08a", "#ffe6bd", "#cfe0ff", "#ff9a4a")], dim=1)
    x, y = hit.uv[0] / 1.8, -hit.uv[1]
    shop = y < 3.2
    x = torch.where(shop, x * 0.6, x)
    y = torch.where(shop, y / 3.2, 1.0 + (y - 3.2) / 2.6)
    bay, row = x.floor(), y.floor()
    u, v = (x - bay - 0.5).abs(), (y - row - 0.52).abs()
    half_u, half_v = torch.where(shop, 0.43, 0.24), torch.where(shop, 0.36, 0.32)
    pane = smoothstep(0.02, -0.02, u - half_u) * smoothstep(0.02, -0.02, v - half_v)
    bars = smoothstep(0.012, 0.03, torch.minimum(u, torch.where(shop, v + 1.0, (v - 0.08).abs())))
    index = (row * 977.0 + bay).long()
    on = hash_uniform(index, seed) < torch.where(shop, 0.8, share)
    color = warm[:, (hash_uniform(index, seed + 1) * 4.99).long()]
    strength = 0.35 + 1.8 * hash_uniform(index, seed + 2) ** 2
    curtain = 0.6 + 0.4 * smoothstep(0.0, 0.25, u) + 0.5 * (y - row)
    shelf = (7.0 * y).floor()
    goods = hash_uniform((11.0 * x + 0.37 * shelf).floor().long() + 8192 * shelf.long(), seed + 3)
    near = smoothstep(0.12, 0.02, hit.footprint)  # shelves finer than a sample are left out
    inside = torch.where(on, strength * curtain * (1.0 - 0.75 * near * goods**2), 0.012)
    glow = 0.5 * torch.where(shop, 1.0, 0.0) * smoothstep(0.0, 0.8, 1.0 - y)
    return base(hit) * (1.0 + glow) * (1.0 - pane) + color * inside * pane * (0.2 + 0.8 * bars)


def _asphalt(rng: Rng, px: int, night: Light, slots: Sequence[Sequence[Bulb]]) -> Shader:
    road = Material(random_texture(rng, px, "gravel", "#4a4b4f"), tile=1.6, drift=0.6)
    setts = Material(random_texture(rng, px, "cobble"), tile=1.8, drift=0.4)
    wet = rng.uniform(0.5, 1.0)
    mirrored = [bulb for slot in slots for bulb in slot if bulb.radius > 0.07 or bulb.center[2] < 12.0]
    return _wet(road, setts, night, rng.shuffled(mirrored)[:26], wet)


@of_hit
def _wet(hit: Hit, road: Material, setts: Material, night: Light, mirrored: Sequence[Bulb], wet: float) -> Tensor:
    """Wet road: bulbs mirrored as upright streaks, broken by the grain; pavement setts beyond the curbs."""
    grain = road.color(hit)
    albedo = grain + (setts.color(hit) - grain) * smoothstep(3.9, 4.0, hit.point[0].abs())
    color = albedo * (0.32 * night.key + night.sky)[:, None]
    x, y, z = hit.view
    rough = (grain[1] / road.mipmap.mean[1] - 1.0).clamp(-0.6, 0.6)
    x, z, y = x / 0.022, z / 0.022, (y + 0.10 * rough) / 0.085  # in widths of a streak
    for center, radius, light, _ in mirrored:
        dx, dy, dz = (c - p for c, p in zip(center, hit.point, strict=True))
        near = (dx * dx + dy * dy + dz * dz).clamp_(min=0.05).rsqrt_()
        aside = (dx * z - dz * x) * near  # mirrored about the ground: only y of the view turns over
        rise = dy * near * (1.0 / 0.085) + y
        spot = ((aside * aside + 1.0) * (rise * rise + 1.0)).reciprocal_() * (dz > 0)
        for channel, strength in zip(color, (wet * (0.012 + 0.25 * radius * radius) * light).tolist(), strict=True):
            channel.add_(strength * spot)
    return color
