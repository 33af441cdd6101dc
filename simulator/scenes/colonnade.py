"""A colonnade in perspective: columns towards a garden, a wall on the other side, a floor striped with light."""

from dataclasses import dataclass

import torch
from torch import Tensor

from simulator.scenes.camera import CEILING_AXES, FLOOR_AXES, Camera, Pose, side_axes
from simulator.scenes.light import Light, light_from_colors, unit_direction
from simulator.scenes.mipmap import MipMap, random_texture
from simulator.scenes.outlines import rectangle
from simulator.scenes.people import person
from simulator.scenes.raster import Primitive
from simulator.scenes.rng import Rng
from simulator.scenes.scenery import day_sky, hedge
from simulator.scenes.shading import Hit, Material, Shader, hazed, indoors, lit, of_hit
from simulator.scenes.shadows import ShadowCasters
from simulator.scenes.solids import Box, Card, SkyDome, outline, spline_lathe
from simulator.scenes.staging import Staging
from simulator.scenes.textures.pattern import linear


@dataclass(frozen=True)
class Hall:
    """Measures in meters: |x| < half, y < height, columns every `bay` from `first` on, `count` of them; the garden
    lies towards `side` (±1) in x."""

    side: float
    half: float
    height: float
    bay: float
    first: float
    thick: float
    count: int = 6

    @property
    def feet(self) -> list[tuple[float, float]]:
        """(x, z) of the columns of the open side, then of those along the wall."""
        sides, rows = (self.side, -self.side), range(self.count)
        return [(side * self.half, self.first + self.bay * k) for side in sides for k in rows]

    @property
    def end(self) -> float:
        return self.first + self.bay * self.count


def colonnade(frame: Camera, rng: Rng, light: Light | None = None) -> Staging:
    camera = frame.view(focal=rng.uniform(0.9, 1.2), eye=1.6, pitch=rng.uniform(-0.05, 0.03))
    px = frame.texture_px
    hall = Hall(
        side=rng.sign(),
        half=rng.uniform(1.5, 1.9),
        height=rng.uniform(3.2, 4.0),
        bay=rng.uniform(2.0, 2.6),
        first=rng.uniform(2.0, 2.6),
        thick=rng.uniform(0.17, 0.24),
    )
    toward = unit_direction(hall.side * rng.uniform(1.3, 1.75), rng.uniform(0.55, 0.8))
    key, sky = (rng.word("#ffe9c8 #fff4e2 #ffd9a8"), rng.uniform(2.2, 2.8)), ("#b9c8de", rng.uniform(0.45, 0.6))
    light = light or light_from_colors(toward, key, sky, ground="#c8b496", softness=0.03)
    stone = random_texture(rng, px, "ashlar plaster marble concrete plaster")
    stops = [Box(Pose((x, 0.5 * hall.height, z)), (hall.thick, 0.5 * hall.height, hall.thick)) for x, z in hall.feet]
    roof = Box(Pose((0.0, hall.height + 0.2, 0.5 * hall.end)), (hall.half + 0.3, 0.2, 0.5 * hall.end + 3.0))
    walker = person(rng, px, rng.within(0.6) * hall.half, rng.uniform(1.9, 8.0)) if rng.chance(0.6) else []
    casters = ShadowCasters.from_solids([*stops, roof, *(solid for solid, _ in (walker or [[]])[0])], light)
    layers = [
        [Primitive(SkyDome(), day_sky(rng, px, light))],
        hedge(rng, px, light, depth=rng.uniform(26.0, 34.0), base=0.0, height=rng.uniform(4.0, 6.5)),
        [Primitive(Card(Pose((0.0, 0.0, 0.0), FLOOR_AXES)), _ground(rng, px, hall, casters))],
    ]
    layers += _shell(rng, px, hall, stone, casters)
    layers += _columns(hall, stone, casters, stops, rng)
    for piece in walker:
        layers.append([Primitive(solid, lit(skin, light, casters.visibility_on(solid))) for solid, skin in piece])
    return Staging(camera, light, layers, [])


def _ground(rng: Rng, px: int, hall: Hall, casters: ShadowCasters) -> Shader:
    """Paving inside, grass outside, striped by the columns' shadows."""
    mipmap = random_texture(rng, px, "tiles checker marble terrazzo cobble tiles")
    gloss = rng.uniform(0.0, 0.35)
    paving = Material(mipmap, tile=rng.uniform(1.6, 2.6), gloss=gloss, polish=0.6, drift=0.2)
    grass = Material(random_texture(rng, px, "grass"), tile=2.5, drift=0.6)
    wide = hall.half + 4.0
    shadows = casters.baked_on_plane(Pose((0.0, 0.0, 0.0), FLOOR_AXES), (-wide, wide, 0.3, hall.end + 3.0), 320)

    def visibility(hit: Hit) -> tuple[Tensor, Tensor]:
        key, surroundings = shadows(hit)
        inside = ((hit.point[0].abs() < hall.half + 0.3) & (hit.point[2] < hall.end)).to(key.dtype)
        return key, surroundings * (1.0 - 0.45 * inside)

    within, outside = lit(paving, casters.light, visibility), lit(grass, casters.light, visibility)

    def shader(hit: Hit) -> Tensor:
        paved = (hit.point[0].abs() < hall.half + 0.45) & (hit.point[2] < hall.end + 0.4)
        return torch.where(paved, within(hit), outside(hit))

    return _veiled(shader)


def _shell(rng: Rng, px: int, hall: Hall, stone: MipMap, casters: ShadowCasters) -> list[list[Primitive]]:
    """Wall, ceiling with its beam, and the far end with its gate."""
    light, end, high, wide = casters.light, hall.end, hall.height, hall.half + 0.3
    wall = Pose((-hall.side * (hall.half + 0.12), 0.0, 0.0), side_axes(-hall.side))
    skin = Material(random_texture(rng, px, "plaster ashlar brick plaster"), tile=2.2)
    striped = casters.baked_on_plane(wall, (0.3, end, 0.0, high), 256)
    ceiling = Pose((0.0, high, 0.0), CEILING_AXES)
    boards = Material(random_texture(rng, px, "planks plaster wood"), tile=1.8)
    masonry = Material(stone, tile=2.0)
    beam = Box(Pose((hall.side * hall.half, high - 0.16, 0.5 * end)), (hall.thick * 1.1, 0.18, 0.5 * end))
    gate = _gate(hall, rng.uniform(0.6, 0.8) * hall.half, rng.uniform(0.5, 0.6) * high, rng.chance(0.7))
    front = Card(Pose((0.0, 0.0, end)), gate, (-hall.half - 0.5, hall.half + 0.5, 0.0, high + 0.3))
    side = Card(wall, lambda x, y: torch.maximum(x - end, y - high), (-1.0, end, 0.0, high))
    lid = Card(ceiling, lambda x, y: torch.maximum(x.abs() - wide, y - end), (-wide, wide, -1.0, end))
    return [
        [Primitive(front, _veiled(lit(masonry, light, indoors(0.5))))],
        [Primitive(side, _veiled(lit(skin, light, striped)))],
        [
            Primitive(lid, _veiled(lit(boards, light, indoors(0.8)))),
            Primitive(beam, _veiled(lit(masonry, light, indoors(0.7)))),
        ],
    ]


@outline
def _gate(x: Tensor, y: Tensor, hall: Hall, half: float, spring: float, arched: bool) -> Tensor:
    """A wall with an arch, or with a square door."""
    wall = rectangle(hall.half + 0.4, hall.height + 0.2)(x, y)
    arch = (x * x + (y - spring).clamp(min=0.0) ** 2).sqrt() - half
    return torch.maximum(wall, -(arch if arched else torch.maximum(x.abs() - half, y - spring - 0.6 * half)))


def _columns(hall: Hall, stone: MipMap, casters: ShadowCasters, stops: list[Box], rng: Rng) -> list[list[Primitive]]:
    """One surface per pair that stands face to face."""
    fluted = rng.chance(0.5)
    skin, r, high = Material(stone, tile=1.4), hall.thick, hall.height - 0.54
    shares = ((0.0, 1.35), (0.02, 1.3), (0.045, 1.02), (0.5, 1.0), (0.9, 0.85), (0.94, 0.95), (1.0, 1.3))
    profile = [(y * high, radius * r) for y, radius in shares]
    layers: list[list[Primitive]] = [[] for _ in range(hall.count)]
    for i, (x, z) in enumerate(hall.feet):
        shaft = spline_lathe(Pose((x, 0.12, z)), profile, pieces=14)
        base = Box(Pose((x, 0.06, z)), (1.5 * r, 0.06, 1.5 * r))
        capital = Box(Pose((x, hall.height - 0.37, z)), (1.4 * r, 0.05, 1.4 * r))
        for part in (base, shaft, capital):
            shader = lit(skin, casters.light, casters.visibility_on(part, excluding=stops[i]))
            grooved = _fluted(shader, x, z) if fluted and part is shaft else shader
            layers[i % hall.count].append(Primitive(part, _veiled(grooved)))
    return layers[::-1]


def _veiled(shader: Shader) -> Shader:
    return hazed(shader, 0.9 * linear("#e6dccb"), 70.0)


@of_hit
def _fluted(hit: Hit, shader: Shader, x: float, z: float) -> Tensor:
    """Grooves as shading: twenty around the shaft, fading out at its ends."""
    angle = torch.atan2(hit.point[0] - x, hit.point[2] - z)
    return shader(hit) * (0.86 + 0.22 * torch.cos(20.0 * angle) * (hit.part == 0.0))
