"""Plants close by: tufts of grass, flowers on stems."""

from __future__ import annotations

import torch
from torch import Tensor

from simulator.scenes.bitmap import Bitmap
from simulator.scenes.camera import Vector
from simulator.scenes.light import Light
from simulator.scenes.outlines import flower, line
from simulator.scenes.paint import Hit, Material, lit
from simulator.scenes.place import Place, turned
from simulator.scenes.raster import Body
from simulator.scenes.rng import Dice
from simulator.scenes.solids import Card
from simulator.scenes.textures.pattern import smoothstep


def tuft(foot: Vector, height: float, blade: Bitmap, light: Light, dice: Dice) -> Body:
    """A fan of bent, tapering blades."""
    blades = [(dice.between(-0.12, 0.12), dice.between(-0.5, 0.5), dice.between(0.6, 1.0)) for _ in range(9)]

    def outline(x: Tensor, y: Tensor) -> Tensor:
        total = torch.full_like(x, 1e3)
        for start, bend, length in blades:
            t = (y / (height * length)).clamp(0.0, 1.0)
            middle = height * (start + bend * t * t)
            blade_half = 0.02 * height * (1.0 - t) ** 0.6
            total = torch.minimum(total, torch.maximum(((x - middle).abs() - blade_half) * 0.8, y - height * length))
        return torch.maximum(total, -y)

    card = Card(
        turned(foot, yaw=dice.between(-0.3, 0.3)), outline, (-0.7 * height, 0.7 * height, 0.0, height), thin=True
    )
    skin = Material(blade, tile=0.5 * height)
    tone = dice.between(0.8, 1.2)

    def paint(hit: Hit) -> Tensor:
        rise = (-hit.uv[1] / height).clamp(0.0, 1.0)
        return skin.color(hit) * (light.key[:, None] * (0.12 + 0.6 * rise) + light.sky[:, None]) * tone

    return Body(card, paint)


def flower_on_stem(foot: Vector, height: float, blade: Bitmap, petal: Bitmap, light: Light, dice: Dice) -> list[Body]:
    lean = dice.between(-0.15, 0.15) * height
    stem = Card(
        Place(foot),
        line(0.0, 0.0, lean, height, 0.008 * height),
        (min(0.0, lean) - 0.01, max(0.0, lean) + 0.01, 0.0, height),
        thin=True,
    )
    radius = dice.between(0.09, 0.15) * height
    top = turned(
        (foot[0] + lean, foot[1] + height, foot[2] - 0.01), yaw=dice.between(-0.6, 0.6), pitch=dice.between(-0.7, 0.3)
    )
    head = Card(top, flower(dice.whole(4, 7), radius, dice.between(0.2, 0.45)), (-radius, radius, -radius, radius))
    base = lit(Material(petal, tile=0.2), light)

    def paint(hit: Hit) -> Tensor:
        r = (hit.uv[0] ** 2 + hit.uv[1] ** 2).sqrt() / radius
        return (base(hit) + 0.25 * light.key[:, None] * petal.mean[:, None]) * (0.25 + 0.75 * smoothstep(0.1, 0.5, r))

    green = Material(blade, tile=0.3)
    return [Body(stem, lambda hit: green.color(hit) * (0.5 * light.key + light.sky)[:, None]), Body(head, paint)]
