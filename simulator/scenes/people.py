"""People seen from behind, standing on a floor at y = 0: clothes, arms, hands, hair and hats."""

import math
from dataclasses import replace

from simulator.scenes.camera import Pose, Vector, pose_at
from simulator.scenes.light import tangents
from simulator.scenes.mipmap import random_texture
from simulator.scenes.outlines import strands
from simulator.scenes.rng import Rng
from simulator.scenes.shading import Material
from simulator.scenes.solids import Card, Lathe, Solid, cone, ellipsoid, sphere, spline_lathe

Piece = list[tuple[Solid, Material]]

_NO_FACE = 0.5  # greatest turn of a head, radians: no face shows
_STRANDS_WITHIN = 4.0  # meters from the camera; thinner than a pixel beyond
_FINGERS_WITHIN = 3.0
_ARMS: dict[str, tuple[Vector, Vector]] = {  # elbow and hand of the right arm, from the nape: right, up, ahead
    "hanging": ((0.26, -0.36, 0.0), (0.27, -0.62, 0.06)),
    "on the hip": ((0.42, -0.33, -0.06), (0.2, -0.52, 0.05)),
    "waving": ((0.43, -0.04, 0.03), (0.5, 0.26, 0.05)),
    "on the head": ((0.4, 0.06, 0.04), (0.13, 0.24, -0.04)),
    "behind the back": ((0.31, -0.34, -0.1), (0.05, -0.46, -0.19)),
    "pointing": ((0.36, -0.12, 0.2), (0.5, -0.02, 0.46)),
}


def person(rng: Rng, px: int, x: float, z: float, *, wintry: bool = False) -> list[Piece]:
    """Clothes and legs, then head, arms and hands; px: size of the textures."""
    neck = rng.uniform(1.34, 1.54)
    pose = pose_at((x, neck, z), yaw=math.atan2(x, z) + rng.within(0.5))
    cloth = Material(random_texture(rng, px, "weave plaid leather knit" if wintry else "weave plaid stripes"), tile=0.5)
    skin = Material(random_texture(rng, px // 4, "paper", "#c68a6a #8d5a3f #e0b090 #5f3c2a"), tile=0.3)
    cloak = wintry and rng.chance(0.6)
    body = _cloak(pose, cloth) if cloak else _clothes(rng, pose, cloth, px)
    return [body, [*_head(rng, pose, skin, px, wintry), *([] if cloak else _arms(rng, pose, cloth, skin))]]


def _cloak(pose: Pose, cloth: Material) -> Piece:
    """A wide coat that hides the arms."""
    coat = [(-0.75, 0.29), (-0.35, 0.285), (-0.17, 0.268), (-0.09, 0.225), (-0.04, 0.15), (0.0, 0.09), (0.06, 0.06)]
    skirt = replace(cone(_at(pose, -pose.origin[1]), 0.335, 0.29, pose.origin[1] - 0.74), squash=0.48)
    return [(spline_lathe(pose, coat, pieces=16, squash=0.48), cloth), (skirt, cloth)]


def _clothes(rng: Rng, pose: Pose, cloth: Material, px: int) -> Piece:
    """Jacket or shirt over trousers or a skirt."""
    waist = rng.uniform(0.15, 0.2)
    jacket = [(-0.72, 0.2), (-0.45, waist), (-0.2, 0.205), (-0.1, 0.19), (-0.05, 0.13), (0.0, 0.075), (0.06, 0.06)]
    lower = Material(random_texture(rng, px // 4, "weave", "#2f3d52 #3a3a3c #6a5a45 #7a3b33 #8a8578 #45503a"), tile=0.3)
    floor = -pose.origin[1]
    legs: Piece = []
    if rng.chance(0.35):
        legs.append((replace(cone(_at(pose, floor + 0.35), 0.3, 0.19, -floor - 1.05), squash=0.7), lower))
    for side in (-1.0, 1.0):
        ankle, hip = pose.point_to_world(0.1 * side, floor + 0.06, 0.0), pose.point_to_world(0.09 * side, -0.68, 0.0)
        legs.append((_limb(ankle, hip, 0.065, 0.09), lower))
        shoe = Pose(pose.point_to_world(0.1 * side, floor + 0.05, 0.05), pose.axes)
        legs.append((ellipsoid(shoe, 0.06, 0.05, 2.2), lower))
    return [(spline_lathe(pose, jacket, pieces=10, squash=0.6), cloth), *legs]


def _arms(rng: Rng, pose: Pose, cloth: Material, skin: Material) -> Piece:
    """Sleeves, forearms, hands with fingers."""
    parts: Piece = []
    sleeves = rng.choice((cloth, cloth, skin))
    for side in (-1.0, 1.0):
        bent = _ARMS[rng.choice([*_ARMS, "hanging"])]
        shoulder, elbow, hand = (pose.point_to_world(side * a, b, c) for a, b, c in ((0.17, -0.11, 0.0), *bent))
        parts += [(_limb(shoulder, elbow, 0.056, 0.05), cloth), (_limb(elbow, hand, 0.046, 0.036), sleeves)]
        along = [(h - e) / math.dist(hand, elbow) for e, h in zip(elbow, hand, strict=True)]
        palm = _moved(hand, along, 0.05)
        parts.append((_rod(hand, palm, 0.034), skin))
        if math.hypot(pose.origin[0], pose.origin[2]) > _FINGERS_WITHIN:
            continue
        spread = rng.uniform(0.012, 0.022)
        for k in range(4):
            knuckle = _moved(palm, pose.axes[0], spread * (k - 1.5))
            tip = _moved(_moved(knuckle, along, 0.075 - 0.008 * abs(k - 1.5)), pose.axes[0], 0.5 * spread * (k - 1.5))
            parts.append((_rod(knuckle, tip, 0.0085), skin))
    return parts


def _head(rng: Rng, pose: Pose, skin: Material, px: int, wintry: bool) -> Piece:
    """Neck or scarf, head, and a hat, long hair or a bun; strands stand off the hair."""
    hair = Material(random_texture(rng, px // 4, "bark", "#2b1d14 #4a3020 #1b1714 #7a5a35 #5b2e1c #a8895a"), tile=0.16)
    knit = "knit" if wintry else "weave stripes"
    wool = Material(random_texture(rng, px // 4, knit), tile=0.22)
    turn = rng.within(_NO_FACE)
    head: Piece = [(ellipsoid(_at(pose, 0.2, -0.01, pitch=0.1, yaw=turn), 0.088, 0.118, 1.12), skin)]
    if wintry:
        scarf = [(-0.02, 0.07), (0.0, 0.105), (0.05, 0.118), (0.09, 0.105), (0.12, 0.06)]
        head.append((spline_lathe(pose, scarf, pieces=6), wool))
    else:
        head.append((_limb(_at(pose, -0.02).origin, _at(pose, 0.14).origin, 0.058, 0.05), skin))
        head += [
            (ellipsoid(_at(pose, 0.19, 0.0, yaw=turn, aside=side), 0.014, 0.03, 1.6), skin) for side in (-0.09, 0.09)
        ]
    cap = _at(pose, 0.2, pitch=rng.uniform(0.05, 0.2), yaw=turn)
    style = rng.word("hat mane" if wintry else "brim mane short bun")
    if style == "hat":
        hat = [(0.0, 0.112), (0.03, 0.117), (0.08, 0.11), (0.125, 0.075), (0.15, 0.02)]
        rim = [(-0.035, 0.112), (-0.015, 0.124), (0.02, 0.124), (0.04, 0.112)]
        head += [(spline_lathe(cap, hat, pieces=6), wool), (spline_lathe(cap, rim, pieces=4), wool)]
        head.append((sphere(cap.point_to_world(0.0, 0.175, 0.0), 0.034), wool))
    if style == "brim":
        straw = [(0.0, 0.2), (0.012, 0.16), (0.03, 0.112), (0.09, 0.098), (0.125, 0.075), (0.14, 0.02)]
        head.append((spline_lathe(_at(pose, 0.23, pitch=0.12, yaw=turn), straw, pieces=9), wool))
    locks = [(-0.17, 0.06), (-0.11, 0.095), (-0.04, 0.104), (0.03, 0.1)]
    mane = [(-0.2, 0.05), (-0.13, 0.085), (-0.03, 0.102), (0.06, 0.1), (0.115, 0.06), (0.135, 0.01)]
    short = [(-0.08, 0.06), (-0.04, 0.094), (0.03, 0.102), (0.08, 0.09), (0.115, 0.06), (0.132, 0.01)]
    head.append(
        (spline_lathe(cap, {"hat": locks, "brim": locks, "mane": mane}.get(style, short), pieces=7, squash=1.12), hair)
    )
    if style == "bun":
        head.append((sphere(cap.point_to_world(0.0, 0.06, -0.13), 0.055), hair))
    if style in ("mane", "short", "bun") and math.hypot(*pose.origin) < _STRANDS_WITHIN:
        head.append((_strands(rng, cap), hair))
    return head


def _strands(rng: Rng, cap: Pose) -> Card:
    """Hair that stands off around a head, in a plane through it that faces the camera."""
    x, y, z = cap.origin
    roots = [(rng.uniform(-2.6, 2.6), rng.within(0.5), rng.uniform(0.108, 0.15)) for _ in range(26)]
    return Card(
        pose_at((x, y, z), yaw=math.atan2(x, z)), strands(roots, 0.08, 0.0005), (-0.16, 0.16, -0.16, 0.16), thin=True
    )


def _at(pose: Pose, up: float, back: float = 0.0, *, pitch: float = 0.0, yaw: float = 0.0, aside: float = 0.0) -> Pose:
    """A pose on a person, turned with it."""
    ahead = pose.axes[2]
    return pose_at(pose.point_to_world(aside, up, back), yaw=math.atan2(ahead[0], ahead[2]) + yaw, pitch=pitch)


def _moved(point: Vector, along: Vector | list[float], by: float) -> Vector:
    x, y, z = (p + by * a for p, a in zip(point, along, strict=True))
    return x, y, z


def _limb(start: Vector, end: Vector, first: float, last: float) -> Lathe:
    """From a radius at one joint to that at the other, with round ends."""
    pose, length = _along(start, end)
    bulge = [(-0.9 * first, 0.3 * first), (0.0, first), (length, last), (length + 0.9 * last, 0.3 * last)]
    return spline_lathe(pose, bulge, pieces=6)


def _rod(start: Vector, end: Vector, radius: float) -> Lathe:
    """A long ellipsoid around both points."""
    pose, length = _along(start, end)
    return ellipsoid(Pose(pose.point_to_world(0.0, 0.5 * length, 0.0), pose.axes), radius, 0.5 * length + 0.7 * radius)


def _along(start: Vector, end: Vector) -> tuple[Pose, float]:
    """A pose at `start` whose y points at `end`, and their distance."""
    length = math.dist(start, end)
    x, y, z = ((b - a) / length for a, b in zip(start, end, strict=True))
    aside, ahead = tangents((x, y, z))
    return Pose(start, (ahead, (x, y, z), aside)), length
