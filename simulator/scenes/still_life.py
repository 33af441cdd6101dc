"""Still life: turned solids, fruit and books on a table before a wall."""

from __future__ import annotations

import math

from torch import Tensor

from simulator.layers.ldi import LayeredDepthImage
from simulator.scenes.bitmap import Bitmap, material
from simulator.scenes.camera import Camera, Format
from simulator.scenes.light import aimed, lamp
from simulator.scenes.outlines import below
from simulator.scenes.paint import Hit, Material, Paint, lit
from simulator.scenes.place import Place, turned
from simulator.scenes.raster import Body, draw
from simulator.scenes.rng import Dice
from simulator.scenes.shadows import Crowd
from simulator.scenes.solids import Box, Card, Solid, cone, cylinder, sphere
from simulator.scenes.textures.pattern import smoothstep
from simulator.scenes.vessels import vessel

_GLAZES = ("#2f5d6b", "#c9b28a", "#8a3a2c", "#e0d8c6", "#3f5a44", "#b8792f", "#41465a", "#d0a59a", "#6f8f8a")
_FRUIT = (
    ("apple", 0.085, "#a8281f"),
    ("apple", 0.085, "#8a9a2e"),
    ("apple", 0.08, "#c4552d"),
    ("pear", 0.125, "#b5a23a"),
    ("orange", 0.08, "#d9781c"),
    ("orange", 0.07, "#d8a41e"),
    ("orange", 0.06, "#5b2440"),
)
_TALL = ("vase", "amphora", "gourd", "bottle", "flask", "jar", "goblet")


def still_life(size: Format, dice: Dice) -> LayeredDepthImage:
    camera = size.camera(focal=dice.between(1.25, 1.6), eye=dice.between(0.36, 0.5), pitch=dice.between(0.2, 0.28))
    side = dice.sign()
    light = lamp(
        aimed(side * dice.between(1.75, 2.3), dice.between(0.5, 0.8)),
        key=(dice.pick(("#fff1dc", "#ffe4c0", "#fdf6ec")), dice.between(1.7, 2.2)),
        sky=(dice.pick(("#c9d6e6", "#d6d8e0", "#e6dccf")), dice.between(0.45, 0.65)),
        ground="#8a7256",
        softness=dice.between(0.08, 0.2),
    )
    wall_depth = dice.between(1.9, 2.5)
    things = _things(camera, dice, size.texture_px)
    crowd = Crowd.of([solid for solid, _ in things], light)
    table = Place((0.0, 0.0, 0.0), ((1.0, 0.0, 0.0), (0.0, 0.0, 1.0), (0.0, -1.0, 0.0)))  # own y runs away from us
    wall = turned((0.0, 0.0, wall_depth), yaw=dice.between(-0.25, 0.25))
    table_skin = Material(
        material(dice.pick(("wood", "planks", "marble", "weave", "plaid", "wood")), size.texture_px, dice.seed()),
        tile=dice.between(0.7, 1.0),
        gloss=dice.between(0.0, 0.35),
        polish=0.5,
        turned=dice.chance(0.5),
    )
    wall_skin = Material(
        material(
            dice.pick(("plaster", "brick", "wallpaper", "planks", "tiles", "concrete", "plaster")),
            size.texture_px,
            dice.seed(),
        ),
        tile=dice.between(1.2, 1.8),
    )
    on_table = crowd.on_plane(table, (-1.3, 1.3, 0.4, 2.2), 192)
    layers = [
        [Body(Card(wall), _window_light(lit(wall_skin, light), side, dice))],
        [Body(Card(table, below(wall_depth - 0.35)), lit(table_skin, light, on_table))],
    ]
    for solid, skin in things:
        layers.append([Body(solid, lit(skin, light, crowd.on(solid)))])
    return draw(camera, layers)


Thing = tuple[Solid, Material]


def _things(camera: Camera, dice: Dice, texture_px: int) -> list[Thing]:
    """Five to nine things that do not touch, the tall ones behind."""
    things: list[Thing] = []
    taken: list[tuple[float, float, float]] = []
    far = dice.between(1.35, 1.55)
    skins = _skins(dice, texture_px // 2)
    for i in range(dice.whole(6, 10)):
        for _ in range(40):
            z = far - (far - 0.82) * (i + dice.between(0.0, 1.0)) / 10 * 1.3
            x = dice.between(-0.9, 0.9) * camera.half_x * z
            made = _thing(dice, x, max(z, 0.8), tall=i < 3, skins=skins)
            radius = _footprint(made[0][0])
            if all(math.hypot(x - a, z - b) > 1.03 * (radius + r) for a, b, r in taken):
                taken.append((x, z, radius))
                things += made
                break
    return things


def _footprint(solid: Solid) -> float:
    xs, _, zs = zip(*solid.corners(), strict=True)
    return 0.5 * max(max(xs) - min(xs), max(zs) - min(zs))


def _skins(dice: Dice, texture_px: int) -> dict[str, list[Bitmap]]:
    """A few bitmaps that the things share."""
    plain = material("glaze", texture_px, dice.seed())
    pores = material("leather", texture_px, dice.seed())
    fancy = dice.shuffled(("marble", "terrazzo", "kilim", "wood", "weave", "tiles", "rust"))[:2]
    return {
        "glaze": [plain.tinted(code) for code in dice.shuffled(_GLAZES)[:4]],
        "fancy": [material(name, texture_px, dice.seed()) for name in fancy],
        "pores": [pores],
        "plain": [plain],
        "cloth": [material("weave", texture_px, dice.seed())],
        "print": [material("print", texture_px, dice.seed())],
    }


def _thing(dice: Dice, x: float, z: float, *, tall: bool, skins: dict[str, list[Bitmap]]) -> list[Thing]:
    place = Place((x, 0.001, z))
    if tall:
        bitmap = dice.pick(skins["glaze"] + skins["fancy"])
        skin = Material(bitmap, tile=0.35, gloss=dice.between(0.3, 1.0), polish=0.13)
        return [(vessel(dice.pick(_TALL), place, dice.between(0.2, 0.36)), skin)]
    choice = dice.whole(0, 9)
    if choice < 5:
        return [_fruit(dice, place, skins)]
    if choice < 6:
        return _books(dice, x, z, skins)
    if choice < 7:
        return _candle(dice, place, skins)
    skin = Material(dice.pick(skins["glaze"]), tile=0.3, gloss=dice.pick((0.0, 0.8)), polish=0.14)
    if choice < 8:
        return [(vessel(dice.pick(("cup", "bowl")), place, dice.between(0.07, 0.1)), skin)]
    return [(_plaster_solid(dice, place), skin)]


def _plaster_solid(dice: Dice, place: Place) -> Solid:
    """What one draws in a first lesson."""
    x, y, z = place.origin
    size = dice.between(0.05, 0.075)
    solids: tuple[Solid, ...] = (
        cone(place, size, 0.0, 2.6 * size),
        sphere((x, y + size, z), size),
        Box(turned((x, y + 0.8 * size, z), yaw=dice.between(0.0, 1.5)), (0.8 * size, 0.8 * size, 0.8 * size)),
        cylinder(place, 0.7 * size, 2.2 * size),
    )
    return dice.pick(solids)


def _fruit(dice: Dice, place: Place, skins: dict[str, list[Bitmap]]) -> Thing:
    name, width, code = dice.pick(_FRUIT)
    skin = Material(
        dice.pick(skins["pores" if name == "orange" else "plain"]).tinted(code), tile=0.3, gloss=0.35, polish=0.2
    )
    if name == "orange":
        x, y, z = place.origin
        return sphere((x, y + 0.5 * width, z), 0.5 * width), skin
    return vessel(name, turned(place.origin, roll=dice.between(-0.1, 0.1)), width), skin


def _candle(dice: Dice, place: Place, skins: dict[str, list[Bitmap]]) -> list[Thing]:
    radius, height = dice.between(0.028, 0.04), dice.between(0.09, 0.2)
    wax = Material(skins["plain"][0].tinted("#e6d9bf"), tile=0.3, gloss=0.2, polish=0.4)
    fire = Material(skins["plain"][0].tinted("#ffb347"), glow=14.0)
    return [
        (cylinder(place, radius, height), wax),
        (vessel("pear", Place(place.point(0.0, height + 0.006, 0.0)), 0.034), fire),
    ]


def _books(dice: Dice, x: float, z: float, skins: dict[str, list[Bitmap]]) -> list[Thing]:
    """A pile of two to four."""
    pile: list[Thing] = []
    y = 0.001
    for _ in range(dice.whole(2, 4)):
        half = (dice.between(0.075, 0.1), dice.between(0.011, 0.022), dice.between(0.055, 0.07))
        place = turned((x + dice.between(-0.01, 0.01), y + half[1], z), yaw=dice.between(-0.5, 0.5))
        cover = Material(dice.pick(skins["cloth"]).tinted(dice.pick(_GLAZES)), tile=0.16)
        pile.append((Box(place, half), cover))
        y += 2 * half[1] + 0.001
    return pile


def _window_light(paint: Paint, side: float, dice: Dice) -> Paint:
    """Light that falls off across the wall."""
    strength, slope = dice.between(0.35, 0.6), dice.between(-0.3, 0.3)

    def uneven(hit: Hit) -> Tensor:
        at = side * hit.uv[0] + slope * hit.uv[1]
        return paint(hit) * (1.0 - strength + 0.75 * strength * smoothstep(-0.9, 0.8, at))

    return uneven
