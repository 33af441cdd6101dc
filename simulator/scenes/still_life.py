"""Still life: turned solids, fruit and books on a table before a wall."""

from torch import Tensor

from simulator.scenes.camera import FLOOR_AXES, Camera, Pose, pose_at
from simulator.scenes.furniture import open_book, vessel
from simulator.scenes.light import Light, light_from_colors, unit_direction
from simulator.scenes.mipmap import MipMap, random_texture, textured
from simulator.scenes.outlines import below
from simulator.scenes.raster import Primitive
from simulator.scenes.rng import FreeFloor, Rng
from simulator.scenes.shading import Hit, Material, Shader, lit, of_hit
from simulator.scenes.shadows import ShadowCasters
from simulator.scenes.solids import Box, Card, Solid, cone, cylinder, sphere
from simulator.scenes.staging import Staging
from simulator.scenes.textures.pattern import smoothstep

_GLAZES = ("#2f5d6b", "#c9b28a", "#8a3a2c", "#e0d8c6", "#3f5a44", "#b8792f", "#41465a", "#d0a59a", "#6f8f8a")
_FRUIT = (  # shape, size in meters, color
    ("apple", 0.085, "#a8281f"),
    ("apple", 0.085, "#8a9a2e"),
    ("apple", 0.08, "#c4552d"),
    ("pear", 0.125, "#b5a23a"),
    ("orange", 0.08, "#d9781c"),
    ("orange", 0.07, "#d8a41e"),
    ("orange", 0.06, "#5b2440"),
)
_TALL = "vase amphora gourd bottle flask jar goblet"

Skins = dict[str, list[MipMap]]
Thing = tuple[Solid, Material]


def still_life(frame: Camera, rng: Rng, light: Light | None = None) -> Staging:
    camera = frame.view(focal=rng.uniform(1.25, 1.6), eye=rng.uniform(0.36, 0.5), pitch=rng.uniform(0.2, 0.28))
    side = rng.sign()
    toward = unit_direction(side * rng.uniform(1.75, 2.3), rng.uniform(0.5, 0.8))
    key = (rng.word("#fff1dc #ffe4c0 #fdf6ec"), rng.uniform(1.7, 2.2))
    sky = (rng.word("#c9d6e6 #d6d8e0 #e6dccf"), rng.uniform(0.45, 0.65))
    light = light or light_from_colors(toward, key, sky, ground="#8a7256", softness=rng.uniform(0.08, 0.2))
    wall_depth = rng.uniform(1.9, 2.5)
    px = frame.texture_px
    things = _things(camera, rng, px)
    casters = ShadowCasters.from_solids([solid for solid, skin in things if not skin.glow], light)
    table = Pose((0.0, 0.0, 0.0), FLOOR_AXES)
    wall = pose_at((0.0, 0.0, wall_depth), yaw=rng.within(0.25))
    table_skin = Material(
        random_texture(rng, px, "wood planks marble weave plaid wood"),
        tile=rng.uniform(0.7, 1.0),
        gloss=rng.uniform(0.0, 0.35),
        polish=0.5,
        grain_across=rng.chance(0.5),
    )
    wall_texture = random_texture(rng, px, "plaster brick wallpaper planks tiles concrete plaster")
    wall_light = lit(Material(wall_texture, tile=rng.uniform(1.2, 1.8)), light)
    on_table = casters.baked_on_plane(table, (-1.3, 1.3, 0.4, 2.2), 192)
    backdrop = [[Primitive(Card(wall), _window_light(wall_light, side, rng.uniform(0.35, 0.6), rng.within(0.3)))]]
    foreground = [[Primitive(Card(table, below(wall_depth - 0.35)), lit(table_skin, light, on_table))]]
    foreground += [[Primitive(solid, lit(skin, light, casters.visibility_on(solid)))] for solid, skin in things]
    return Staging(camera, light, backdrop, foreground)


@of_hit
def _window_light(hit: Hit, shader: Shader, side: float, strength: float, slope: float) -> Tensor:
    """Light that falls off across the wall."""
    at = side * hit.uv[0] + slope * hit.uv[1]
    return shader(hit) * (1.0 - strength + 0.75 * strength * smoothstep(-0.9, 0.8, at))


def _things(camera: Camera, rng: Rng, px: int) -> list[Thing]:
    """Five to nine things that do not touch, the tall ones behind."""
    things: list[Thing] = []
    floor = FreeFloor()
    far = rng.uniform(1.35, 1.55)
    skins = _skins(rng, px)
    for i in range(rng.integer(6, 10)):
        for _ in range(40):
            z = far - (far - 0.82) * (i + rng.uniform(0.0, 1.0)) / 10 * 1.3
            x = rng.within(0.9) * camera.half_x * z
            made = _thing(rng, x, max(z, 0.8), tall=i < 3, skins=skins)
            xs, _, zs = zip(*made[0][0].corners(), strict=True)
            if floor.take(x, z, 0.5 * max(max(xs) - min(xs), max(zs) - min(zs)), gap=1.03):
                things += made
                break
    return things


def _skins(rng: Rng, px: int) -> Skins:
    """A few mipmaps that the things share."""
    plain, pores = random_texture(rng, px, "glaze"), random_texture(rng, px, "leather")
    fancy = rng.shuffled(("marble", "terrazzo", "kilim", "wood", "weave", "tiles", "rust"))[:2]
    skins = {
        "glaze": [plain.tinted(code) for code in rng.shuffled(_GLAZES)[:4]],
        "fancy": [textured(name, px, rng.seed()) for name in fancy],
        "pores": [pores],
        "plain": [plain],
        "cloth": [textured("weave", px, rng.seed())],
        "page": [textured("print", px, rng.seed())],
    }
    return skins


def _thing(rng: Rng, x: float, z: float, *, tall: bool, skins: Skins) -> list[Thing]:
    pose = Pose((x, 0.001, z))
    if tall:
        mipmap = rng.choice(skins["glaze"] + skins["fancy"])
        skin = Material(mipmap, tile=0.35, gloss=rng.uniform(0.3, 1.0), polish=0.13)
        return [(vessel(rng.word(_TALL), pose, rng.uniform(0.2, 0.36)), skin)]
    choice = rng.integer(0, 9)
    if choice < 5:
        return [_fruit(rng, pose, skins)]
    if choice < 6:
        if rng.chance(0.4):
            return [(leaf, Material(skins["page"][0], tile=0.17)) for leaf in open_book(x, 0.0, z, rng.within(0.8))]
        return _books(rng, x, z, skins["cloth"])
    if choice < 7:
        return _candle(rng, pose, skins["plain"][0])
    skin = Material(rng.choice(skins["glaze"]), tile=0.3, gloss=rng.choice((0.0, 0.8)), polish=0.14)
    if choice < 8:
        return [(vessel(rng.word("cup bowl"), pose, rng.uniform(0.07, 0.1)), skin)]
    return [(_plaster_solid(rng, pose), skin)]


def _plaster_solid(rng: Rng, pose: Pose) -> Solid:
    """What one draws in a first lesson."""
    x, y, z = pose.origin
    size = rng.uniform(0.05, 0.075)
    solids: tuple[Solid, ...] = (
        cone(pose, size, 0.0, 2.6 * size),
        sphere((x, y + size, z), size),
        Box(pose_at((x, y + 0.8 * size, z), yaw=rng.uniform(0.0, 1.5)), (0.8 * size, 0.8 * size, 0.8 * size)),
        cylinder(pose, 0.7 * size, 2.2 * size),
    )
    return rng.choice(solids)


def _fruit(rng: Rng, pose: Pose, skins: Skins) -> Thing:
    name, width, code = rng.choice(_FRUIT)
    mipmap = rng.choice(skins["pores" if name == "orange" else "plain"])
    skin = Material(mipmap.tinted(code), tile=0.3, gloss=0.35, polish=0.2)
    if name == "orange":
        x, y, z = pose.origin
        return sphere((x, y + 0.5 * width, z), 0.5 * width), skin
    return vessel(name, pose_at(pose.origin, roll=rng.within(0.1)), width), skin


def _candle(rng: Rng, pose: Pose, plain: MipMap) -> list[Thing]:
    radius, height = rng.uniform(0.028, 0.04), rng.uniform(0.09, 0.2)
    wax = Material(plain.tinted("#e6d9bf"), tile=0.3, gloss=0.2, polish=0.4)
    fire = Material(plain.tinted("#ffb347"), glow=14.0)
    flame = Pose(pose.point_to_world(0.0, height + 0.006, 0.0))
    return [(cylinder(pose, radius, height), wax), (vessel("pear", flame, 0.034), fire)]


def _books(rng: Rng, x: float, z: float, cloth: list[MipMap]) -> list[Thing]:
    """A pile of two to four."""
    pile: list[Thing] = []
    y = 0.001
    for _ in range(rng.integer(2, 4)):
        half = (rng.uniform(0.075, 0.1), rng.uniform(0.011, 0.022), rng.uniform(0.055, 0.07))
        pose = pose_at((x + rng.within(0.01), y + half[1], z), yaw=rng.within(0.5))
        pile.append((Box(pose, half), Material(rng.choice(cloth).tinted(rng.choice(_GLAZES)), tile=0.16)))
        y += 2 * half[1] + 0.001
    return pile
