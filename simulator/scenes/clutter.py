"""Clutter: balls, blocks, vessels and rings that float at all depths before a backdrop."""

from __future__ import annotations

from simulator.layers.ldi import LayeredDepthImage
from simulator.scenes.bitmap import Bitmap, material
from simulator.scenes.camera import Camera, Format, Vector
from simulator.scenes.light import aimed, lamp
from simulator.scenes.paint import Material, lit
from simulator.scenes.palettes import PAPER
from simulator.scenes.place import Place, turned
from simulator.scenes.raster import Body, draw
from simulator.scenes.rng import Dice
from simulator.scenes.scenery import day_sky
from simulator.scenes.shadows import Crowd
from simulator.scenes.solids import Arc, Box, Card, Dome, Lathe, Solid, cone, cylinder, ellipsoid, sphere
from simulator.scenes.vessels import PROFILES, vessel

_PATTERNS = (
    "stripes",
    "checker",
    "kilim",
    "terrazzo",
    "marble",
    "plaid",
    "wood",
    "tiles",
    "knit",
    "print",
    "weave",
    "rust",
)


def clutter(size: Format, dice: Dice) -> LayeredDepthImage:
    camera = size.camera(focal=dice.between(1.2, 1.7))
    px = size.texture_px
    light = lamp(
        aimed(dice.sign() * dice.between(1.9, 2.6), dice.between(0.4, 0.8)),
        key=(dice.pick(("#fff4e4", "#ffffff", "#ffeccf")), dice.between(1.2, 1.5)),
        sky=("#d4dcea", dice.between(0.32, 0.45)),
        ground="#a89a90",
        softness=dice.between(0.06, 0.15),
    )
    colors = dice.shuffled(dice.pick(PAPER))
    plain = material("glaze", px // 2, dice.seed())
    skins = [plain.tinted(code) for code in colors[:4]]
    skins += [material(name, px // 2, dice.seed()) for name in dice.shuffled(_PATTERNS)[:5]]
    things = _things(camera, dice, skins)
    crowd = Crowd.of([solid for solid, _ in things], light)
    if dice.chance(0.3):
        layers = [[Body(Dome(), day_sky(dice, px, light))]]
    else:
        depth = dice.between(5.0, 7.0)
        wall = turned((0.0, 0.0, depth), yaw=dice.between(-0.2, 0.2))
        name = dice.pick(("gradient", "gradient", "plaster", "concrete", "wallpaper", "weave"))
        backdrop = material(name, px, dice.seed(), dice.pick(colors[3:]) if name == "gradient" else None)
        shade = crowd.on_plane(wall, (-0.5 * depth, 0.5 * depth, -0.5 * depth, 0.5 * depth), 192)
        layers = [[Body(Card(wall), lit(Material(backdrop, tile=0.8 * depth), light, shade))]]
    layers += [[Body(solid, lit(skin, light, crowd.on(solid)))] for solid, skin in things]
    return draw(camera, layers)


def _things(camera: Camera, dice: Dice, skins: list[Bitmap]) -> list[tuple[Solid, Material]]:
    """Evenly spread over frame and nearness; the nearest keep to the sides."""
    count = dice.whole(15, 20)
    shift = dice.between(0.0, 1.0)
    things = []
    for i in range(count):
        nearness = (i + dice.between(0.0, 1.0)) / count
        depth = 1.0 / (1.0 / 4.5 + (1.0 / 0.85 - 1.0 / 4.5) * nearness**1.2)
        across = 2.3 * ((shift + 0.7548777 * i) % 1.0) - 1.15
        down = 2.2 * ((shift + 0.5698403 * i) % 1.0) - 1.1
        if nearness > 0.65:
            across = (0.5 + 0.5 * abs(across)) * (1.0 if across > 0 else -1.0)
        solid = _solid(dice, camera.point(across, down, depth), dice.between(0.085, 0.15) * (0.75 + 0.1 * depth))
        gloss = dice.pick((0.0, 0.4, 1.0))
        things.append((solid, Material(dice.pick(skins), tile=dice.between(0.3, 0.5), gloss=gloss, polish=0.15)))
    return things


def _solid(dice: Dice, center: Vector, radius: float) -> Solid:
    place = turned(center, yaw=dice.between(-1.5, 1.5), pitch=dice.between(-0.9, 0.9), roll=dice.between(-1.5, 1.5))
    made = dice.whole(0, 9)
    if made < 3:
        return sphere(center, radius)
    if made < 5:
        side = 0.75 * radius
        return Box(place, (side, side * dice.between(0.6, 1.0), side * dice.between(0.6, 1.0)))
    foot = Place(place.point(0.0, -radius, 0.0), place.axes)
    if made == 5:
        return cone(foot, 0.8 * radius, 0.0, 1.9 * radius)
    if made == 6:
        return cylinder(foot, 0.6 * radius, 1.8 * radius)
    if made == 7:
        return ellipsoid(place, 0.6 * radius, 1.25 * radius)
    if made == 8:
        return _spool(foot, radius)
    return vessel(dice.pick([name for name in PROFILES if name not in ("column", "bowl", "cup")]), foot, 2.2 * radius)


def _spool(foot: Place, radius: float) -> Lathe:
    """A waisted reel: one hyperboloid, r² = w² + (1 − w²)(2y/h − 1)² in units of the rim."""
    high, rim, waist = 1.9 * radius, 0.75 * radius, 0.3 * radius
    c = (rim**2 - waist**2) * 4.0 / high**2
    return Lathe(foot, (Arc(0.0, high, rim**2, -c * high, c),))
