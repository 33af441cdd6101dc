"""A room: window light on a wooden floor, chairs and a sideboard, and the edge of a table close by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from simulator.ldi import LayeredDepthImage
from simulator.scenes.bitmap import Bitmap, material
from simulator.scenes.camera import Camera, Format
from simulator.scenes.dice import Dice
from simulator.scenes.furniture import armchair, books, chair, facing, lamp_shade, pile, sideboard, table
from simulator.scenes.light import Light, aimed, lamp
from simulator.scenes.outlines import rectangle
from simulator.scenes.paint import Hit, Material, Paint, Shade, lit
from simulator.scenes.place import FLOOR, Place
from simulator.scenes.raster import Body, draw
from simulator.scenes.scenery import day_sky, hedge
from simulator.scenes.shadows import shade_of, shadow_map
from simulator.scenes.solids import Box, Card, Dome, Solid, cone, sphere
from simulator.scenes.vessels import vessel

_CLOTH = ("#8a3a2c", "#2f5d6b", "#6f7a4a", "#c9a25a", "#54506a", "#a86a4a")
_SPINES = ("#7a2f27", "#26394d", "#c9a765", "#3d5a4c", "#5b3a52", "#b8b0a0", "#2e2a28", "#a8572f")


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
        return _face(place, -1.0, self.end, self.height)

    def back(self) -> Card:
        return _face(Place((0.0, 0.0, self.end)), -self.half, self.half, self.height)


def _face(place: Place, left: float, right: float, height: float) -> Card:
    """A rectangle that stands on its plane's y = 0, a hair larger than said so that neighbours overlap."""
    shape = rectangle(0.5 * (right - left) + 0.01, 0.5 * height + 0.01)
    return Card(
        place,
        lambda x, y: shape(x - 0.5 * (left + right), y - 0.5 * height),
        (left - 0.01, right + 0.01, -0.01, height + 0.01),
    )


def interior(size: Format, dice: Dice) -> LayeredDepthImage:
    camera = size.camera(focal=dice.between(0.9, 1.1), eye=dice.between(1.2, 1.35), pitch=dice.between(0.08, 0.15))
    px = size.texture_px
    room = _room(dice)
    pieces = _furniture(camera, room, dice, px)
    solids = [solid for piece in pieces for solid, _ in piece]
    layers = [
        [Body(Dome(), _bright(day_sky(dice, px // 2, room.light)))],
        _garden(room, dice, px),
        *_shell(room, dice, px, solids),
    ]
    layers += _on_the_wall(room, dice, px)
    for piece in pieces:
        layers.append([Body(solid, _indoors(solid, solids, skin, room)) for solid, skin in piece])
    layers.append(_pendant(room, dice, px))
    return draw(camera, layers)


def _room(dice: Dice) -> Room:
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
        wall = _face(Place((0.0, 0.0, end)), -half, half, height)
    else:
        middle = (dice.between(2.9, 3.4), 1.5)
        axes = ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (side, 0.0, 0.0))
        wall = _face(Place((side * half, 0.0, 0.0), axes), -1.0, end, height)
    hole, whole = rectangle(*opening), wall.outline or rectangle(half, height)
    pierced = Card(
        wall.place, lambda x, y: torch.maximum(whole(x, y), -hole(x - middle[0], y - middle[1])), wall.extent
    )
    return Room(half, height, end, light, pierced, middle, opening)


def _bright(paint: Paint) -> Paint:
    """Exposed for the room, the outside is far too bright."""
    return lambda hit: 2.2 * paint(hit)


def _garden(room: Room, dice: Dice, px: int) -> list[Body]:
    """A hedge outside the window, parallel to its wall."""
    axes = room.window.place.axes
    row = []
    for body in hedge(dice, px, room.light, depth=6.0, base=-1.5, height=3.2):
        if isinstance(body.solid, Card):
            x, y, z = body.solid.place.origin
            place = Place(room.window.place.point(room.middle[0] + x, y, z - 1.0), axes)
            row.append(Body(Card(place, body.solid.outline, body.solid.extent), _bright(body.paint)))
    return row


def _shell(room: Room, dice: Dice, px: int, solids: Sequence[Solid]) -> list[list[Body]]:
    """Floor with a rug, walls, ceiling, window frame."""
    light = room.light
    floor = Place((0.0, 0.0, 0.0), FLOOR)
    planks = Material(
        material(dice.pick(("planks", "planks", "tiles", "wood")), px, dice.seed()), tile=1.3, gloss=0.25, polish=0.7
    )
    rug = Material(material(dice.pick(("kilim", "plaid", "weave", "kilim")), px, dice.seed()), tile=1.5)
    name = dice.pick(("wallpaper", "plaster", "wallpaper", "brick", "planks"))
    wall_skin = Material(material(name, px, dice.seed()), tile=3.2 if name == "plaster" else 1.4)
    white = Material(material("plaster", px // 2, dice.seed(), "#e6e0d4"), tile=2.5)
    stops = [*solids, room.window]
    on_floor = _dimmed(shadow_map(floor, (-room.half, room.half, 0.3, room.end), stops, light, 288), room)
    no_sun = _dimmed(_shade_only, room)
    rug_z = 0.55 * room.end
    rug_card = Card(Place((0.0, 0.004, rug_z), FLOOR), rectangle(0.9, 0.7), (-0.9, 0.9, -0.7, 0.7))
    ceiling = Place((0.0, room.height, 0.0), ((1.0, 0.0, 0.0), (0.0, 0.0, 1.0), (0.0, 1.0, 0.0)))
    lid, ground = (_face(place, -room.half, room.half, room.end) for place in (ceiling, floor))
    layers = [[Body(room.window, lit(wall_skin, light, no_sun))]]
    plain = [room.back(), room.wall(-1.0), room.wall(1.0)]
    for wall in plain:
        if wall.place == room.window.place:
            continue
        area = (0.3, room.end, 0.0, room.height) if wall.place.origin[0] else (-room.half, room.half, 0.0, room.height)
        shade = _dimmed(shadow_map(wall.place, area, stops, light, 192), room)
        layers.append([Body(wall, lit(wall_skin, light, shade))])
    layers[-1].append(Body(lid, lit(white, light, no_sun)))
    layers.append([Body(ground, lit(planks, light, on_floor))])
    layers.append([Body(rug_card, lit(rug, light, _moved(on_floor, rug_z)))])
    layers.append(_frame(room, px))
    return layers


def _moved(shade: Shade, along: float) -> Shade:
    """The floor's shadow map for a rug whose own origin lies further in."""

    def shifted(hit: Hit) -> tuple[Tensor, Tensor]:
        offset = torch.tensor([0.0, along], dtype=hit.uv.dtype)[:, None]
        return shade(hit._replace(uv=hit.uv - offset))

    return shifted


def _dimmed(shade: Shade, room: Room) -> Shade:
    def dimmed(hit: Hit) -> tuple[Tensor, Tensor]:
        key, surroundings = shade(hit)
        return key, surroundings * room.brightness(hit)

    return dimmed


def _indoors(solid: Solid, others: Sequence[Solid], skin: Material, room: Room) -> Paint:
    return lit(skin, room.light, _dimmed(shade_of(solid, [*others, room.window], room.light), room))


def _frame(room: Room, px: int) -> list[Body]:
    """Sill, casing and bars of the window."""
    paint = lit(Material(material("plaster", px // 4, 3, "#e8e4da"), tile=1.0), room.light, _dimmed(_always, room))
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


def _shade_only(hit: Hit) -> tuple[Tensor, Tensor]:
    return torch.zeros_like(hit.depth), torch.ones_like(hit.depth)


def _always(hit: Hit) -> tuple[Tensor, Tensor]:
    return torch.ones_like(hit.depth), torch.ones_like(hit.depth)


def _on_the_wall(room: Room, dice: Dice, px: int) -> list[list[Body]]:
    """Framed pictures on the far wall."""
    bodies = []
    wood = Material(material("wood", px // 4, dice.seed(), dice.pick(("#4a3020", "#2a2420", "#b08a4a"))), tile=0.4)
    no_sun = _dimmed(_always, room)
    x = -0.85 * room.half
    taken = (
        (9.0, 9.0)
        if room.window.place.origin[0]
        else (room.middle[0] - room.opening[0], room.middle[0] + room.opening[0])
    )
    while x < 0.7 * room.half:
        a, b = dice.between(0.16, 0.32), dice.between(0.18, 0.3)
        y = dice.between(1.5, 1.7)
        if dice.chance(0.8) and not (x + 2 * a > taken[0] - 0.08 and x < taken[1] + 0.08):
            frame = Box(Place((x + a, y, room.end - 0.02)), (a, b, 0.018))
            canvas = Card(Place((x + a, y, room.end - 0.04)), rectangle(a - 0.03, b - 0.03), (-a, a, -b, b))
            name = dice.pick(("clouds", "gradient", "marble", "leaf", "rust", "print"))
            image = Material(material(name, px // 4, dice.seed()), tile=2.2 * max(a, b))
            bodies += [Body(frame, lit(wood, room.light, no_sun)), Body(canvas, lit(image, room.light, no_sun))]
        x += 2.0 * a + dice.between(0.1, 0.35)
    return [bodies] if bodies else []


Piece = list[tuple[Solid, Material]]


def _furniture(camera: Camera, room: Room, dice: Dice, px: int) -> list[Piece]:
    """Sideboard with its things, two chairs or an armchair, the near table with a still life."""
    oak = Material(material("wood", px // 2, dice.seed()), tile=0.9, turned=True)
    plain = material("glaze", px // 4, dice.seed())
    cloth = Material(material(dice.pick(("weave", "plaid", "leather", "knit")), px // 2, dice.seed()), tile=0.45)
    linen = material("weave", px // 4, dice.seed())
    pieces: list[Piece] = [_cupboard(room, dice, oak, plain, linen, px)]
    seats = [(dice.between(-1.0, -0.6), dice.between(2.2, 2.7)), (dice.between(0.6, 1.0), dice.between(2.4, 2.9))]
    for i, (x, z) in enumerate(seats):
        yaw = facing(x, z, 0.0, 2.2) + dice.between(-0.6, 0.6)
        if dice.chance(0.4) or (i == 1 and dice.chance(0.5)):
            pieces.append([(solid, cloth) for solid in armchair(x, z + 0.4, yaw)])
        else:
            pieces.append([(solid, oak) for solid in chair(x, z, yaw)])
    pieces += _near_table(camera, room, dice, px, plain, linen)
    return pieces


def _cupboard(room: Room, dice: Dice, oak: Material, plain: Bitmap, linen: Bitmap, px: int) -> Piece:
    x = dice.between(-0.4, 0.4)
    z = room.end - 0.26
    piece: Piece = [(solid, oak) for solid in sideboard(x, z, dice.between(0.7, 1.0))]
    for box in books(dice, x - 0.6, 0.79, z + 0.05, dice.between(0.3, 0.5)):
        piece.append((box, Material(linen.tinted(dice.pick(_SPINES)), tile=0.2)))
    name = dice.pick(("vase", "flask", "jar", "amphora"))
    piece.append(
        (
            vessel(name, Place((x + 0.08, 0.791, z)), dice.between(0.22, 0.3)),
            Material(plain, tile=0.3, gloss=0.7, polish=0.1),
        )
    )
    foot, shade = lamp_shade(x + 0.5, 0.791, z, 0.16)
    piece.append((foot, Material(plain.tinted("#8a6a3a"), tile=0.3, gloss=0.4, polish=0.15)))
    piece.append((shade, Material(linen.tinted("#f0c88a"), tile=0.3, glow=dice.between(1.5, 3.0))))
    return piece


def _near_table(camera: Camera, room: Room, dice: Dice, px: int, plain: Bitmap, linen: Bitmap) -> list[Piece]:
    """A table that reaches into the picture from below, with books, a cup and fruit."""
    x, high = dice.sign() * dice.between(0.1, 0.4), dice.between(0.72, 0.78)
    z = dice.between(1.0, 1.15)
    top = Material(
        material(dice.pick(("wood", "planks", "marble", "terrazzo")), px, dice.seed()),
        tile=0.8,
        gloss=0.25,
        polish=0.5,
        turned=True,
    )
    stand: Piece = [(solid, top) for solid in table(x, z, 0.0, (0.55, 0.35), high)]
    at = dice.shuffled((-0.36, -0.12, 0.12, 0.36))
    things: list[Piece] = []
    covers = [Material(linen.tinted(code), tile=0.2) for code in dice.shuffled(_SPINES)[:4]]
    stack = pile(dice, x + at[0], high, z + dice.between(-0.05, 0.15), dice.whole(2, 4))
    things.append([(box, covers[k % 4]) for k, box in enumerate(stack)])
    glazed = [Material(plain.tinted(code), tile=0.3, gloss=0.9, polish=0.1) for code in dice.shuffled(_CLOTH)[:3]]
    cup = vessel("cup", Place((x + at[1], high + 0.001, z + dice.between(-0.1, 0.12))), 0.085)
    tall = vessel(
        dice.pick(("vase", "bottle", "flask")),
        Place((x + at[2], high + 0.001, z + dice.between(0.0, 0.2))),
        dice.between(0.2, 0.28),
    )
    things += [[(cup, glazed[0])], [(tall, glazed[1])]]
    radius = dice.between(0.035, 0.042)
    code = dice.pick(("#d9781c", "#a8281f", "#8a9a2e"))
    fruit = sphere((x + at[3], high + radius, z + dice.between(-0.12, 0.1)), radius)
    things.append([(fruit, Material(plain.tinted(code), tile=0.3, gloss=0.4, polish=0.15))])
    return [stand, *things]


def _pendant(room: Room, dice: Dice, px: int) -> list[Body]:
    """A hanging lamp: dark shade, bright bulb below it."""
    x, y, z = dice.between(-0.5, 0.5), dice.between(1.85, 2.05), dice.between(2.2, 3.0)
    shade = cone(Place((x, y, z)), 0.2, 0.06, 0.16)
    cord = Box(Place((x, 0.5 * (y + 0.16 + room.height), z)), (0.004, 0.5 * (room.height - y - 0.16), 0.004))
    enamel = Material(material("glaze", px // 4, dice.seed()), tile=0.5, gloss=0.5, polish=0.12)
    bulb = sphere((x, y - 0.01, z), 0.045)
    paint = lit(enamel, room.light, _dimmed(_always, room))
    warm = torch.tensor([14.0, 9.5, 4.6])
    return [
        Body(shade, paint),
        Body(cord, paint),
        Body(bulb, lambda hit: warm[:, None].expand(3, hit.depth.shape[0])),
    ]
