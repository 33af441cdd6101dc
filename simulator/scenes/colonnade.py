"""A colonnade in perspective: columns towards a garden, a wall on the other side, a floor striped with light."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from simulator.layers.ldi import LayeredDepthImage
from simulator.scenes.bitmap import Bitmap, material
from simulator.scenes.camera import Format
from simulator.scenes.light import aimed, lamp
from simulator.scenes.outlines import rectangle
from simulator.scenes.paint import Hit, Material, Paint, Shade, hazed, lit
from simulator.scenes.place import FLOOR, Place
from simulator.scenes.raster import Body, draw
from simulator.scenes.rng import Dice
from simulator.scenes.scenery import day_sky, hedge
from simulator.scenes.shadows import Crowd
from simulator.scenes.solids import Box, Card, Dome, Outline, Solid, turned_profile
from simulator.scenes.textures.pattern import linear

_AIR = "#e6dccb"


@dataclass(frozen=True)
class Hall:
    """Measures in metres: |x| < half, y < height, columns every `bay` from `first` on, `count` of them; the garden
    lies towards `side` (±1) in x."""

    side: float
    half: float
    height: float
    bay: float
    first: float
    count: int
    thick: float

    @property
    def end(self) -> float:
        return self.first + self.bay * self.count


def colonnade(size: Format, dice: Dice) -> LayeredDepthImage:
    camera = size.camera(focal=dice.between(0.9, 1.2), eye=1.6, pitch=dice.between(-0.05, 0.03))
    px = size.texture_px
    hall = Hall(
        side=dice.sign(),
        half=dice.between(1.5, 1.9),
        height=dice.between(3.2, 4.0),
        bay=dice.between(2.0, 2.6),
        first=dice.between(2.0, 2.6),
        count=6,
        thick=dice.between(0.17, 0.24),
    )
    light = lamp(
        aimed(hall.side * dice.between(1.3, 1.75), dice.between(0.55, 0.8)),
        key=(dice.pick(("#ffe9c8", "#fff4e2", "#ffd9a8")), dice.between(2.2, 2.8)),
        sky=("#b9c8de", dice.between(0.45, 0.6)),
        ground="#c8b496",
        softness=0.03,
    )
    stone = material(dice.pick(("ashlar", "plaster", "marble", "concrete", "plaster")), px, dice.seed())
    stops = [Box(Place((x, 0.5 * hall.height, z)), (hall.thick, 0.5 * hall.height, hall.thick)) for x, z in _feet(hall)]
    roof = Box(Place((0.0, hall.height + 0.2, 0.5 * hall.end)), (hall.half + 0.3, 0.2, 0.5 * hall.end + 3.0))
    crowd = Crowd.of([*stops, roof], light)
    layers = [
        [Body(Dome(), day_sky(dice, px, light))],
        hedge(dice, px, light, depth=dice.between(26.0, 34.0), base=0.0, height=dice.between(4.0, 6.5)),
        [Body(Card(Place((0.0, 0.0, 0.0), FLOOR)), _ground(dice, px, hall, crowd))],
    ]
    layers += _shell(dice, px, hall, stone, crowd)
    layers += _columns(hall, stone, crowd, stops, dice)
    return draw(camera, layers)


def _feet(hall: Hall) -> list[tuple[float, float]]:
    """Columns of the open side, then those along the wall."""
    rows = [hall.first + hall.bay * k for k in range(hall.count)]
    return [(hall.side * hall.half, z) for z in rows] + [(-hall.side * hall.half, z) for z in rows]


def _ground(dice: Dice, px: int, hall: Hall, crowd: Crowd) -> Paint:
    """Paving inside, grass outside, striped by the columns' shadows."""
    names = ("tiles", "checker", "marble", "terrazzo", "cobble", "tiles")
    bitmap = material(dice.pick(names), px, dice.seed())
    gloss = dice.between(0.0, 0.35)
    paving = Material(bitmap, tile=dice.between(1.6, 2.6), gloss=gloss, polish=0.6, drift=0.2)
    grass = Material(material("grass", px // 2, dice.seed()), tile=2.5, drift=0.6)
    wide = hall.half + 4.0
    shadows = crowd.on_plane(Place((0.0, 0.0, 0.0), FLOOR), (-wide, wide, 0.3, hall.end + 3.0), 320)

    def shade(hit: Hit) -> tuple[Tensor, Tensor]:
        key, surroundings = shadows(hit)
        inside = ((hit.point[0].abs() < hall.half + 0.3) & (hit.point[2] < hall.end)).to(key.dtype)
        return key, surroundings * (1.0 - 0.45 * inside)

    within, outside = lit(paving, crowd.light, shade), lit(grass, crowd.light, shade)

    def paint(hit: Hit) -> Tensor:
        paved = (hit.point[0].abs() < hall.half + 0.45) & (hit.point[2] < hall.end + 0.4)
        return torch.where(paved, within(hit), outside(hit))

    return hazed(paint, 0.9 * linear(_AIR), 70.0)


def _shell(dice: Dice, px: int, hall: Hall, stone: Bitmap, crowd: Crowd) -> list[list[Body]]:
    """Wall, ceiling with its beam, and the far end with its gate."""
    light, air = crowd.light, 0.9 * linear(_AIR)
    inward = -hall.side
    wall = Place((inward * (hall.half + 0.12), 0.0, 0.0), ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (inward, 0.0, 0.0)))
    skin = Material(material(dice.pick(("plaster", "ashlar", "brick", "plaster")), px, dice.seed()), tile=2.2)
    striped = crowd.on_plane(wall, (0.3, hall.end, 0.0, hall.height), 256)
    ceiling = Place((0.0, hall.height, 0.0), ((1.0, 0.0, 0.0), (0.0, 0.0, 1.0), (0.0, 1.0, 0.0)))
    boards = Material(material(dice.pick(("planks", "plaster", "wood")), px // 2, dice.seed()), tile=1.8)
    end = Place((0.0, 0.0, hall.end))
    masonry = Material(stone, tile=2.0)
    beam = Box(
        Place((hall.side * hall.half, hall.height - 0.16, 0.5 * hall.end)), (hall.thick * 1.1, 0.18, 0.5 * hall.end)
    )
    gate = Card(end, _gate(hall, dice), (-hall.half - 0.5, hall.half + 0.5, 0.0, hall.height + 0.3))
    return [
        [Body(gate, hazed(lit(masonry, light, _dim(0.5)), air, 70.0))],
        [
            Body(
                Card(wall, _until(hall.end, hall.height), (-1.0, hall.end, 0.0, hall.height)),
                hazed(lit(skin, light, striped), air, 70.0),
            )
        ],
        [
            Body(
                Card(ceiling, _lid(hall), (-hall.half - 0.3, hall.half + 0.3, -1.0, hall.end)),
                hazed(lit(boards, light, _dim(0.8)), air, 70.0),
            ),
            Body(beam, hazed(lit(masonry, light, _dim(0.7)), air, 70.0)),
        ],
    ]


def _columns(hall: Hall, stone: Bitmap, crowd: Crowd, stops: list[Box], dice: Dice) -> list[list[Body]]:
    """One surface per pair that stands face to face."""
    fluted = dice.chance(0.5)
    skin = Material(stone, tile=1.4)
    profile = _profile(hall)
    layers: list[list[Body]] = [[] for _ in range(hall.count)]
    for i, (x, z) in enumerate(_feet(hall)):
        r = hall.thick
        shaft = turned_profile(Place((x, 0.12, z)), profile, pieces=14)
        parts: list[Solid] = [
            Box(Place((x, 0.06, z)), (1.5 * r, 0.06, 1.5 * r)),
            shaft,
            Box(Place((x, hall.height - 0.37, z)), (1.4 * r, 0.05, 1.4 * r)),
        ]
        for part in parts:
            paint = lit(skin, crowd.light, crowd.on(part, but=stops[i]))
            if fluted and part is shaft:
                paint = _fluted(paint, x, z)
            layers[i % hall.count].append(Body(part, hazed(paint, 0.9 * linear(_AIR), 70.0)))
    return layers[::-1]


def _profile(hall: Hall) -> list[tuple[float, float]]:
    r, high = hall.thick, hall.height - 0.54
    return [
        (0.0, 1.35 * r),
        (0.02 * high, 1.3 * r),
        (0.045 * high, 1.02 * r),
        (0.5 * high, 1.0 * r),
        (0.9 * high, 0.85 * r),
        (0.94 * high, 0.95 * r),
        (high, 1.3 * r),
    ]


def _fluted(paint: Paint, x: float, z: float) -> Paint:
    """Grooves as shading: twenty around the shaft, fading out at its ends."""

    def grooved(hit: Hit) -> Tensor:
        angle = torch.atan2(hit.point[0] - x, hit.point[2] - z)
        return paint(hit) * (0.86 + 0.22 * torch.cos(20.0 * angle) * (hit.part == 0.0))

    return grooved


def _dim(share: float) -> Shade:
    """Indoors: no sun, and a share of the sky."""
    return lambda hit: (torch.zeros_like(hit.depth), torch.full_like(hit.depth, share))


def _until(end: float, height: float) -> Outline:
    return lambda x, y: torch.maximum(x - end, y - height)


def _lid(hall: Hall) -> Outline:
    return lambda x, y: torch.maximum(x.abs() - hall.half - 0.3, y - hall.end)


def _gate(hall: Hall, dice: Dice) -> Outline:
    """A wall with an arch, or with a square door."""
    half = dice.between(0.6, 0.8) * hall.half
    spring = dice.between(0.5, 0.6) * hall.height
    arched = dice.chance(0.7)
    wall = rectangle(hall.half + 0.4, hall.height + 0.2)

    def distance(x: Tensor, y: Tensor) -> Tensor:
        arch = (x * x + (y - spring).clamp(min=0.0) ** 2).sqrt() - half
        door = arch if arched else torch.maximum(x.abs() - half, y - spring - 0.6 * half)
        return torch.maximum(wall(x, y), -door)

    return distance
