"""Outdoors: skies, hills, trees and hedges far away, grass and flowers close by."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from simulator.scenes.camera import Camera, Pose, Rays, Vector, column, pose_at
from simulator.scenes.light import Light
from simulator.scenes.mipmap import MipMap, random_texture
from simulator.scenes.outlines import conifer, crown, flower, line
from simulator.scenes.raster import Primitive
from simulator.scenes.rng import Rng
from simulator.scenes.shading import Hit, Material, Shader, hazed, lit, of_hit
from simulator.scenes.solids import MISS, Card, Intersections, outline
from simulator.scenes.textures.grain import Grain
from simulator.scenes.textures.noise import fractal
from simulator.scenes.textures.pattern import linear, smoothstep

_SKIES = (  # zenith, horizon, lit cloud, shaded cloud
    "#3f78b8 #b9d3e6 #ffffff #b4bcc8",
    "#5b8fc4 #d6e2ea #fdf8ee #a9b4c2",
    "#4a6fa5 #f0d2ae #ffe6c4 #a98f9a",
    "#3c5686 #f2b487 #ffcf9e #8a6f86",
    "#7fa3c4 #dfe6e8 #f6f4f0 #bcc3ca",
)


def day_sky(rng: Rng, texture_px: int, light: Light) -> Shader:
    """Gradient from the horizon up, clouds under a curved ceiling, a glow around the sun."""
    zenith, horizon, bright, gray = (linear(code) for code in rng.choice(_SKIES).split())
    noise = fractal(2 * texture_px, 2 * texture_px, 5, rng.seed(), octaves=9, gain=0.55)
    cover = MipMap.from_image(0.5 + 0.5 * noise[None], Grain(0.05))
    shift, amount = rng.uniform(0.0, 1.0), rng.uniform(0.35, 0.7)
    strength = rng.uniform(0.95, 1.25)

    def shader(hit: Hit) -> Tensor:
        x, y, z = hit.view
        rise = y.clamp(min=0.0)
        sky = clear_sky(zenith, horizon, 0.22)(hit)
        far = 1.0 / (rise + 0.28)  # distance along the ceiling
        uv = torch.stack([x * far * 0.30 + shift, z * far * 0.42])
        body = cover.surface(uv, 0.0006 * far)[0]
        above = cover.sample(uv + column((0.02 * light.toward[0], -0.035), uv), 0.004 * far)[0]  # towards the light
        cloud = smoothstep(0.9 - amount, 1.3 - amount, body) * smoothstep(0.0, 0.12, y)
        billow = cover.sample(3.1 * uv, 0.002 * far)[0] - 0.5
        thick = smoothstep(0.95 - amount, 1.7 - amount, above + 0.25 * billow)
        lit_cloud = bright[:, None] + (gray - bright)[:, None] * (0.85 * thick - 0.25 * billow)
        sky = sky + (lit_cloud - sky) * cloud * 0.95
        near_sun = (x * light.toward[0] + y * light.toward[1] + z * light.toward[2]).clamp(min=0.0)
        return (sky + light.key[:, None] * (0.15 * near_sun**16 + 0.5 * near_sun**256)) * strength

    return shader


@of_hit
def clear_sky(hit: Hit, zenith: Tensor, horizon: Tensor, height: float) -> Tensor:
    """Gradient from the horizon up, half way at an elevation of `height` (its sine)."""
    rise = hit.view[1].clamp(min=0.0)
    return horizon[:, None] + (zenith - horizon)[:, None] * (rise / (rise + height))


def hedge(rng: Rng, texture_px: int, light: Light, *, depth: float, base: float, height: float) -> list[Primitive]:
    """A closed row of trees across the view."""
    leaves = random_texture(rng, texture_px, "canopy", "#3f5a2a #4a6a33 #5f6b2f #365236")
    trees = []
    x = -0.9 * depth
    while x < 0.9 * depth:
        width = height * rng.uniform(0.5, 0.8)
        foot = (x, base, depth + rng.within(0.5))
        trees.append(tree(foot, height * rng.uniform(0.8, 1.1), width, leaves, light, rng))
        x += width * rng.uniform(0.7, 0.95)
    return trees


def tree(foot: Vector, height: float, width: float, leaves: MipMap, light: Light, rng: Rng) -> Primitive:
    """A broad-leaved tree, flat as a stage set, shaded as if its crown were round."""
    discs = [(0.0, 0.68 * height, 0.3 * width)]
    for _ in range(9):
        r = width * rng.uniform(0.12, 0.24)
        discs.append((rng.within(1.0) * (0.5 * width - r), rng.uniform(0.36, 0.95) * height - 0.3 * r, r))
    canopy = crown(discs, 0.035 * width, rng.integer(0, 1000))
    trunk = 0.02 * height

    def with_trunk(x: Tensor, y: Tensor) -> Tensor:
        stem = torch.maximum(x.abs() - trunk * (1.4 - y / height), torch.maximum(-y, y - 0.6 * height))
        return torch.minimum(canopy(x, y), stem)

    skin = Material(leaves, tile=0.8 * height)
    bark = linear("#4a3b2c")
    a, b, r = torch.tensor(discs).T[:, :, None]  # [discs, 1] each

    def shader(hit: Hit) -> Tensor:
        x, y = hit.uv[0], -hit.uv[1]
        dx, dy = (x - a) / r, (y - b) / r  # [discs, n]
        inside = (1.0 - dx * dx - dy * dy).clamp(min=0.0).sqrt()
        bulge, foremost = (inside * r).max(0, keepdim=True)
        glow = 0.45 + 0.3 * light.toward[0] * dx + 0.35 * dy - 0.2 * light.toward[2] * inside
        glow = torch.where(bulge > 0.0, glow.gather(0, foremost), 0.0)  # [1, n]
        shade = light.key[:, None] * glow.clamp(min=0.05) + light.sky[:, None] * (0.3 + 0.5 * glow.clamp(min=0.0))
        stem = canopy(x, y) > 0
        return torch.where(stem, bark[:, None] * (0.4 * light.key + light.sky)[:, None], skin.color(hit) * shade)

    return Primitive(Card(Pose(foot), with_trunk, (-0.6 * width, 0.6 * width, 0.0, 1.15 * height)), shader)


def spruce(foot: Vector, height: float, leaves: MipMap, light: Light, rng: Rng) -> Primitive:
    width = height * rng.uniform(0.32, 0.45)
    card = Card(Pose(foot), conifer(height, width, rng.integer(5, 9)), (-0.6 * width, 0.6 * width, 0.0, height))
    return Primitive(card, _spruce_light(Material(leaves, tile=0.9 * height), light, width))


@of_hit
def _spruce_light(hit: Hit, skin: Material, light: Light, width: float) -> Tensor:
    across = hit.uv[0] / (0.5 * width)
    glow = (0.42 + 0.35 * light.toward[0] * across).clamp(min=0.08)
    return skin.color(hit) * (light.key[:, None] * glow + 0.7 * light.sky[:, None])


@dataclass(frozen=True)
class Flora:
    """What all tufts and flowers of a picture share."""

    blade: MipMap
    petal: MipMap
    light: Light


def tuft(flora: Flora, foot: Vector, height: float, rng: Rng) -> Primitive:
    """A fan of bent, tapering blades."""
    blades = [(rng.within(0.12), rng.within(0.5), rng.uniform(0.6, 1.0)) for _ in range(9)]
    extent = (-0.7 * height, 0.7 * height, 0.0, height)
    card = Card(pose_at(foot, yaw=rng.within(0.3)), _fan(blades, height), extent, thin=True)
    return Primitive(card, _tuft_light(flora, height, rng.uniform(0.8, 1.2)))


@outline
def _fan(x: Tensor, y: Tensor, blades: Sequence[tuple[float, float, float]], height: float) -> Tensor:
    start, bend, _ = (column(values, x) for values in zip(*blades, strict=True))  # [blades, 1] each
    tip = column([height * length for _, _, length in blades], x)
    t = (y / tip).clamp(0.0, 1.0)
    aside, widest = (x - height * (start + bend * t * t)).abs(), 0.02 * min(height, 0.3)
    # The width matters only near a blade; powers in pieces that torch does not split over threads.
    near = (aside < widest + 0.15 * height).flatten().nonzero()[:, 0]
    half = torch.zeros_like(t)
    for piece in near.split(1 << 14):
        half.flatten().index_copy_(0, piece, widest * (1.0 - t.flatten().index_select(0, piece)) ** 0.6)
    blade = torch.maximum((aside - half) * 0.8, y - tip)
    return torch.maximum(blade.amin(0), -y)


@of_hit
def _tuft_light(hit: Hit, flora: Flora, height: float, tone: float) -> Tensor:
    rise = (-hit.uv[1] / height).clamp(0.0, 1.0)
    color, light = Material(flora.blade, tile=0.5 * height).color(hit), flora.light
    return color * (light.key[:, None] * (0.12 + 0.6 * rise) + light.sky[:, None]) * tone


def flower_on_stem(flora: Flora, foot: Vector, height: float, rng: Rng) -> list[Primitive]:
    lean = rng.within(0.15) * height
    extent = (min(0.0, lean) - 0.01, max(0.0, lean) + 0.01, 0.0, height)
    stem = Card(Pose(foot), line(0.0, 0.0, lean, height, 0.008 * min(height, 0.5)), extent, thin=True)
    radius = rng.uniform(0.09, 0.15) * min(height, 0.4)
    top = (foot[0] + lean, foot[1] + height, foot[2] - 0.01)
    pose = pose_at(top, yaw=rng.within(0.6), pitch=rng.uniform(-0.7, 0.3))
    head = Card(pose, flower(rng.integer(4, 7), radius, rng.uniform(0.2, 0.45)), (-radius, radius, -radius, radius))
    return [Primitive(stem, _stem_light(flora)), Primitive(head, _petal_light(flora, radius))]


@of_hit
def _stem_light(hit: Hit, flora: Flora) -> Tensor:
    return Material(flora.blade, tile=0.3).color(hit) * (0.5 * flora.light.key + flora.light.sky)[:, None]


@of_hit
def _petal_light(hit: Hit, flora: Flora, radius: float) -> Tensor:
    r = (hit.uv[0] ** 2 + hit.uv[1] ** 2).sqrt() / radius
    petals = lit(Material(flora.petal, tile=0.2), flora.light)(hit)
    through = 0.25 * flora.light.key[:, None] * flora.petal.mean[:, None]
    return (petals + through) * (0.25 + 0.75 * smoothstep(0.1, 0.5, r))


@dataclass(frozen=True)
class Ridge:
    """A hill: behind every column of pixels a straight slope that rises from us to its crest.

    `camera` is that of the layout. 1/depth at its screen position (a, b), tangents right and down of its axis, is
    crest + slope·(b − top(a)) for b >= top(a): a ruled surface, exact by definition.
    """

    camera: Camera
    top: Callable[[Tensor], Tensor]  # a -> b of the crest
    crest: float  # 1/depth along the crest
    slope: float  # 1/depth gained per tangent downwards
    steep: bool = True  # its texture follows height rather than distance

    def corners(self) -> list[Vector]:
        return []

    def intersect(self, rays: Rays, sample: float) -> Intersections:
        right, up, ahead = self.camera.pose.rays_to_local(rays)[1]
        far = ahead.clamp(min=1e-3)
        drop = -up / far - self.top(right / far)
        met = (drop >= 0) & (ahead == far)
        return Intersections((self.crest + self.slope * drop.clamp(min=0.0)) * far, torch.where(met, 0.0, MISS))

    def surface(self, points: Tensor, part: Tensor) -> tuple[Tensor, Tensor]:
        """The normal leans towards us, and aside where the crest falls to one side."""
        right, _, ahead = self.camera.pose.points_to_local(points)
        a = right / ahead
        lean = (self.top(a + 0.004) - self.top(a - 0.004)) / 0.008
        normal = torch.stack([0.7 * lean, torch.ones_like(lean), torch.full_like(lean, -0.45)])
        uv = torch.stack([points[0], -2.2 * points[1] if self.steep else -points[2]])
        return normal / (normal * normal).sum(0).sqrt(), uv


def skyline(rng: Rng, height: float, roughness: float, level: float) -> Callable[[Tensor], Tensor]:
    """A crest line: waves of falling size; level: its mean, tangents below the optical axis."""
    waves = [(rng.uniform(1.2, 2.2) * 2.3**k, rng.uniform(0.0, 6.28), roughness**k) for k in range(6)]

    def top(a: Tensor) -> Tensor:
        total = torch.zeros_like(a)
        for frequency, phase, strength in waves:
            wobble = 0.6 * torch.sin(1.7 * frequency * a + 2 * phase)
            total = total + strength * torch.sin(frequency * a * 2.2 + phase + wobble)
        return level - 0.5 * height * total

    return top


def hill(ridge: Ridge, skin: MipMap, tile: float, light: Light, air: Tensor, haze: float) -> Primitive:
    return Primitive(ridge, hazed(lit(Material(skin, tile=tile, drift=0.6), light), air, haze))
