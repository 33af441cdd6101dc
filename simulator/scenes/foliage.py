"""Foliage: leafy twigs and blossoms at many depths before a garden wall in dappled light."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from simulator.scenes.camera import Camera, Pose, Vector, pose_at
from simulator.scenes.light import Light, light_from_colors, unit_direction
from simulator.scenes.mipmap import MipMap, random_texture
from simulator.scenes.outlines import below, flower, leaf_blade, line, pierced
from simulator.scenes.raster import Primitive
from simulator.scenes.rng import FreeFloor, Rng
from simulator.scenes.scenery import day_sky, hedge
from simulator.scenes.shading import Hit, Material, Shader, lit, of_hit
from simulator.scenes.solids import Card, SkyDome
from simulator.scenes.staging import Staging
from simulator.scenes.textures.pattern import linear, smoothstep

_LEAVES = (
    "#4f8a35 #6ea043 #3f7a32",
    "#3c7040 #5b8f3f #7d9a3a",
    "#6b8f2e #94a63a #567f2f",
    "#a8632a #c98a35 #8a4526 #7a8a35",
    "#7a2f38 #94424a #5f7a3c",
)
_BLOSSOMS = ("#f2e6ea #e8b84a", "#e58aa5 #f2d06a", "#f4f0e0 #d9a83a", "#c96a9a #f0dca0", "#e8703a #5a2f22")


@dataclass(frozen=True)
class Growth:
    """What all twigs of a picture share."""

    light: Light
    blades: Sequence[MipMap]
    bark: Shader
    petal: MipMap
    heart: Tensor  # [3] color of a blossom's middle
    slim: float  # width of a leaf over its length
    length: float
    flowering: float


def foliage(frame: Camera, rng: Rng, light: Light | None = None) -> Staging:
    camera = frame.view(focal=rng.uniform(1.2, 1.5), eye=1.5, pitch=rng.within(0.08))
    toward = unit_direction(rng.sign() * rng.uniform(1.75, 2.4), rng.uniform(0.5, 0.85))
    key, sky = ("#fff0d0", rng.uniform(1.9, 2.5)), ("#c4d6e6", rng.uniform(0.5, 0.7))
    light = light or light_from_colors(toward, key, sky, ground="#5f6b42", softness=0.1)
    px = frame.texture_px
    wall = pose_at(camera.ahead(0.0, 0.0, rng.uniform(3.4, 4.6)), yaw=rng.within(0.5))
    skin = Material(random_texture(rng, px, "brick ashlar stone plaster planks brick"), tile=rng.uniform(1.5, 2.0))
    shared = growth(rng, light, px, rng.uniform(0.11, 0.17))
    layers: list[list[Primitive]] = []
    top = None
    if not rng.chance(0.5):
        top = below(rng.uniform(-0.1, 0.5))
        layers.append([Primitive(SkyDome(), day_sky(rng, px, light))])
        layers.append(hedge(rng, px, light, depth=rng.uniform(9.0, 14.0), base=-1.0, height=rng.uniform(3.0, 4.5)))
    layers.append([Primitive(Card(wall, top), lit(skin, light, _dapples([rng.uniform(0.0, 6.28) for _ in range(6)])))])
    layers.append([_leaf(shared, rng, pose, 0.9) for pose in _ivy_places(wall, rng)])
    depths = rng.depths(rng.integer(13, 17), far=3.0, near=0.62, bias=1.5)
    twigs = [twig(shared, camera, rng, depth, crowd=nearness) for nearness, depth in depths]
    return Staging(camera, light, layers, twigs)


def growth(rng: Rng, light: Light, px: int, length: float) -> Growth:
    """Leaves, bark and blossoms that go together; length: that of a leaf, meters."""
    blade = random_texture(rng, px, "leaf")
    petal, middle = rng.choice(_BLOSSOMS).split()
    return Growth(
        light=light,
        blades=[blade, *(blade.tinted(code) for code in rng.choice(_LEAVES).split())],
        bark=lit(Material(random_texture(rng, px // 2, "bark"), tile=0.3), light),
        petal=random_texture(rng, px // 2, "paper", petal),
        heart=linear(middle),
        slim=rng.uniform(0.35, 0.6),
        length=length,
        flowering=rng.choice((0.0, 0.0, 0.12, 0.25)),
    )


def twig(
    growth: Growth, camera: Camera, rng: Rng, depth: float, *, crowd: float, falls: float = 0.4
) -> list[Primitive]:
    """A bent twig that enters from outside the frame, leaves left and right in turn; none hides another.

    falls: share of those that come from above.
    """
    side = rng.sign()
    from_side = not rng.chance(falls)
    across = side * rng.uniform(1.5, 1.8) if from_side else rng.uniform(-1.2, 1.2)
    down = rng.uniform(-1.1, 1.0) if from_side else -1.35
    x, y, z = camera.point(across, down, depth)
    heading = math.atan2(rng.uniform(-0.6, 0.9) - (down < -1.2), -across) + rng.within(0.3)
    reach = rng.uniform(0.65, 1.2) * 2.0 * camera.half_x * depth * (1.0 if crowd < 0.75 else 0.55)
    step = growth.length * rng.uniform(0.42, 0.6)
    primitives: list[Primitive] = []
    bend = rng.within(0.12)
    for i in range(min(20, max(3, int(reach / step)))):
        dx, dy = step * math.cos(heading), step * math.sin(heading)
        primitives.append(_stem(growth, (x, y, z), dx, dy, 0.0035 + 0.0004 * max(0, 10 - i)))
        x, y, z = x + dx, y + dy, z + 0.06 * step
        heading += bend + rng.within(0.08)
        turn = heading + (1.0 if i % 2 else -1.0) * rng.uniform(0.7, 1.1)
        pose = pose_at((x, y, z - 0.01), yaw=rng.within(0.7), pitch=rng.within(0.5), roll=0.5 * math.pi - turn)
        if rng.chance(growth.flowering):
            pose = pose_at((x, y, z - 0.02), yaw=rng.within(0.5), pitch=rng.within(0.4))
            primitives.append(_blossom(growth, rng, pose))
        else:
            primitives.append(_leaf(growth, rng, pose, rng.uniform(0.75, 1.1)))
    return primitives


def _leaf(growth: Growth, rng: Rng, pose: Pose, scale: float) -> Primitive:
    length = growth.length * scale
    width = length * growth.slim
    outline = leaf_blade(length, width, bend=rng.within(0.15))
    if rng.chance(0.15):  # eaten by caterpillars
        bites = [(rng.within(0.4) * width, rng.uniform(0.2, 0.8) * length) for _ in range(4)]
        outline = pierced(outline, [(x, y, rng.uniform(0.02, 0.06) * length) for x, y in bites])
    reach = 0.75 * width + 0.15 * length
    card = Card(pose, outline, (-reach, reach, 0.0, length))
    blade, tone = rng.choice(growth.blades), rng.uniform(0.75, 1.2)
    return Primitive(card, _leaf_light(growth.light, blade, tone, length, width))


@of_hit
def _leaf_light(hit: Hit, light: Light, blade: MipMap, tone: float, length: float, width: float) -> Tensor:
    """A leaf lit from the front, or glowing green with the light that comes through; a little shiny."""
    uv = torch.stack([hit.uv[0] / (1.3 * width) + 0.5, hit.uv[1] / length])
    albedo = blade.surface(uv, hit.footprint / length) * tone
    facing = hit.normal[0] * light.toward[0] + hit.normal[1] * light.toward[1] + hit.normal[2] * light.toward[2]
    front, through = facing.clamp(min=0.0), (-facing).clamp(min=0.0) * 0.75
    around = light.around(0.5 + 0.5 * hit.normal[1])
    curl = 1.0 + 0.25 * (hit.uv[0] / width).clamp(-1.0, 1.0)
    glow = torch.stack([through * 1.05, through * 1.25, through * 0.35])
    return albedo * (light.key[:, None] * (front * curl + glow) + around) + light.key[:, None] * (0.06 * front**3)


def _blossom(growth: Growth, rng: Rng, pose: Pose) -> Primitive:
    radius = growth.length * rng.uniform(0.24, 0.34)
    card = Card(pose, flower(5, radius, rng.uniform(0.35, 0.5)), (-radius, radius, -radius, radius))
    return Primitive(card, _blossom_light(growth, radius))


@of_hit
def _blossom_light(hit: Hit, growth: Growth, radius: float) -> Tensor:
    r = (hit.uv[0] ** 2 + hit.uv[1] ** 2).sqrt() / radius
    petals = lit(Material(growth.petal, tile=0.2), growth.light)(hit) * (0.6 + 0.5 * smoothstep(0.0, 0.7, r))
    return petals + (growth.heart[:, None] * 0.9 - petals) * smoothstep(0.24, 0.16, r)


def _stem(growth: Growth, start: Vector, dx: float, dy: float, half_width: float) -> Primitive:
    left, right, low, high = min(0.0, dx), max(0.0, dx), min(0.0, dy), max(0.0, dy)
    extent = (left - half_width, right + half_width, low - half_width, high + half_width)
    return Primitive(Card(Pose(start), line(0.0, 0.0, dx, dy, half_width), extent, thin=True), growth.bark)


def _ivy_places(wall: Pose, rng: Rng) -> list[Pose]:
    """Leaves just off the wall, in a climbing swarm, none over another."""
    x, y = rng.uniform(-1.2, 1.2), -1.6
    poses: list[Pose] = []
    free = FreeFloor()
    lean = rng.within(0.25)
    for _ in range(90):
        a, b = x + rng.within(0.4), y + rng.uniform(0.0, 3.0)
        a += lean * b
        if free.take(a, b, 0.075):
            origin = wall.point_to_world(a, b, -0.06)
            yaw, pitch, roll = rng.within(0.6), rng.uniform(-0.2, 0.6), rng.uniform(1.8, 4.4)
            poses.append(pose_at(origin, yaw=yaw, pitch=pitch, roll=roll))
    return poses


@of_hit
def _dapples(hit: Hit, phases: Sequence[float]) -> tuple[Tensor, Tensor]:
    """Sunlight through a tree: soft round patches."""
    x, y = hit.uv
    a = torch.sin(2.1 * x + phases[0] + torch.sin(1.7 * y + phases[1]))
    a = a + torch.sin(2.6 * y + phases[2] + torch.sin(2.3 * x + phases[3]))
    b = torch.sin(5.7 * x + phases[4] + 1.3 * a) * torch.sin(6.3 * y + phases[5] - 1.1 * a)
    return 0.12 + 0.88 * smoothstep(-0.2, 0.7, 0.5 * a + 0.8 * b), torch.ones_like(x)
