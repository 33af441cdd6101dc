"""Things that hang or float at all depths before a backdrop: paper cut-outs on threads, and clutter."""

from collections.abc import Iterator

import torch
from torch import Tensor

from simulator.scenes.camera import Camera, Pose, Vector, pose_at
from simulator.scenes.furniture import PROFILES, vessel
from simulator.scenes.light import Light, light_from_colors, unit_direction
from simulator.scenes.mipmap import MipMap, random_texture, textured
from simulator.scenes.outlines import cloud, disc, fish, flower, gear, heart, house, leaf_blade, line, moon, ring, star
from simulator.scenes.raster import Primitive
from simulator.scenes.rng import Rng
from simulator.scenes.scenery import day_sky
from simulator.scenes.shading import Hit, Material, Shader, lit, of_hit
from simulator.scenes.shadows import ShadowCasters
from simulator.scenes.solids import Arc, Box, Card, Lathe, Outline, SkyDome, Solid, cone, cylinder, ellipsoid, sphere
from simulator.scenes.staging import Staging
from simulator.scenes.textures.pattern import smoothstep

_COLORS = (  # that go together, as people pick them
    "#d94f3d #f0b64a #2f6f73 #e9dcc3 #274060 #e58a6f",
    "#e27d60 #85b8b0 #e8c27a #c38d9e #41606b #f0e6d6",
    "#355070 #6d597a #b56576 #e56b6f #eaac8b #f3e3d3",
    "#606c38 #283618 #e9dfb8 #dda15e #bc6c25 #8fa36a",
    "#264653 #2a9d8f #e9c46a #f4a261 #e76f51 #e6ddcf",
    "#8d5a97 #e5989b #ffcdb2 #6d6875 #b5838d #f2e9e1",
    "#1d5c8f #4a9cc9 #a9d6e5 #f2efe6 #d9594c #f2c14e",
)
_PATTERNS = "stripes checker kilim terrazzo marble plaid wood tiles knit print weave rust"


def cutouts(frame: Camera, rng: Rng, light: Light | None = None) -> Staging:
    """Paper theater: cut-out shapes on threads before a sheet of paper."""
    camera, px = frame.view(focal=rng.uniform(1.3, 1.7)), frame.texture_px
    toward = unit_direction(rng.sign() * rng.uniform(2.3, 2.8), rng.uniform(0.45, 0.7))
    key, sky = ("#fff4e2", rng.uniform(1.0, 1.25)), ("#dfe4ee", rng.uniform(0.35, 0.5))
    light = light or light_from_colors(toward, key, sky, ground="#b0a090", softness=rng.uniform(0.05, 0.12))
    colors = rng.shuffled(rng.choice(_COLORS).split())
    paper = random_texture(rng, px, "paper")
    patterns = rng.shuffled(("stripes", "print", "checker", "kilim", "wallpaper", "plaid", "terrazzo"))[:2]
    skins = [paper.tinted(code) for code in colors[1:]] + [textured(name, px, rng.seed()) for name in patterns]
    back = pose_at((0.0, 0.0, 3.6), yaw=rng.within(0.5), pitch=rng.within(0.3))
    places = _places(camera, rng, rng.integer(12, 16), far=2.3, near=0.95, bias=1.3, reach=(1.1, 0.95), aside=0.55)
    cards = [_cutout(rng, place) for place, _ in places]
    name, seed, tint = rng.word("paper paper wallpaper gradient weave"), rng.seed(), None
    if rng.chance(0.6):
        name, seed, tint = "paper", rng.seed(), colors[0]
    sheet = Material(textured(name, px, seed, tint), tile=1.6)
    casters = ShadowCasters.from_solids(cards, light)
    shadows = casters.baked_on_plane(back, (-1.5, 1.5, -1.3, 1.3), 320)
    backdrop, foreground = [[Primitive(Card(back), lit(sheet, light, shadows))]], []
    string = Material(skins[0].tinted("#4a4038"), tile=0.5)
    for card in cards:
        shader = lit(Material(rng.choice(skins), tile=rng.uniform(0.3, 0.45)), light, casters.visibility_on(card))
        foreground.append([Primitive(card, _white_core(shader, card)), Primitive(_thread(card), lit(string, light))])
    return Staging(camera, light, backdrop, foreground)


def _places(
    camera: Camera,
    rng: Rng,
    count: int,
    *,
    far: float,
    near: float,
    bias: float,
    reach: tuple[float, float],
    aside: float,
) -> Iterator[tuple[Vector, float]]:
    """(center, depth) spread over the frame by a low-discrepancy sequence; the nearest keep to the sides.

    far, near, bias: as in `Rng.depths`. reach: in half frames, across and down. aside: least distance of the nearest
    from the middle, in half frames.
    """
    shift = rng.uniform(0.0, 1.0)
    for i, (nearness, depth) in enumerate(rng.depths(count, far=far, near=near, bias=bias)):
        across = 2.0 * reach[0] * ((shift + 0.7548777 * i) % 1.0) - reach[0]
        down = 2.0 * reach[1] * ((shift + 0.5698403 * i) % 1.0) - reach[1]
        if nearness > aside + 0.15:
            across = (aside + 0.5 * abs(across)) * (1.0 if across > 0 else -1.0)
        yield camera.point(across, down, depth), depth


def _cutout(rng: Rng, center: Vector) -> Card:
    pose = pose_at(center, yaw=rng.within(0.5), pitch=rng.within(0.15), roll=rng.within(0.3))
    radius = rng.uniform(0.08, 0.15)
    return Card(pose, _shape(rng, radius), (-1.5 * radius, 1.5 * radius, -1.5 * radius, 1.5 * radius))


def _shape(rng: Rng, radius: float) -> Outline:
    made = rng.integer(0, 11)
    if made == 0:
        return star(rng.integer(5, 8), 1.2 * radius, radius * rng.uniform(0.5, 0.7))
    if made == 1:
        return flower(rng.integer(5, 9), 1.1 * radius, rng.uniform(0.35, 0.6))
    if made == 2:
        return leaf_blade(2.6 * radius, 1.1 * radius, bend=rng.within(0.2), base=-1.3 * radius)
    if made == 3:
        return ring(0.85 * radius, rng.uniform(0.12, 0.25) * radius)
    if made >= 10:
        return gear(rng.integer(8, 12), 1.1 * radius)
    shape, scale = ((disc, 0.9), (moon, 1.05), (heart, 0.9), (cloud, 1.1), (house, 1.1), (fish, 1.0))[made - 4]
    return shape(scale * radius)


def _thread(card: Card) -> Card:
    """From the highest point of the shape's middle line up beyond the frame."""
    assert card.outline is not None
    assert card.extent is not None
    heights = torch.linspace(card.extent[2], card.extent[3], 200)
    top = float(heights[card.outline(torch.zeros_like(heights), heights) < 0].max()) - 0.004
    thread = line(0.0, 0.0, 0.0, 9.0, 0.0009)
    return Card(Pose(card.pose.point_to_world(0.0, top, 0.0)), thread, (-0.004, 0.004, 0.0, 9.0), thin=True)


@of_hit
def _white_core(hit: Hit, shader: Shader, card: Card) -> Tensor:
    """The cut edge of the paper catches the light."""
    assert card.outline is not None
    rim = smoothstep(-0.006, -0.0015, card.outline(hit.uv[0], -hit.uv[1]))
    return shader(hit) * (1.0 + 0.35 * rim)


def clutter(frame: Camera, rng: Rng, light: Light | None = None) -> Staging:
    """Balls, blocks, vessels and rings before a wall or the sky."""
    camera, px = frame.view(focal=rng.uniform(1.2, 1.7)), frame.texture_px
    toward = unit_direction(rng.sign() * rng.uniform(1.9, 2.6), rng.uniform(0.4, 0.8))
    key, sky = (rng.word("#fff4e4 #ffffff #ffeccf"), rng.uniform(1.2, 1.5)), ("#d4dcea", rng.uniform(0.32, 0.45))
    light = light or light_from_colors(toward, key, sky, ground="#a89a90", softness=rng.uniform(0.06, 0.15))
    colors = rng.shuffled(rng.choice(_COLORS).split())
    plain = random_texture(rng, px, "glaze")
    skins = [plain.tinted(code) for code in colors[:4]]
    skins += [textured(name, px, rng.seed()) for name in rng.shuffled(_PATTERNS.split())[:5]]
    places = _places(camera, rng, rng.integer(15, 20), far=3.6, near=0.85, bias=1.2, reach=(1.15, 1.1), aside=0.5)
    things = [_thing(rng, center, depth, skins) for center, depth in places]
    casters = ShadowCasters.from_solids([solid for solid, _ in things], light)
    if rng.chance(0.3):
        backdrop = [[Primitive(SkyDome(), day_sky(rng, px, light))]]
    else:
        depth = rng.uniform(5.0, 7.0)
        wall = pose_at((0.0, 0.0, depth), yaw=rng.within(0.5), pitch=rng.within(0.3))
        name = rng.word("gradient gradient plaster concrete wallpaper weave")
        paint = random_texture(rng, px, name, " ".join(colors[3:]) if name == "gradient" else "")
        visibility = casters.baked_on_plane(wall, (-0.5 * depth, 0.5 * depth, -0.5 * depth, 0.5 * depth), 192)
        backdrop = [[Primitive(Card(wall), lit(Material(paint, tile=0.8 * depth), light, visibility))]]
    foreground = [[Primitive(solid, lit(skin, light, casters.visibility_on(solid)))] for solid, skin in things]
    return Staging(camera, light, backdrop, foreground)


def _thing(rng: Rng, center: Vector, depth: float, skins: list[MipMap]) -> tuple[Solid, Material]:
    solid = _solid(rng, center, rng.uniform(0.085, 0.15) * (0.75 + 0.1 * depth))
    gloss = rng.choice((0.0, 0.4, 1.0))
    return solid, Material(rng.choice(skins), tile=rng.uniform(0.3, 0.5), gloss=gloss, polish=0.15)


def _solid(rng: Rng, center: Vector, radius: float) -> Solid:
    pose = pose_at(center, yaw=rng.within(1.5), pitch=rng.within(0.9), roll=rng.within(1.5))
    made = rng.integer(0, 9)
    if made < 3:
        return sphere(center, radius)
    if made < 5:
        side = 0.75 * radius
        return Box(pose, (side, side * rng.uniform(0.6, 1.0), side * rng.uniform(0.6, 1.0)))
    foot = Pose(pose.point_to_world(0.0, -radius, 0.0), pose.axes)
    if made == 5:
        return cone(foot, 0.8 * radius, 0.0, 1.9 * radius)
    if made == 6:
        return cylinder(foot, 0.6 * radius, 1.8 * radius)
    if made == 7:
        return ellipsoid(pose, 0.6 * radius, 1.25 * radius)
    if made == 8:
        return _spool(foot, radius)
    return vessel(rng.choice([name for name in PROFILES if name not in ("column", "bowl", "cup")]), foot, 2.2 * radius)


def _spool(foot: Pose, radius: float) -> Lathe:
    """A waisted reel: one hyperboloid, r² = w² + (1 − w²)(2y/h − 1)² in units of the rim."""
    high, rim, waist = 1.9 * radius, 0.75 * radius, 0.3 * radius
    c = (rim**2 - waist**2) * 4.0 / high**2
    return Lathe(foot, (Arc(0.0, high, rim**2, -c * high, c),))
