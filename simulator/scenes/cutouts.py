"""Paper theatre: cut-out shapes on threads at several depths before a sheet of paper."""

from __future__ import annotations

from torch import Tensor

from simulator.layers.ldi import LayeredDepthImage
from simulator.scenes.bitmap import Bitmap, material
from simulator.scenes.camera import Camera, Format
from simulator.scenes.light import Light, aimed, lamp
from simulator.scenes.outlines import (
    cloud,
    disc,
    fish,
    flower,
    gear,
    heart,
    house,
    leaf_blade,
    line,
    moon,
    ring,
    star,
)
from simulator.scenes.paint import Hit, Material, Paint, lit
from simulator.scenes.palettes import PAPER
from simulator.scenes.place import Place, turned
from simulator.scenes.raster import Body, draw
from simulator.scenes.rng import Dice
from simulator.scenes.shadows import Crowd
from simulator.scenes.solids import Card, Outline
from simulator.scenes.textures.pattern import smoothstep


def cutouts(size: Format, dice: Dice) -> LayeredDepthImage:
    camera = size.camera(focal=dice.between(1.3, 1.7))
    light = lamp(
        aimed(dice.sign() * dice.between(2.3, 2.8), dice.between(0.45, 0.7)),
        key=("#fff4e2", dice.between(1.0, 1.25)),
        sky=("#dfe4ee", dice.between(0.35, 0.5)),
        ground="#b0a090",
        softness=dice.between(0.05, 0.12),
    )
    colors = dice.shuffled(dice.pick(PAPER))
    skins = _skins(dice, size.texture_px, colors[1:])
    back = turned((0.0, 0.0, 3.2), yaw=dice.between(-0.2, 0.2), pitch=dice.between(-0.1, 0.1))
    cards = _cards(camera, dice)
    sheet = Material(
        material(dice.pick(("paper", "paper", "wallpaper", "gradient", "weave")), size.texture_px, dice.seed()),
        tile=1.6,
    )
    if dice.chance(0.6):
        sheet = Material(material("paper", size.texture_px, dice.seed(), colors[0]), tile=1.6)
    crowd = Crowd.of(cards, light)
    shadows = crowd.on_plane(back, (-1.5, 1.5, -1.3, 1.3), 320)
    layers = [[Body(Card(back), lit(sheet, light, shadows))]]
    for card in cards:
        paint = lit(Material(dice.pick(skins), tile=dice.between(0.3, 0.45)), light, crowd.on(card))
        layers.append([Body(card, _white_core(paint, card)), _thread(camera, card, light, skins[0])])
    return draw(camera, layers)


def _cards(camera: Camera, dice: Dice) -> list[Card]:
    """Spread over the frame by a low-discrepancy sequence; the nearest keep to the sides."""
    count = dice.whole(12, 16)
    shift = dice.between(0.0, 1.0)
    cards = []
    for i in range(count):
        nearness = (i + dice.between(0.0, 1.0)) / count
        depth = 1.0 / (1.0 / 2.9 + (1.0 / 0.95 - 1.0 / 2.9) * nearness**1.3)
        across = 2.2 * ((shift + 0.7548777 * i) % 1.0) - 1.1
        down = 1.9 * ((shift + 0.5698403 * i) % 1.0) - 0.95
        if nearness > 0.7:
            across = (0.55 + 0.5 * abs(across)) * (1.0 if across > 0 else -1.0)
        place = turned(
            camera.point(across, down, depth),
            yaw=dice.between(-0.5, 0.5),
            pitch=dice.between(-0.15, 0.15),
            roll=dice.between(-0.3, 0.3),
        )
        radius = dice.between(0.08, 0.15)
        cards.append(Card(place, _shape(dice, radius), (-1.5 * radius, 1.5 * radius, -1.5 * radius, 1.5 * radius)))
    return cards


def _shape(dice: Dice, radius: float) -> Outline:
    made = dice.whole(0, 11)
    if made == 0:
        points = dice.whole(5, 8)
        return star(points, 1.2 * radius, radius * dice.between(0.5, 0.7))
    if made == 1:
        return flower(dice.whole(5, 9), 1.1 * radius, dice.between(0.35, 0.6))
    if made == 2:
        blade = leaf_blade(2.6 * radius, 1.1 * radius, bend=dice.between(-0.2, 0.2))
        return lambda x, y: blade(x, y + 1.3 * radius)
    if made == 3:
        return ring(0.85 * radius, dice.between(0.12, 0.25) * radius)
    simple = (
        disc(0.9 * radius),
        moon(1.05 * radius),
        heart(0.9 * radius),
        cloud(1.1 * radius),
        house(1.1 * radius),
        fish(radius),
    )
    return simple[made - 4] if made < 10 else gear(dice.whole(8, 12), 1.1 * radius)


def _thread(camera: Camera, card: Card, light: Light, skin: Bitmap) -> Body:
    """From the shape up beyond the frame."""
    x, y, z = card.place.origin
    place = Place((x, y, z + 0.002))
    thread = Card(place, line(0.0, 0.06, 0.0, 3.0, 0.0009), (-0.004, 0.004, 0.05, 1.6), thin=True)
    return Body(thread, lit(Material(skin.tinted("#4a4038"), tile=0.5), light))


def _white_core(paint: Paint, card: Card) -> Paint:
    """The cut edge of the paper catches the light."""

    def edged(hit: Hit) -> Tensor:
        if card.outline is None:
            return paint(hit)
        rim = smoothstep(-0.006, -0.0015, card.outline(hit.uv[0], -hit.uv[1]))
        return paint(hit) * (1.0 + 0.35 * rim)

    return edged


def _skins(dice: Dice, texture_px: int, colors: list[str]) -> list[Bitmap]:
    paper = material("paper", texture_px, dice.seed())
    skins = [paper.tinted(code) for code in colors]
    patterns = dice.shuffled(("stripes", "print", "checker", "kilim", "wallpaper", "plaid", "terrazzo"))[:2]
    return skins + [material(name, texture_px, dice.seed()) for name in patterns]
