"""Plants close by: tufts of grass, flowers on stems."""

import torch
from torch import Tensor

from simulator.scenes.camera import Pose, Vector, pose_at
from simulator.scenes.light import Light
from simulator.scenes.mipmap import MipMap
from simulator.scenes.outlines import flower, line
from simulator.scenes.raster import Primitive
from simulator.scenes.rng import Rng
from simulator.scenes.shading import Hit, Material, lit
from simulator.scenes.solids import Card
from simulator.scenes.textures.pattern import smoothstep


def tuft(foot: Vector, height: float, blade: MipMap, light: Light, rng: Rng) -> Primitive:
    """A fan of bent, tapering blades."""
    blades = [(rng.within(0.12), rng.within(0.5), rng.uniform(0.6, 1.0)) for _ in range(9)]

    def outline(x: Tensor, y: Tensor) -> Tensor:
        total = torch.full_like(x, 1e3)
        for start, bend, length in blades:
            t = (y / (height * length)).clamp(0.0, 1.0)
            middle = height * (start + bend * t * t)
            blade_half = 0.02 * height * (1.0 - t) ** 0.6
            total = torch.minimum(total, torch.maximum(((x - middle).abs() - blade_half) * 0.8, y - height * length))
        return torch.maximum(total, -y)

    card = Card(pose_at(foot, yaw=rng.within(0.3)), outline, (-0.7 * height, 0.7 * height, 0.0, height), thin=True)
    skin = Material(blade, tile=0.5 * height)
    tone = rng.uniform(0.8, 1.2)

    def shader(hit: Hit) -> Tensor:
        rise = (-hit.uv[1] / height).clamp(0.0, 1.0)
        return skin.color(hit) * (light.key[:, None] * (0.12 + 0.6 * rise) + light.sky[:, None]) * tone

    return Primitive(card, shader)


def flower_on_stem(
    foot: Vector, height: float, blade: MipMap, petal: MipMap, light: Light, rng: Rng
) -> list[Primitive]:
    lean = rng.within(0.15) * height
    stem = Card(
        Pose(foot),
        line(0.0, 0.0, lean, height, 0.008 * height),
        (min(0.0, lean) - 0.01, max(0.0, lean) + 0.01, 0.0, height),
        thin=True,
    )
    radius = rng.uniform(0.09, 0.15) * height
    top = pose_at((foot[0] + lean, foot[1] + height, foot[2] - 0.01), yaw=rng.within(0.6), pitch=rng.uniform(-0.7, 0.3))
    head = Card(top, flower(rng.integer(4, 7), radius, rng.uniform(0.2, 0.45)), (-radius, radius, -radius, radius))
    base = lit(Material(petal, tile=0.2), light)

    def shader(hit: Hit) -> Tensor:
        r = (hit.uv[0] ** 2 + hit.uv[1] ** 2).sqrt() / radius
        return (base(hit) + 0.25 * light.key[:, None] * petal.mean[:, None]) * (0.25 + 0.75 * smoothstep(0.1, 0.5, r))

    green = Material(blade, tile=0.3)
    return [
        Primitive(stem, lambda hit: green.color(hit) * (0.5 * light.key + light.sky)[:, None]),
        Primitive(head, shader),
    ]
