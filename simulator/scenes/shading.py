"""Shaders: the light that a surface sends to the camera, from material, light and visibility; haze."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Concatenate, NamedTuple, ParamSpec, TypeVar

import torch
from torch import Tensor

from simulator.scenes.light import Light, tangents
from simulator.scenes.mipmap import MipMap
from simulator.scenes.textures.pattern import smoothstep


class Hit(NamedTuple):
    """Where n rays meet a surface."""

    point: Tensor  # [3, n] world
    normal: Tensor  # [3, n] unit, outward
    uv: Tensor  # [2, n] meters
    part: Tensor  # [n] which face or piece of the solid
    view: Tensor  # [3, n] unit, away from the camera
    footprint: Tensor  # [n] width of one sample on the surface, meters
    depth: Tensor  # [n] meters


Shader = Callable[[Hit], Tensor]  # Hit of n samples -> linear light [3, n]
Visibility = Callable[[Hit], tuple[Tensor, Tensor]]  # -> visible share of key light and of surroundings, [n] each
_P = ParamSpec("_P")
_T = TypeVar("_T")


def of_hit(function: Callable[Concatenate[Hit, _P], _T]) -> Callable[_P, Callable[[Hit], _T]]:
    """Decorator: from a function of (hit, parameters) makes one of the parameters that returns a function of a hit."""
    return lambda *args, **kwargs: lambda hit: function(hit, *args, **kwargs)


@dataclass(frozen=True)
class Material:
    """Reflectance and gloss of a surface.

    Attributes:
        mipmap: reflectance; it repeats every `tile` meters.
        gloss: strength of the mirror reflection, 0 matte to 1 glazed.
        polish: angular half size of the mirrored key light; small is sharp.
        glow: light emitted, times the reflectance.
        grain_across: exchanges u and v, so that the grain runs across.
        drift: strength of a much enlarged copy that modulates the reflectance, so that repeats do not show.
    """

    mipmap: MipMap
    tile: float = 1.0
    gloss: float = 0.0
    polish: float = 0.12
    glow: float = 0.0
    grain_across: bool = False
    drift: float = 0.0

    def color(self, hit: Hit) -> Tensor:
        """Reflectance [3, n] at the hit points."""
        uv = (hit.uv.flip(0) if self.grain_across else hit.uv) / self.tile
        footprint = hit.footprint / self.tile
        # A lamp shade's light comes through it: no grain.
        color = self.mipmap.sample(uv, footprint) if self.glow else self.mipmap.surface(uv, footprint)
        if self.drift == 0.0:
            return color
        turned = torch.stack([0.137 * uv[0] + 0.021 * uv[1], 0.131 * uv[1] - 0.017 * uv[0]])
        coarse = self.mipmap.sample(turned, 0.137 * footprint + 0.02)
        return color * (1.0 + self.drift * (coarse / self.mipmap.mean[:, None].clamp(min=1e-4) - 1.0)).clamp(min=0.2)


@of_hit
def lit(hit: Hit, material: Material, light: Light, visibility: Visibility | None = None) -> Tensor:
    """Lambert's law for the key light, a hemisphere of sky and ground, and gloss on top."""
    albedo = material.color(hit)
    key, surroundings = (visibility or unobstructed)(hit)
    facing = _dot(hit.normal, light.toward).clamp(min=0.0) * key
    around = light.around(0.5 + 0.5 * hit.normal[1]) * surroundings
    color = albedo * (light.key[:, None] * facing + around + material.glow)
    return color + _polish(material, light, hit, key, surroundings) if material.gloss > 0 else color


def unobstructed(hit: Hit) -> tuple[Tensor, Tensor]:
    """The visibility where nothing stands in the way."""
    return torch.ones_like(hit.depth), torch.ones_like(hit.depth)


@of_hit
def indoors(hit: Hit, share: float = 1.0) -> tuple[Tensor, Tensor]:
    """The visibility of a share of the surroundings without the key light."""
    return torch.zeros_like(hit.depth), torch.full_like(hit.depth, share)


def _polish(material: Material, light: Light, hit: Hit, key: Tensor, surroundings: Tensor) -> Tensor:
    """Mirror reflection [3, n]: the key light as a window with bars, the surroundings by Schlick's Fresnel term."""
    n, v = hit.normal, hit.view
    cosine = n[0] * v[0] + n[1] * v[1] + n[2] * v[2]  # negative on the side that faces the eye
    mirrored = v - 2.0 * cosine * n
    size = material.polish
    across, up = (_dot(mirrored, axis).abs() for axis in tangents(light.toward))
    pane = smoothstep(1.15 * size, 0.85 * size, across) * smoothstep(1.15 * size, 0.85 * size, up)
    bars = smoothstep(0.03 * size, 0.12 * size, torch.minimum(across, up))
    window = pane * (0.25 + 0.75 * bars) * (_dot(mirrored, light.toward) > 0) * key
    fresnel = 0.04 + 0.96 * (1.0 + cosine).clamp(0.0, 1.0) ** 5
    around = light.around(smoothstep(-0.3, 0.5, mirrored[1])) * surroundings
    strength = min(6.0, 0.12 / size)
    return material.gloss * (light.key[:, None] * (strength * window) + around * fresnel)


@of_hit
def glowing(hit: Hit, color: Tensor) -> Tensor:
    """The same light [3] everywhere."""
    return color[:, None].expand(3, hit.depth.shape[0])


@of_hit
def globe(hit: Hit, light: Tensor) -> Tensor:
    """A lamp of frosted glass: light [3] in its middle, a twentieth of it at the rim."""
    n, v = hit.normal, hit.view
    facing = (n[0] * v[0] + n[1] * v[1] + n[2] * v[2]).square()
    return light[:, None] * (0.05 + 0.95 * facing * facing)


@of_hit
def scaled(hit: Hit, shader: Shader, strength: float) -> Tensor:
    """A shader at another exposure."""
    return strength * shader(hit)


@of_hit
def hazed(hit: Hit, shader: Shader, air: Tensor, distance: float) -> Tensor:
    """A shader behind haze of color [3], which makes up half of the light at `distance` meters."""
    clear = 1.0 / (1.0 + (hit.depth / distance) ** 2)
    return shader(hit) * clear + air[:, None] * (1.0 - clear)


def _dot(vectors: Tensor, fixed: tuple[float, float, float]) -> Tensor:
    return vectors[0] * fixed[0] + vectors[1] * fixed[1] + vectors[2] * fixed[2]
