"""A room: window light on a wooden floor, chairs and a sideboard, and the edge of a table close by."""

import torch

from simulator.layers.ldi import LayeredDepthImage
from simulator.scenes.camera import FrameSize, Pose
from simulator.scenes.furniture import armchair, books, chair, facing, lamp_shade, pile, sideboard, table, vessel
from simulator.scenes.mipmap import MipMap, random_texture
from simulator.scenes.outlines import rectangle
from simulator.scenes.raster import Primitive, render_layers
from simulator.scenes.rng import Rng
from simulator.scenes.room import OUTSIDE, Room, daylight, garden, shell, sunlit_room
from simulator.scenes.scenery import day_sky
from simulator.scenes.shading import Material, glowing, lit, scaled, unobstructed
from simulator.scenes.shadows import ShadowCasters
from simulator.scenes.solids import Box, Card, SkyDome, Solid, cone, sphere

_CLOTH = ("#8a3a2c", "#2f5d6b", "#6f7a4a", "#c9a25a", "#54506a", "#a86a4a")
_SPINES = ("#7a2f27", "#26394d", "#c9a765", "#3d5a4c", "#5b3a52", "#b8b0a0", "#2e2a28", "#a8572f")


def interior(size: FrameSize, rng: Rng) -> LayeredDepthImage:
    camera = size.camera(focal=rng.uniform(0.9, 1.1), eye=rng.uniform(1.2, 1.35), pitch=rng.uniform(0.08, 0.15))
    px = size.texture_px
    room = sunlit_room(rng)
    pieces = _furniture(room, rng, px)
    solids = [solid for piece in pieces for solid, _ in piece]
    casters = ShadowCasters.from_solids([*solids, room.window], room.light)
    layers = [
        [Primitive(SkyDome(), scaled(day_sky(rng, px // 2, room.light), OUTSIDE))],
        garden(room, rng, px),
        *shell(room, rng, px, casters),
    ]
    if pictures := _pictures(room, rng, px):
        layers.append(pictures)
    for piece in pieces:
        lights = [lit(skin, room.light, daylight(casters.visibility_on(solid), room)) for solid, skin in piece]
        layers.append([Primitive(solid, light) for (solid, _), light in zip(piece, lights, strict=True)])
    layers.append(_pendant(room, rng, px))
    return render_layers(camera, layers)


def _pictures(room: Room, rng: Rng, px: int) -> list[Primitive]:
    """Framed, on the far wall."""
    pictures = []
    wood = Material(random_texture(rng, px // 4, "wood", "#4a3020 #2a2420 #b08a4a"), tile=0.4)
    soft = daylight(unobstructed, room)
    x = -0.85 * room.half
    aside = bool(room.window.pose.origin[0])
    taken = (9.0, 9.0) if aside else (room.middle[0] - room.opening[0], room.middle[0] + room.opening[0])
    while x < 0.7 * room.half:
        a, b = rng.uniform(0.16, 0.32), rng.uniform(0.18, 0.3)
        y = rng.uniform(1.5, 1.7)
        if rng.chance(0.8) and not (x + 2 * a > taken[0] - 0.08 and x < taken[1] + 0.08):
            frame = Box(Pose((x + a, y, room.end - 0.02)), (a, b, 0.018))
            canvas = Card(Pose((x + a, y, room.end - 0.04)), rectangle(a - 0.03, b - 0.03), (-a, a, -b, b))
            image = random_texture(rng, px // 4, "clouds gradient marble leaf rust print")
            pictures.append(Primitive(frame, lit(wood, room.light, soft)))
            pictures.append(Primitive(canvas, lit(Material(image, tile=2.2 * max(a, b)), room.light, soft)))
        x += 2.0 * a + rng.uniform(0.1, 0.35)
    return pictures


Piece = list[tuple[Solid, Material]]


def _furniture(room: Room, rng: Rng, px: int) -> list[Piece]:
    """Sideboard with its things, two chairs or an armchair, the near table with a still life."""
    oak = Material(random_texture(rng, px // 2, "wood"), tile=0.9, grain_across=True)
    plain = random_texture(rng, px // 4, "glaze")
    cloth = Material(random_texture(rng, px // 2, "weave plaid leather knit"), tile=0.45)
    linen = random_texture(rng, px // 4, "weave")
    pieces: list[Piece] = [_cupboard(room, rng, oak, plain, linen)]
    seats = [(rng.uniform(-1.0, -0.6), rng.uniform(2.2, 2.7)), (rng.uniform(0.6, 1.0), rng.uniform(2.4, 2.9))]
    for i, (x, z) in enumerate(seats):
        yaw = facing(x, z, 0.0, 2.2) + rng.within(0.6)
        if rng.chance(0.4) or (i == 1 and rng.chance(0.5)):
            pieces.append([(solid, cloth) for solid in armchair(x, z + 0.4, yaw)])
        else:
            pieces.append([(solid, oak) for solid in chair(x, z, yaw)])
    pieces += _near_table(rng, px, plain, linen)
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


def _near_table(rng: Rng, px: int, plain: MipMap, linen: MipMap) -> list[Piece]:
    """A table that reaches into the picture from below, with books, a cup and fruit."""
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
    return [stand, lying, [(cup, glazed[0])], [(tall, glazed[1])], [(fruit, peel)]]


def _pendant(room: Room, rng: Rng, px: int) -> list[Primitive]:
    """A hanging lamp: dark shade, bright bulb below it."""
    x, y, z = rng.within(0.5), rng.uniform(1.85, 2.05), rng.uniform(2.2, 3.0)
    shade = cone(Pose((x, y, z)), 0.2, 0.06, 0.16)
    cord = Box(Pose((x, 0.5 * (y + 0.16 + room.height), z)), (0.004, 0.5 * (room.height - y - 0.16), 0.004))
    enamel = Material(random_texture(rng, px // 4, "glaze"), tile=0.5, gloss=0.5, polish=0.12)
    bulb = sphere((x, y - 0.01, z), 0.045)
    shader = lit(enamel, room.light, daylight(unobstructed, room))
    return [Primitive(shade, shader), Primitive(cord, shader), Primitive(bulb, glowing(torch.tensor([14.0, 9.5, 4.6])))]
