"""A room with one window: its walls, floor, ceiling and frame, and how daylight spreads in it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from simulator.scenes.bitmap import material
from simulator.scenes.light import Light, aimed, lamp
from simulator.scenes.outlines import rectangle
from simulator.scenes.paint import Hit, Material, Paint, Shade, lit
from simulator.scenes.place import FLOOR, Place
from simulator.scenes.raster import Body
from simulator.scenes.rng import Dice
from simulator.scenes.scenery import hedge
from simulator.scenes.shadows import Crowd
from simulator.scenes.solids import Box, Card


@dataclass(frozen=True)
class Room:
    """|x| < half, y < height, z < end, in metres. window: the wall with the opening; middle, opening: the opening's
    centre and half size in that wall's own coordinates."""

    half: float
    height: float
    end: float
    light: Light
    window: Card
    middle: tuple[float, float]
    opening: tuple[float, float]

    def brightness(self, hit: Hit) -> Tensor:
        """Share of the sky that comes in: falls off away from the window."""
        center = self.window.place.point(*self.middle, 0.0)
        x, y, z = (p - c for p, c in zip(hit.point, center, strict=True))
        return 0.32 + 0.85 / (1.0 + 0.2 * (x * x + y * y + z * z))

    def wall(self, side: float) -> Card:
        """The wall at x = side·half, own x along z."""
        place = Place((side * self.half, 0.0, 0.0), ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (side, 0.0, 0.0)))
        return face(place, -1.0, self.end, self.height)

    def back(self) -> Card:
        return face(Place((0.0, 0.0, self.end)), -self.half, self.half, self.height)


def face(place: Place, left: float, right: float, height: float) -> Card:
    """A rectangle that stands on its plane's y = 0, a hair larger than said so that neighbours overlap."""
    shape = rectangle(0.5 * (right - left) + 0.01, 0.5 * height + 0.01)
    return Card(
        place,
        lambda x, y: shape(x - 0.5 * (left + right), y - 0.5 * height),
        (left - 0.01, right + 0.01, -0.01, height + 0.01),
    )


def sunlit_room(dice: Dice) -> Room:
    """Sun through a window in a side wall, or in the far one."""
    side, half, end, height = dice.sign(), dice.between(1.5, 1.7), dice.between(4.0, 4.8), 2.6
    opening = (dice.between(0.55, 0.75), dice.between(0.55, 0.68))
    ahead = dice.chance(0.45)
    light = lamp(
        aimed(side * (dice.between(0.25, 0.6) if ahead else dice.between(1.0, 1.4)), dice.between(0.45, 0.62)),
        key=(dice.pick(("#ffe6bf", "#fff0d8", "#ffdca8")), dice.between(2.4, 3.0)),
        sky=(dice.pick(("#d6dde8", "#e6e0d6")), dice.between(1.4, 1.7)),
        ground="#8a6a4a",
        softness=0.02,
    )
    if ahead:
        middle = (side * dice.between(0.2, 0.6), 1.55)
        wall = face(Place((0.0, 0.0, end)), -half, half, height)
    else:
        middle = (dice.between(2.9, 3.4), 1.5)
        axes = ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (side, 0.0, 0.0))
        wall = face(Place((side * half, 0.0, 0.0), axes), -1.0, end, height)
    hole, whole = rectangle(*opening), wall.outline or rectangle(half, height)
    pierced = Card(
        wall.place, lambda x, y: torch.maximum(whole(x, y), -hole(x - middle[0], y - middle[1])), wall.extent
    )
    return Room(half, height, end, light, pierced, middle, opening)


def overexposed(paint: Paint) -> Paint:
    """Exposed for the room, the outside is far too bright."""
    return lambda hit: 2.2 * paint(hit)


def garden(room: Room, dice: Dice, px: int) -> list[Body]:
    """A hedge outside the window, parallel to its wall."""
    axes = room.window.place.axes
    row = []
    for body in hedge(dice, px, room.light, depth=6.0, base=-1.5, height=3.2):
        if isinstance(body.solid, Card):
            x, y, z = body.solid.place.origin
            place = Place(room.window.place.point(room.middle[0] + x, y, z - 1.0), axes)
            row.append(Body(Card(place, body.solid.outline, body.solid.extent), overexposed(body.paint)))
    return row


def shell(room: Room, dice: Dice, px: int, crowd: Crowd) -> list[list[Body]]:
    """Walls, ceiling, floor, rug, and the frame of the window."""
    light = room.light
    name = dice.pick(("wallpaper", "plaster", "wallpaper", "brick", "planks"))
    skin = Material(material(name, px, dice.seed()), tile=3.2 if name == "plaster" else 1.4)
    white = Material(material("plaster", px // 2, dice.seed(), "#e6e0d4"), tile=2.5)
    layers = [[Body(room.window, lit(skin, light, daylight(no_sun, room)))]]
    for wall in (room.back(), room.wall(-1.0), room.wall(1.0)):
        if wall.place != room.window.place:
            aside = wall.place.origin[0] != 0.0
            area = (0.3, room.end, 0.0, room.height) if aside else (-room.half, room.half, 0.0, room.height)
            layers.append([Body(wall, lit(skin, light, daylight(crowd.on_plane(wall.place, area, 192), room)))])
    ceiling = Place((0.0, room.height, 0.0), ((1.0, 0.0, 0.0), (0.0, 0.0, 1.0), (0.0, 1.0, 0.0)))
    lid = face(ceiling, -room.half, room.half, room.end)
    layers[-1].append(Body(lid, lit(white, light, daylight(no_sun, room))))
    return [*layers, *_floor(room, dice, px, crowd), _frame(room, px)]


def _floor(room: Room, dice: Dice, px: int, crowd: Crowd) -> list[list[Body]]:
    """Boards or tiles, and a rug on them."""
    boards = material(dice.pick(("planks", "planks", "tiles", "wood")), px, dice.seed())
    rug = Material(material(dice.pick(("kilim", "plaid", "weave", "kilim")), px, dice.seed()), tile=1.5)
    ground = face(Place((0.0, 0.0, 0.0), FLOOR), -room.half, room.half, room.end)
    shade = daylight(crowd.on_plane(ground.place, (-room.half, room.half, 0.3, room.end), 288), room)
    middle = 0.55 * room.end
    cloth = Card(Place((0.0, 0.004, middle), FLOOR), rectangle(0.9, 0.7), (-0.9, 0.9, -0.7, 0.7))
    return [
        [Body(ground, lit(Material(boards, tile=1.3, gloss=0.25, polish=0.7), room.light, shade))],
        [Body(cloth, lit(rug, room.light, _moved(shade, middle)))],
    ]


def _moved(shade: Shade, along: float) -> Shade:
    """The floor's shadow map for a rug whose own origin lies further in."""

    def shifted(hit: Hit) -> tuple[Tensor, Tensor]:
        offset = torch.tensor([0.0, along], dtype=hit.uv.dtype)[:, None]
        return shade(hit._replace(uv=hit.uv - offset))

    return shifted


def daylight(shade: Shade, room: Room) -> Shade:
    def dimmed(hit: Hit) -> tuple[Tensor, Tensor]:
        key, surroundings = shade(hit)
        return key, surroundings * room.brightness(hit)

    return dimmed


def _frame(room: Room, px: int) -> list[Body]:
    """Sill, casing and bars of the window."""
    paint = lit(Material(material("plaster", px // 4, 3, "#e8e4da"), tile=1.0), room.light, daylight(everywhere, room))
    place, (x, y), (a, b) = room.window.place, room.middle, room.opening
    bars = [
        ((x, y - b), (a + 0.08, 0.02, 0.08)),
        ((x, y + b), (a + 0.05, 0.025, 0.04)),
        ((x - a, y), (0.025, b, 0.04)),
        ((x + a, y), (0.025, b, 0.04)),
        ((x, y), (0.02, b, 0.02)),
        ((x, y + 0.25 * b), (a, 0.015, 0.02)),
    ]
    return [Body(Box(Place(place.point(*at, 0.0), place.axes), half), paint) for at, half in bars]


def no_sun(hit: Hit) -> tuple[Tensor, Tensor]:
    return torch.zeros_like(hit.depth), torch.ones_like(hit.depth)


def everywhere(hit: Hit) -> tuple[Tensor, Tensor]:
    return torch.ones_like(hit.depth), torch.ones_like(hit.depth)
