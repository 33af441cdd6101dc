"""What surfaces look like: a bitmap under a light, with or without polish or a glow of its own; haze."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from simulator.scenes.bitmap import Bitmap
from simulator.scenes.light import Light, tangents
from simulator.scenes.textures.pattern import smoothstep


class Hit(NamedTuple):
    """n samples of a surface."""

    point: Tensor  # [3, n] world
    normal: Tensor  # [3, n] unit, outward
    uv: Tensor  # [2, n] metres
    part: Tensor  # [n]
    view: Tensor  # [3, n] unit, away from the eye
    spread: Tensor  # [n] width of one sample on the surface, metres
    depth: Tensor  # [n] metres


Paint = Callable[[Hit], Tensor]  # Hit of n samples -> linear light [3, n]
Shade = Callable[[Hit], tuple[Tensor, Tensor]]  # -> share of the key light, share of the surroundings, [n] each


@dataclass(frozen=True)
class Material:
    """tile: metres per repeat of the bitmap. gloss: strength of the polish, 0 matte to 1 glazed. polish: angular
    half size of the mirrored key, small is sharp. glow: light sent out, times the bitmap. turned: grain across.
    drift: how strongly the bitmap, much enlarged, tones itself, so that its repeats do not show."""

    bitmap: Bitmap
    tile: float = 1.0
    gloss: float = 0.0
    polish: float = 0.12
    glow: float = 0.0
    turned: bool = False
    drift: float = 0.0

    def color(self, hit: Hit) -> Tensor:
        u, v = hit.uv.flip(0) / self.tile if self.turned else hit.uv / self.tile
        spread = hit.spread / self.tile
        color = self.bitmap.at(u, v, spread)
        if self.drift == 0.0:
            return color
        coarse = self.bitmap.at(0.137 * u + 0.021 * v, 0.131 * v - 0.017 * u, 0.137 * spread + 0.02)
        return color * (1.0 + self.drift * (coarse / self.bitmap.mean[:, None].clamp(min=1e-4) - 1.0)).clamp(min=0.2)


def lit(material: Material, light: Light, shade: Shade | None = None) -> Paint:
    """Lambert's law, the sky and the ground's bounce, and the polish on top."""

    def paint(hit: Hit) -> Tensor:
        albedo = material.color(hit)
        key, surroundings = shade(hit) if shade else (torch.ones_like(hit.depth), torch.ones_like(hit.depth))
        facing = _dot(hit.normal, light.toward).clamp(min=0.0) * key
        up = 0.5 + 0.5 * hit.normal[1]
        around = _mixed(light.ground, light.sky, up) * surroundings
        color = albedo * (light.key[:, None] * facing + around + material.glow)
        return color + _polish(material, light, hit, key, surroundings) if material.gloss > 0 else color

    return paint


def _polish(material: Material, light: Light, hit: Hit, key: Tensor, surroundings: Tensor) -> Tensor:
    """The key as a mirrored window with bars, and the mirrored surroundings by Schlick's Fresnel term."""
    n, v = hit.normal, hit.view
    cosine = n[0] * v[0] + n[1] * v[1] + n[2] * v[2]  # negative on the side that faces the eye
    mirrored = v - 2.0 * cosine * n
    size = material.polish
    across, up = (_dot(mirrored, axis).abs() for axis in tangents(light.toward))
    pane = smoothstep(1.15 * size, 0.85 * size, across) * smoothstep(1.15 * size, 0.85 * size, up)
    bars = smoothstep(0.03 * size, 0.12 * size, torch.minimum(across, up))
    window = pane * (0.25 + 0.75 * bars) * (_dot(mirrored, light.toward) > 0) * key
    fresnel = 0.04 + 0.96 * (1.0 + cosine).clamp(0.0, 1.0) ** 5
    around = _mixed(light.ground, light.sky, smoothstep(-0.3, 0.5, mirrored[1])) * surroundings
    strength = min(6.0, 0.12 / size)
    return material.gloss * (light.key[:, None] * (strength * window) + around * fresnel)


def by_part(paints: dict[int, Paint], rest: Paint) -> Paint:
    """Another paint for some parts of a solid."""

    def paint(hit: Hit) -> Tensor:
        color = rest(hit)
        for part, other in paints.items():
            here = (hit.part == part).nonzero()[:, 0]
            if here.numel():
                color[:, here] = other(Hit(*(field[..., here] for field in hit)))
        return color

    return paint


def hazed(paint: Paint, air: Tensor, distance: float) -> Paint:
    """Air of colour [3] in front: at `distance` metres half of what one sees."""

    def veiled(hit: Hit) -> Tensor:
        clear = 1.0 / (1.0 + (hit.depth / distance) ** 2)
        return paint(hit) * clear + air[:, None] * (1.0 - clear)

    return veiled


def _dot(vectors: Tensor, fixed: tuple[float, float, float]) -> Tensor:
    return vectors[0] * fixed[0] + vectors[1] * fixed[1] + vectors[2] * fixed[2]


def _mixed(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    return a[:, None] + (b - a)[:, None] * t
