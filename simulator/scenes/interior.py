"""A room: window light on a wooden floor, chairs and a sideboard, and the edge of a table close by."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from simulator.scenes.camera import CEILING_AXES, FLOOR_AXES, Camera, Pose, column, side_axes
from simulator.scenes.furniture import (
    armchair,
    books,
    chair,
    facing,
    lamp_shade,
    open_book,
    pendant,
    pile,
    sideboard,
    table,
    vessel,
)
from simulator.scenes.light import Light, light_from_colors, unit_direction
from simulator.scenes.mipmap import MipMap, random_texture, textured
from simulator.scenes.outlines import rectangle
from simulator.scenes.people import Piece, person
from simulator.scenes.raster import Primitive
from simulator.scenes.rng import Rng
from simulator.scenes.scenery import day_sky, hedge
from simulator.scenes.shading import Hit, Material, Visibility, indoors, lit, of_hit, scaled, unobstructed
from simulator.scenes.shadows import ShadowCasters
from simulator.scenes.solids import Box, Card, SkyDome, outline, sphere
from simulator.scenes.staging import Staging

_CLOTH = ("#8a3a2c", "#2f5d6b", "#6f7a4a", "#c9a25a", "#54506a", "#a86a4a")
_SPINES = ("#7a2f27", "#26394d", "#c9a765", "#3d5a4c", "#5b3a52", "#b8b0a0", "#2e2a28", "#a8572f")
_OUTSIDE = 2.2  # exposure of the outside, far too bright at that of the room


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
        back = _face(Pose((0.0, 0.0, self.end)), -self.half, self.half, self.height)
        return [back, *(_side_wall(side, self.half, self.end, self.height) for side in (-1.0, 1.0))]


def _side_wall(side: float, half: float, end: float, height: float) -> Card:
    return _face(Pose((side * half, 0.0, 0.0), side_axes(side)), -1.0, end, height)


def _face(pose: Pose, left: float, right: float, height: float) -> Card:
    """A rectangle that stands on y = 0 of its plane, enlarged a little so that adjacent ones overlap."""
    shape = rectangle(0.5 * (right - left) + 0.01, 0.5 * height + 0.01)
    extent = (left - 0.01, right + 0.01, -0.01, height + 0.01)
    return Card(pose, lambda x, y: shape(x - 0.5 * (left + right), y - 0.5 * height), extent)


def _sunlit_room(rng: Rng) -> Room:
    """Sun through a window in a side wall, or in the far one."""
    side, half, end, height = rng.sign(), rng.uniform(1.5, 1.7), rng.uniform(4.0, 4.8), 2.6
    opening = (rng.uniform(0.55, 0.75), rng.uniform(0.55, 0.68))
    ahead = rng.chance(0.45)
    azimuth = rng.uniform(0.25, 0.6) if ahead else rng.uniform(1.0, 1.4)
    toward = unit_direction(side * azimuth, rng.uniform(0.45, 0.62))
    key = (rng.word("#ffe6bf #fff0d8 #ffdca8"), rng.uniform(2.4, 3.0))
    sky = (rng.word("#d6dde8 #e6e0d6"), rng.uniform(1.4, 1.7))
    light = light_from_colors(toward, key, sky, ground="#8a6a4a", softness=0.02)
    if ahead:
        middle = (side * rng.uniform(0.2, 0.6), 1.55)
        wall = _face(Pose((0.0, 0.0, end)), -half, half, height)
    else:
        middle = (rng.uniform(2.9, 3.4), 1.5)
        wall = _side_wall(side, half, end, height)
    window = replace(wall, outline=_pierced(wall, middle, opening))
    return Room(half, height, end, light, window, middle, opening)


@outline
def _pierced(x: Tensor, y: Tensor, wall: Card, middle: tuple[float, float], opening: tuple[float, float]) -> Tensor:
    """A wall with a hole."""
    assert wall.outline is not None
    return torch.maximum(wall.outline(x, y), -rectangle(*opening)(x - middle[0], y - middle[1]))


def _garden(room: Room, rng: Rng, px: int) -> list[Primitive]:
    """A hedge outside the window, parallel to its wall."""
    row = []
    for tree in hedge(rng, px, room.light, depth=6.0, base=-1.5, height=3.2):
        assert isinstance(tree.solid, Card)
        x, y, z = tree.solid.pose.origin
        foot = room.window.pose.point_to_world(room.middle[0] + x, y, z - 1.0)
        card = replace(tree.solid, pose=Pose(foot, room.window.pose.axes))
        row.append(Primitive(card, scaled(tree.shader, _OUTSIDE)))
    return row


def _shell(room: Room, rng: Rng, px: int, casters: ShadowCasters) -> list[list[Primitive]]:
    """Walls, ceiling, floor, rug, and the frame of the window."""
    light = room.light
    name = rng.word("wallpaper plaster wallpaper brick planks")
    skin = Material(textured(name, px, rng.seed()), tile=3.2 if name == "plaster" else 1.4)
    white = Material(random_texture(rng, px, "plaster", "#e6e0d4"), tile=2.5)
    shaded = _daylight(indoors(), room)
    layers = [[Primitive(room.window, lit(skin, light, shaded))]]
    for wall in room.walls():
        if wall.pose != room.window.pose:
            aside = wall.pose.origin[0] != 0.0
            area = (0.3, room.end, 0.0, room.height) if aside else (-room.half, room.half, 0.0, room.height)
            visibility = _daylight(casters.baked_on_plane(wall.pose, area, 192), room)
            layers.append([Primitive(wall, lit(skin, light, visibility))])
    lid = _face(Pose((0.0, room.height, 0.0), CEILING_AXES), -room.half, room.half, room.end)
    layers[-1].append(Primitive(lid, lit(white, light, shaded)))
    return [*layers, *_floor(room, rng, px, casters), _frame(room, px)]


def _floor(room: Room, rng: Rng, px: int, casters: ShadowCasters) -> list[list[Primitive]]:
    """Boards or tiles, and a rug on them."""
    boards = random_texture(rng, px, "planks planks tiles wood")
    rug = Material(random_texture(rng, px, "kilim plaid weave kilim"), tile=1.5)
    ground = _face(Pose((0.0, 0.0, 0.0), FLOOR_AXES), -room.half, room.half, room.end)
    visibility = _daylight(casters.baked_on_plane(ground.pose, (-room.half, room.half, 0.3, room.end), 288), room)
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
def _daylight(hit: Hit, visibility: Visibility, room: Room) -> tuple[Tensor, Tensor]:
    """A visibility within the room."""
    key, surroundings = visibility(hit)
    return key, surroundings * room.brightness(hit)


def _frame(room: Room, px: int) -> list[Primitive]:
    """Sill, casing and bars of the window."""
    white = Material(textured("plaster", px // 2, 3, "#e8e4da"))
    shader = lit(white, room.light, _daylight(unobstructed, room))
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


def interior(frame: Camera, rng: Rng, light: Light | None = None) -> Staging:
    camera = frame.view(focal=rng.uniform(0.9, 1.1), eye=rng.uniform(1.2, 1.35), pitch=rng.uniform(0.08, 0.15))
    px = frame.texture_px
    room = _sunlit_room(rng)
    room = replace(room, light=light or room.light)
    pieces = _furniture(room, rng, px)
    near = _near_table(rng, px)
    if rng.chance(0.5):
        pieces += person(rng, px, rng.within(0.25), rng.uniform(1.7, 3.2))
    solids = [solid for piece in pieces + near for solid, _ in piece]
    casters = ShadowCasters.from_solids([*solids, room.window], room.light)
    layers = [
        [Primitive(SkyDome(), scaled(day_sky(rng, px // 2, room.light), _OUTSIDE))],
        _garden(room, rng, px),
        *_shell(room, rng, px, casters),
    ]
    if pictures := _pictures(room, rng, px):
        layers.append(pictures)
    standing, on_table = (
        [
            [
                Primitive(solid, lit(skin, room.light, _daylight(casters.visibility_on(solid), room)))
                for solid, skin in piece
            ]
            for piece in group
        ]
        for group in (pieces, near)
    )
    return Staging(camera, room.light, [*layers, *standing, _pendant(room, rng, px)], on_table)


def _pictures(room: Room, rng: Rng, px: int) -> list[Primitive]:
    """Framed, on the far wall."""
    pictures = []
    wood = Material(random_texture(rng, px // 2, "wood", "#4a3020 #2a2420 #b08a4a"), tile=0.4)
    soft = _daylight(unobstructed, room)
    x = -0.85 * room.half
    aside = bool(room.window.pose.origin[0])
    taken = (9.0, 9.0) if aside else (room.middle[0] - room.opening[0], room.middle[0] + room.opening[0])
    while x < 0.7 * room.half:
        a, b = rng.uniform(0.16, 0.32), rng.uniform(0.18, 0.3)
        y = rng.uniform(1.5, 1.7)
        if rng.chance(0.8) and not (x + 2 * a > taken[0] - 0.08 and x < taken[1] + 0.08):
            frame = Box(Pose((x + a, y, room.end - 0.02)), (a, b, 0.018))
            canvas = Card(Pose((x + a, y, room.end - 0.04)), rectangle(a - 0.03, b - 0.03), (-a, a, -b, b))
            image = random_texture(rng, px // 2, "clouds gradient marble leaf rust print")
            pictures.append(Primitive(frame, lit(wood, room.light, soft)))
            pictures.append(Primitive(canvas, lit(Material(image, tile=2.2 * max(a, b)), room.light, soft)))
        x += 2.0 * a + rng.uniform(0.1, 0.35)
    return pictures


def _furniture(room: Room, rng: Rng, px: int) -> list[Piece]:
    """Sideboard with its things, two chairs or an armchair."""
    oak = Material(random_texture(rng, px, "wood"), tile=0.9, grain_across=True)
    plain = random_texture(rng, px // 2, "glaze")
    cloth = Material(random_texture(rng, px, "weave plaid leather knit"), tile=0.45)
    linen = random_texture(rng, px // 2, "weave")
    pieces: list[Piece] = [_cupboard(room, rng, oak, plain, linen)]
    seats = [(rng.uniform(-1.0, -0.6), rng.uniform(2.2, 2.7)), (rng.uniform(0.6, 1.0), rng.uniform(2.4, 2.9))]
    for i, (x, z) in enumerate(seats):
        yaw = facing(x, z, 0.0, 2.2) + rng.within(0.6)
        if rng.chance(0.4) or (i == 1 and rng.chance(0.5)):
            pieces.append([(solid, cloth) for solid in armchair(x, z + 0.4, yaw)])
        else:
            pieces.append([(solid, oak) for solid in chair(x, z, yaw)])
    return pieces


def _cupboard(room: Room, rng: Rng, oak: Material, plain: MipMap, linen: MipMap) -> Piece:
    x = rng.within(0.4)
    z = room.end - 0.26
    piece: Piece = [(solid, oak) for solid in sideboard(x, z, rng.uniform(0.7, 1.0))]
    for box in books(rng, x - 0.6, 0.79, z + 0.05, rng.uniform(0.3, 0.5)):
        piece.append((box, Material(linen.tinted(rng.choice(_SPINES)), tile=0.2)))
    pot = vessel(rng.word("vase flask jar amphora"), Pose((x + 0.08, 0.791, z)), rng.uniform(0.22, 0.3))
    piece.append((pot, Material(plain, tile=0.3, gloss=0.7, polish=0.1)))
    foot, shade = lamp_shade(x + 0.5, 0.791, z, 0.16)
    piece.append((foot, Material(plain.tinted("#8a6a3a"), tile=0.3, gloss=0.4, polish=0.15)))
    piece.append((shade, Material(linen.tinted("#f0c88a"), tile=0.3, glow=rng.uniform(1.5, 3.0))))
    return piece


def _near_table(rng: Rng, px: int) -> list[Piece]:
    """A table that reaches into the picture from below, with books, a cup and fruit."""
    plain, linen = random_texture(rng, px // 2, "glaze"), random_texture(rng, px // 2, "weave")
    x, high = rng.sign() * rng.uniform(0.1, 0.4), rng.uniform(0.72, 0.78)
    z = rng.uniform(1.0, 1.15)
    surface = random_texture(rng, px, "wood planks marble terrazzo")
    top = Material(surface, tile=0.8, gloss=0.25, polish=0.5, grain_across=True)
    stand: Piece = [(solid, top) for solid in table(x, z, (0.55, 0.35), high)]
    at = rng.shuffled((-0.36, -0.12, 0.12, 0.36))
    covers = [Material(linen.tinted(code), tile=0.2) for code in rng.shuffled(_SPINES)[:4]]
    stack = pile(rng, x + at[0], high, z + rng.uniform(-0.05, 0.15), rng.integer(2, 4))
    glazed = [Material(plain.tinted(code), tile=0.3, gloss=0.9, polish=0.1) for code in rng.shuffled(_CLOTH)[:3]]
    cup = vessel("cup", Pose((x + at[1], high + 0.001, z + rng.uniform(-0.1, 0.12))), 0.085)
    name, foot = rng.word("vase bottle flask"), Pose((x + at[2], high + 0.001, z + rng.uniform(0.0, 0.2)))
    tall = vessel(name, foot, rng.uniform(0.2, 0.28))
    radius = rng.uniform(0.035, 0.042)
    peel = Material(plain.tinted(rng.word("#d9781c #a8281f #8a9a2e")), tile=0.3, gloss=0.4, polish=0.15)
    fruit = sphere((x + at[3], high + radius, z + rng.uniform(-0.12, 0.1)), radius)
    lying: Piece = list(zip(stack, covers, strict=False))
    if rng.chance(0.5):
        page = Material(random_texture(rng, px, "print"), tile=0.17)
        lying = [(leaf, page) for leaf in open_book(x + at[0], high, z, rng.within(0.6))]
    return [stand, lying, [(cup, glazed[0])], [(tall, glazed[1])], [(fruit, peel)]]


def _pendant(room: Room, rng: Rng, px: int) -> list[Primitive]:
    """A lamp that hangs from the ceiling."""
    place = (rng.within(0.5), rng.uniform(1.85, 2.05), rng.uniform(2.2, 3.0))
    enamel = Material(random_texture(rng, px // 2, "glaze"), tile=0.5, gloss=0.5, polish=0.12)
    return pendant(place, 0.2, room.height, lit(enamel, room.light, _daylight(unobstructed, room)))
