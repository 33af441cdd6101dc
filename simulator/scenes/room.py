"""A room with one window: its walls, floor, ceiling and frame, and how daylight spreads in it."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from simulator.scenes.camera import CEILING_AXES, FLOOR_AXES, Pose, column, side_axes
from simulator.scenes.light import Light, light_from_colors, unit_direction
from simulator.scenes.mipmap import random_texture, textured
from simulator.scenes.outlines import rectangle
from simulator.scenes.raster import Primitive
from simulator.scenes.rng import Rng
from simulator.scenes.scenery import hedge
from simulator.scenes.shading import Hit, Material, Visibility, indoors, lit, of_hit, scaled, unobstructed
from simulator.scenes.shadows import ShadowCasters
from simulator.scenes.solids import Box, Card, outline

OUTSIDE = 2.2  # exposure of the outside, far too bright at that of the room


@dataclass(frozen=True)
class Room:
    """|x| < half, y < height, z < end, in meters. window: the wall with the opening; middle, opening: the opening's
    center and half size in that wall's local coordinates."""

    half: float
    height: float
    end: float
    light: Light
    window: Card
    middle: tuple[float, float]
    opening: tuple[float, float]

    def brightness(self, hit: Hit) -> Tensor:
        """Share of the sky's light that arrives at the hit points: [n], lower away from the window."""
        center = self.window.pose.point_to_world(*self.middle, 0.0)
        x, y, z = (p - c for p, c in zip(hit.point, center, strict=True))
        return 0.32 + 0.85 / (1.0 + 0.2 * (x * x + y * y + z * z))

    def walls(self) -> list[Card]:
        """The far one, the left and the right; local x of the side walls along z."""
        back = face(Pose((0.0, 0.0, self.end)), -self.half, self.half, self.height)
        return [back, *(_side_wall(side, self.half, self.end, self.height) for side in (-1.0, 1.0))]


def _side_wall(side: float, half: float, end: float, height: float) -> Card:
    return face(Pose((side * half, 0.0, 0.0), side_axes(side)), -1.0, end, height)


def face(pose: Pose, left: float, right: float, height: float) -> Card:
    """A rectangle that stands on y = 0 of its plane, enlarged a little so that adjacent ones overlap."""
    shape = rectangle(0.5 * (right - left) + 0.01, 0.5 * height + 0.01)
    extent = (left - 0.01, right + 0.01, -0.01, height + 0.01)
    return Card(pose, lambda x, y: shape(x - 0.5 * (left + right), y - 0.5 * height), extent)


def sunlit_room(rng: Rng) -> Room:
    """Sun through a window in a side wall, or in the far one."""
    side, half, end, height = rng.sign(), rng.uniform(1.5, 1.7), rng.uniform(4.0, 4.8), 2.6
    opening = (rng.uniform(0.55, 0.75), rng.uniform(0.55, 0.68))
    ahead = rng.chance(0.45)
    light = light_from_colors(
        unit_direction(side * (rng.uniform(0.25, 0.6) if ahead else rng.uniform(1.0, 1.4)), rng.uniform(0.45, 0.62)),
        key=(rng.word("#ffe6bf #fff0d8 #ffdca8"), rng.uniform(2.4, 3.0)),
        sky=(rng.word("#d6dde8 #e6e0d6"), rng.uniform(1.4, 1.7)),
        ground="#8a6a4a",
        softness=0.02,
    )
    if ahead:
        middle = (side * rng.uniform(0.2, 0.6), 1.55)
        wall = face(Pose((0.0, 0.0, end)), -half, half, height)
    else:
        middle = (rng.uniform(2.9, 3.4), 1.5)
        wall = _side_wall(side, half, end, height)
    return Room(
        half, height, end, light, Card(wall.pose, _pierced(wall, middle, opening), wall.extent), middle, opening
    )


@outline
def _pierced(x: Tensor, y: Tensor, wall: Card, middle: tuple[float, float], opening: tuple[float, float]) -> Tensor:
    """A wall with a hole."""
    assert wall.outline is not None
    return torch.maximum(wall.outline(x, y), -rectangle(*opening)(x - middle[0], y - middle[1]))


def garden(room: Room, rng: Rng, px: int) -> list[Primitive]:
    """A hedge outside the window, parallel to its wall."""
    row = []
    for tree in hedge(rng, px, room.light, depth=6.0, base=-1.5, height=3.2):
        assert isinstance(tree.solid, Card)
        x, y, z = tree.solid.pose.origin
        foot = room.window.pose.point_to_world(room.middle[0] + x, y, z - 1.0)
        card = replace(tree.solid, pose=Pose(foot, room.window.pose.axes))
        row.append(Primitive(card, scaled(tree.shader, OUTSIDE)))
    return row


def shell(room: Room, rng: Rng, px: int, casters: ShadowCasters) -> list[list[Primitive]]:
    """Walls, ceiling, floor, rug, and the frame of the window."""
    light = room.light
    name = rng.word("wallpaper plaster wallpaper brick planks")
    skin = Material(textured(name, px, rng.seed()), tile=3.2 if name == "plaster" else 1.4)
    white = Material(random_texture(rng, px // 2, "plaster", "#e6e0d4"), tile=2.5)
    shaded = daylight(indoors(), room)
    layers = [[Primitive(room.window, lit(skin, light, shaded))]]
    for wall in room.walls():
        if wall.pose != room.window.pose:
            aside = wall.pose.origin[0] != 0.0
            area = (0.3, room.end, 0.0, room.height) if aside else (-room.half, room.half, 0.0, room.height)
            visibility = daylight(casters.baked_on_plane(wall.pose, area, 192), room)
            layers.append([Primitive(wall, lit(skin, light, visibility))])
    lid = face(Pose((0.0, room.height, 0.0), CEILING_AXES), -room.half, room.half, room.end)
    layers[-1].append(Primitive(lid, lit(white, light, shaded)))
    return [*layers, *_floor(room, rng, px, casters), _frame(room, px)]


def _floor(room: Room, rng: Rng, px: int, casters: ShadowCasters) -> list[list[Primitive]]:
    """Boards or tiles, and a rug on them."""
    boards = random_texture(rng, px, "planks planks tiles wood")
    rug = Material(random_texture(rng, px, "kilim plaid weave kilim"), tile=1.5)
    ground = face(Pose((0.0, 0.0, 0.0), FLOOR_AXES), -room.half, room.half, room.end)
    visibility = daylight(casters.baked_on_plane(ground.pose, (-room.half, room.half, 0.3, room.end), 288), room)
    middle = 0.55 * room.end
    cloth = Card(Pose((0.0, 0.004, middle), FLOOR_AXES), rectangle(0.9, 0.7), (-0.9, 0.9, -0.7, 0.7))
    return [
        [Primitive(ground, lit(Material(boards, tile=1.3, gloss=0.25, polish=0.7), room.light, visibility))],
        [Primitive(cloth, lit(rug, room.light, _moved(visibility, middle)))],
    ]


@of_hit
def _moved(hit: Hit, visibility: Visibility, along: float) -> tuple[Tensor, Tensor]:
    """The floor's shadow map for a rug whose origin lies `along` meters further in."""
    return visibility(hit._replace(uv=hit.uv - column((0.0, along), hit.uv)))


@of_hit
def daylight(hit: Hit, visibility: Visibility, room: Room) -> tuple[Tensor, Tensor]:
    """A visibility within the room."""
    key, surroundings = visibility(hit)
    return key, surroundings * room.brightness(hit)


def _frame(room: Room, px: int) -> list[Primitive]:
    """Sill, casing and bars of the window."""
    shader = lit(
        Material(textured("plaster", px // 4, 3, "#e8e4da"), tile=1.0), room.light, daylight(unobstructed, room)
    )
    pose, (x, y), (a, b) = room.window.pose, room.middle, room.opening
    bars = [
        ((x, y - b), (a + 0.08, 0.02, 0.08)),
        ((x, y + b), (a + 0.05, 0.025, 0.04)),
        ((x - a, y), (0.025, b, 0.04)),
        ((x + a, y), (0.025, b, 0.04)),
        ((x, y), (0.02, b, 0.02)),
        ((x, y + 0.25 * b), (a, 0.015, 0.02)),
    ]
    return [Primitive(Box(Pose(pose.point_to_world(*at, 0.0), pose.axes), half), shader) for at, half in bars]
