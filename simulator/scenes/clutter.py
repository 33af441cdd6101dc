"""Clutter: balls, blocks, vessels and rings that float at all depths before a backdrop."""

from simulator.layers.ldi import LayeredDepthImage
from simulator.scenes.camera import Camera, FrameSize, Pose, Vector, pose_at
from simulator.scenes.light import light_from_colors, unit_direction
from simulator.scenes.mipmap import MipMap, textured
from simulator.scenes.palettes import PAPER
from simulator.scenes.raster import Primitive, render_layers
from simulator.scenes.rng import Rng
from simulator.scenes.scenery import day_sky
from simulator.scenes.shading import Material, lit
from simulator.scenes.shadows import ShadowCasters
from simulator.scenes.solids import Arc, Box, Card, Lathe, SkyDome, Solid, cone, cylinder, ellipsoid, sphere
from simulator.scenes.vessels import PROFILES, vessel

_PATTERNS = (
    "stripes", "checker", "kilim", "terrazzo", "marble", "plaid",
    "wood", "tiles", "knit", "print", "weave", "rust",
)  # fmt: skip


def clutter(size: FrameSize, rng: Rng) -> LayeredDepthImage:
    camera = size.camera(focal=rng.uniform(1.2, 1.7))
    px = size.texture_px
    light = light_from_colors(
        unit_direction(rng.sign() * rng.uniform(1.9, 2.6), rng.uniform(0.4, 0.8)),
        key=(rng.choice(("#fff4e4", "#ffffff", "#ffeccf")), rng.uniform(1.2, 1.5)),
        sky=("#d4dcea", rng.uniform(0.32, 0.45)),
        ground="#a89a90",
        softness=rng.uniform(0.06, 0.15),
    )
    colors = rng.shuffled(rng.choice(PAPER))
    plain = textured("glaze", px // 2, rng.seed())
    skins = [plain.tinted(code) for code in colors[:4]]
    skins += [textured(name, px // 2, rng.seed()) for name in rng.shuffled(_PATTERNS)[:5]]
    things = _things(camera, rng, skins)
    casters = ShadowCasters.from_solids([solid for solid, _ in things], light)
    if rng.chance(0.3):
        layers = [[Primitive(SkyDome(), day_sky(rng, px, light))]]
    else:
        depth = rng.uniform(5.0, 7.0)
        wall = pose_at((0.0, 0.0, depth), yaw=rng.uniform(-0.2, 0.2))
        name = rng.choice(("gradient", "gradient", "plaster", "concrete", "wallpaper", "weave"))
        backdrop = textured(name, px, rng.seed(), rng.choice(colors[3:]) if name == "gradient" else None)
        visibility = casters.baked_on_plane(wall, (-0.5 * depth, 0.5 * depth, -0.5 * depth, 0.5 * depth), 192)
        layers = [[Primitive(Card(wall), lit(Material(backdrop, tile=0.8 * depth), light, visibility))]]
    layers += [[Primitive(solid, lit(skin, light, casters.visibility_on(solid)))] for solid, skin in things]
    return render_layers(camera, layers)


def _things(camera: Camera, rng: Rng, skins: list[MipMap]) -> list[tuple[Solid, Material]]:
    """Evenly spread over frame and nearness; the nearest keep to the sides."""
    count = rng.integer(15, 20)
    shift = rng.uniform(0.0, 1.0)
    things = []
    for i in range(count):
        nearness = (i + rng.uniform(0.0, 1.0)) / count
        depth = 1.0 / (1.0 / 4.5 + (1.0 / 0.85 - 1.0 / 4.5) * nearness**1.2)
        across = 2.3 * ((shift + 0.7548777 * i) % 1.0) - 1.15
        down = 2.2 * ((shift + 0.5698403 * i) % 1.0) - 1.1
        if nearness > 0.65:
            across = (0.5 + 0.5 * abs(across)) * (1.0 if across > 0 else -1.0)
        solid = _solid(rng, camera.point(across, down, depth), rng.uniform(0.085, 0.15) * (0.75 + 0.1 * depth))
        gloss = rng.choice((0.0, 0.4, 1.0))
        things.append((solid, Material(rng.choice(skins), tile=rng.uniform(0.3, 0.5), gloss=gloss, polish=0.15)))
    return things


def _solid(rng: Rng, center: Vector, radius: float) -> Solid:
    pose = pose_at(center, yaw=rng.uniform(-1.5, 1.5), pitch=rng.uniform(-0.9, 0.9), roll=rng.uniform(-1.5, 1.5))
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
