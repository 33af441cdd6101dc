"""A room: window light on a wooden floor, chairs and a sideboard, and the edge of a table close by."""

from __future__ import annotations

import torch

from simulator.layers.ldi import LayeredDepthImage
from simulator.scenes.bitmap import Bitmap, material
from simulator.scenes.camera import Camera, Format
from simulator.scenes.furniture import armchair, books, chair, facing, lamp_shade, pile, sideboard, table
from simulator.scenes.outlines import rectangle
from simulator.scenes.paint import Material, lit
from simulator.scenes.place import Place
from simulator.scenes.raster import Body, draw
from simulator.scenes.rng import Dice
from simulator.scenes.room import Room, daylight, everywhere, garden, overexposed, shell, sunlit_room
from simulator.scenes.scenery import day_sky
from simulator.scenes.shadows import Crowd
from simulator.scenes.solids import Box, Card, Dome, Solid, cone, sphere
from simulator.scenes.vessels import vessel

_CLOTH = ("#8a3a2c", "#2f5d6b", "#6f7a4a", "#c9a25a", "#54506a", "#a86a4a")
_SPINES = ("#7a2f27", "#26394d", "#c9a765", "#3d5a4c", "#5b3a52", "#b8b0a0", "#2e2a28", "#a8572f")


def interior(size: Format, dice: Dice) -> LayeredDepthImage:
    camera = size.camera(focal=dice.between(0.9, 1.1), eye=dice.between(1.2, 1.35), pitch=dice.between(0.08, 0.15))
    px = size.texture_px
    room = sunlit_room(dice)
    pieces = _furniture(camera, room, dice, px)
    solids = [solid for piece in pieces for solid, _ in piece]
    crowd = Crowd.of([*solids, room.window], room.light)
    layers = [
        [Body(Dome(), overexposed(day_sky(dice, px // 2, room.light)))],
        garden(room, dice, px),
        *shell(room, dice, px, crowd),
    ]
    layers += _on_the_wall(room, dice, px)
    for piece in pieces:
        layers.append([Body(solid, lit(skin, room.light, daylight(crowd.on(solid), room))) for solid, skin in piece])
    layers.append(_pendant(room, dice, px))
    return draw(camera, layers)


def _on_the_wall(room: Room, dice: Dice, px: int) -> list[list[Body]]:
    """Framed pictures on the far wall."""
    bodies = []
    wood = Material(material("wood", px // 4, dice.seed(), dice.pick(("#4a3020", "#2a2420", "#b08a4a"))), tile=0.4)
    soft = daylight(everywhere, room)
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
            bodies += [Body(frame, lit(wood, room.light, soft)), Body(canvas, lit(image, room.light, soft))]
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
    paint = lit(enamel, room.light, daylight(everywhere, room))
    warm = torch.tensor([14.0, 9.5, 4.6])
    return [
        Body(shade, paint),
        Body(cord, paint),
        Body(bulb, lambda hit: warm[:, None].expand(3, hit.depth.shape[0])),
    ]
