"""Paper theater: cut-out shapes on threads at several depths before a sheet of paper."""

from torch import Tensor

from simulator.layers.ldi import LayeredDepthImage
from simulator.scenes.camera import Camera, FrameSize, Pose, pose_at
from simulator.scenes.light import Light, light_from_colors, unit_direction
from simulator.scenes.mipmap import MipMap, textured
from simulator.scenes.outlines import cloud, disc, fish, flower, gear, heart, house, leaf_blade, line, moon, ring, star
from simulator.scenes.palettes import PAPER
from simulator.scenes.raster import Primitive, render_layers
from simulator.scenes.rng import Rng
from simulator.scenes.shading import Hit, Material, Shader, lit
from simulator.scenes.shadows import ShadowCasters
from simulator.scenes.solids import Card, Outline
from simulator.scenes.textures.pattern import smoothstep


def cutouts(size: FrameSize, rng: Rng) -> LayeredDepthImage:
    camera = size.camera(focal=rng.uniform(1.3, 1.7))
    light = light_from_colors(
        unit_direction(rng.sign() * rng.uniform(2.3, 2.8), rng.uniform(0.45, 0.7)),
        key=("#fff4e2", rng.uniform(1.0, 1.25)),
        sky=("#dfe4ee", rng.uniform(0.35, 0.5)),
        ground="#b0a090",
        softness=rng.uniform(0.05, 0.12),
    )
    colors = rng.shuffled(rng.choice(PAPER))
    skins = _skins(rng, size.texture_px, colors[1:])
    back = pose_at((0.0, 0.0, 3.2), yaw=rng.uniform(-0.2, 0.2), pitch=rng.uniform(-0.1, 0.1))
    cards = _cards(camera, rng)
    sheet = Material(
        textured(rng.choice(("paper", "paper", "wallpaper", "gradient", "weave")), size.texture_px, rng.seed()),
        tile=1.6,
    )
    if rng.chance(0.6):
        sheet = Material(textured("paper", size.texture_px, rng.seed(), colors[0]), tile=1.6)
    casters = ShadowCasters.from_solids(cards, light)
    shadows = casters.baked_on_plane(back, (-1.5, 1.5, -1.3, 1.3), 320)
    layers = [[Primitive(Card(back), lit(sheet, light, shadows))]]
    for card in cards:
        shader = lit(Material(rng.choice(skins), tile=rng.uniform(0.3, 0.45)), light, casters.visibility_on(card))
        layers.append([Primitive(card, _white_core(shader, card)), _thread(card, light, skins[0])])
    return render_layers(camera, layers)


def _cards(camera: Camera, rng: Rng) -> list[Card]:
    """Spread over the frame by a low-discrepancy sequence; the nearest keep to the sides."""
    count = rng.integer(12, 16)
    shift = rng.uniform(0.0, 1.0)
    cards = []
    for i in range(count):
        nearness = (i + rng.uniform(0.0, 1.0)) / count
        depth = 1.0 / (1.0 / 2.9 + (1.0 / 0.95 - 1.0 / 2.9) * nearness**1.3)
        across = 2.2 * ((shift + 0.7548777 * i) % 1.0) - 1.1
        down = 1.9 * ((shift + 0.5698403 * i) % 1.0) - 0.95
        if nearness > 0.7:
            across = (0.55 + 0.5 * abs(across)) * (1.0 if across > 0 else -1.0)
        pose = pose_at(
            camera.point(across, down, depth),
            yaw=rng.uniform(-0.5, 0.5),
            pitch=rng.uniform(-0.15, 0.15),
            roll=rng.uniform(-0.3, 0.3),
        )
        radius = rng.uniform(0.08, 0.15)
        cards.append(Card(pose, _shape(rng, radius), (-1.5 * radius, 1.5 * radius, -1.5 * radius, 1.5 * radius)))
    return cards


def _shape(rng: Rng, radius: float) -> Outline:
    made = rng.integer(0, 11)
    if made == 0:
        points = rng.integer(5, 8)
        return star(points, 1.2 * radius, radius * rng.uniform(0.5, 0.7))
    if made == 1:
        return flower(rng.integer(5, 9), 1.1 * radius, rng.uniform(0.35, 0.6))
    if made == 2:
        blade = leaf_blade(2.6 * radius, 1.1 * radius, bend=rng.uniform(-0.2, 0.2))
        return lambda x, y: blade(x, y + 1.3 * radius)
    if made == 3:
        return ring(0.85 * radius, rng.uniform(0.12, 0.25) * radius)
    simple = (
        disc(0.9 * radius),
        moon(1.05 * radius),
        heart(0.9 * radius),
        cloud(1.1 * radius),
        house(1.1 * radius),
        fish(radius),
    )
    return simple[made - 4] if made < 10 else gear(rng.integer(8, 12), 1.1 * radius)


def _thread(card: Card, light: Light, skin: MipMap) -> Primitive:
    """From the shape up beyond the frame."""
    x, y, z = card.pose.origin
    pose = Pose((x, y, z + 0.002))
    thread = Card(pose, line(0.0, 0.06, 0.0, 3.0, 0.0009), (-0.004, 0.004, 0.05, 1.6), thin=True)
    return Primitive(thread, lit(Material(skin.tinted("#4a4038"), tile=0.5), light))


def _white_core(shader: Shader, card: Card) -> Shader:
    """The cut edge of the paper catches the light."""

    def edged(hit: Hit) -> Tensor:
        if card.outline is None:
            return shader(hit)
        rim = smoothstep(-0.006, -0.0015, card.outline(hit.uv[0], -hit.uv[1]))
        return shader(hit) * (1.0 + 0.35 * rim)

    return edged


def _skins(rng: Rng, texture_px: int, colors: list[str]) -> list[MipMap]:
    paper = textured("paper", texture_px, rng.seed())
    skins = [paper.tinted(code) for code in colors]
    patterns = rng.shuffled(("stripes", "print", "checker", "kilim", "wallpaper", "plaid", "terrazzo"))[:2]
    return skins + [textured(name, texture_px, rng.seed()) for name in patterns]
