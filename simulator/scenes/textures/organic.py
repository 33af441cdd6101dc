"""Textures of grown things and of the sky: wood, bark, leaves, grass, leather, clouds."""

import torch
from torch import Tensor

from simulator.scenes.textures.pattern import Canvas, mix, ramp, relief, smoothstep, wave

_WOODS = (
    "#c79b66 #a8763f #7d5228 | #9a6b42 #7a4d2b #4d2f1a | #6b4630 #4e3120 #2f1d13 | "
    "#d3b48a #bd9566 #94693d | #a39684 #867a69 #5d5347"
)


def wood(canvas: Canvas) -> Tensor:
    """Sawn face of a log: growth rings along y, pores, two knots."""
    return _grain(canvas, canvas.palette(_WOODS), canvas.x.expand(canvas.height, -1), 0)


def planks(canvas: Canvas) -> Tensor:
    """Boards side by side along y, each cut from another place of the log."""
    colors = canvas.palette(_WOODS)
    x, _ = canvas.grid(7, 1)
    board = x.floor()
    tone = canvas.value(board, 9)
    color = _grain(canvas, colors, x / canvas.count(7, canvas.width) + tone, 0) * (0.72 + 0.5 * canvas.value(board, 10))
    inside = 0.5 - (x - board - 0.5).abs()
    gap = smoothstep(0.012, 0.012 + max(0.02, canvas.softness(7)), inside)
    return color * (0.12 + 0.88 * gap) * relief(smoothstep(0.0, 0.06, inside), 0.004)


def _grain(canvas: Canvas, colors: list[Tensor], across: Tensor, salt: int) -> Tensor:
    """Rings are contour lines of a slowly warped ramp; a knot is a bump on that ramp."""
    rings = canvas.uniform(30, 5.0, 11.0)
    drift = canvas.fractal(3, 31 + salt, octaves=4, stretch=7.0)
    height = 0.55 * drift * 2.0 + rings * (2.0 * wave(across) + 0.25 * drift)
    for knot in range(2):
        dx = _around(canvas.x - canvas.uniform(40 + knot), canvas.width / canvas.long_side)
        dy = _around(canvas.y - canvas.uniform(50 + knot), canvas.height / canvas.long_side)
        near = (dx / 0.035) ** 2 + (dy / 0.09) ** 2
        height = height + 2.6 / (1.0 + near)
    ring = wave(height * 1.0 + 0.1 * canvas.fractal(30, 32, octaves=3, stretch=10.0))
    pores = canvas.fractal(110, 33, octaves=2, gain=0.8, stretch=14.0)
    streak = canvas.fractal(26, 34, octaves=4, gain=0.7, stretch=16.0)
    tone = 0.18 + 0.42 * ring * ring + 0.22 * streak + 0.16 * pores
    return ramp(colors, tone) * (1.0 + 0.07 * pores)


def _around(delta: Tensor, period: float) -> Tensor:
    """The shorter way round."""
    return delta - period * (delta / period).round()


def bark(canvas: Canvas) -> Tensor:
    """Deep vertical ridges, lichen."""
    *tones, lichen = canvas.palette(
        "#2c221b #5d4a3a #8d7860 #8f9a72 | #2a2826 #5b5650 #8a8378 #9aa38a | #33231a #6a452f #94694a #7f8a5c"
    )
    folds = canvas.fractal(12, 2, octaves=6, gain=0.55, stretch=4.0)
    ridge = 1.0 - (folds.abs() * 2.2).clamp(max=1.0)
    height = 1.0 - ridge * ridge
    grain = canvas.fractal(50, 3, octaves=4, gain=0.7, stretch=2.0)
    spots = smoothstep(0.45, 0.7, canvas.fractal(7, 4, gain=0.65)) * height
    color = ramp(tones, 0.1 + 0.75 * height + 0.18 * grain)
    return mix(color, lichen, 0.6 * spots) * relief(height + 0.15 * grain, 0.010)


def leaf(canvas: Canvas) -> Tensor:
    """Blade of a leaf: midrib along y in the middle, side veins that bend towards the tip (y = 0)."""
    deep, blade, vein = canvas.palette(
        "#2f5a22 #4f8a35 #a9c77a | #3b6b2a #6ea043 #c3d694 | #25492a #3c7040 #8fb584 | #6b7a24 #9aa63a #d6d68a | "
        "#7a3a1c #b8642a #e0b26a"
    )
    aspect = canvas.width / canvas.long_side
    side = (2.0 * canvas.x / aspect - 1.0).abs().expand(canvas.height, -1)  # 0 at the midrib, 1 at the rim
    _, y = canvas.grid(1, 9)
    veins = canvas.count(9, canvas.height)
    phase = y - veins * (0.42 * side - 0.13 * side * side)
    spread = (phase - phase.floor() - 0.5).abs()
    thin = 0.035 * (1.3 - side) * (0.8 + 0.2 * veins / 9)
    secondary = smoothstep(thin + 0.06, thin, 0.5 - spread) * 0.48
    midrib = smoothstep(0.06, 0.025, side)
    net = canvas.cellular(46, 2, jitter=0.9)
    tertiary = smoothstep(0.10, 0.02, net.edge) * 0.16
    mottle = 0.5 + 0.45 * canvas.fractal(9, 3)
    bulge = wave(phase) * (1.0 - 0.4 * side)
    color = mix(deep, blade, (0.25 + 0.45 * bulge + 0.35 * (mottle - 0.5)).clamp(0, 1))
    return mix(color, vein, torch.maximum(torch.maximum(secondary, midrib), tertiary))


def grass(canvas: Canvas) -> Tensor:
    """A meadow from above: tufts, dry blades, clover."""
    tones = canvas.palette(
        "#252f16 #475a28 #73853f #a39f5c | #2f3818 #586a30 #8a9450 #bfb37c | #22331f #3d5731 #647d46 #939f62"
    )
    tuft = canvas.fractal(9, 2, octaves=3)
    blades = canvas.fractal(80, 3, octaves=3, gain=0.9, stretch=3.5)
    crossing = canvas.fractal(80, 4, octaves=3, gain=0.9, stretch=0.5)
    tone = 0.42 + 0.09 * tuft + 0.26 * blades + 0.18 * crossing
    return ramp(tones, tone) * relief(blades, 0.0022)


def canopy(canvas: Canvas) -> Tensor:
    """Dense leaves of a hedge or a crown, seen from afar: three storeys, the upper ones brighter."""
    deep, dark, light, bright = canvas.palette(
        "#16240d #2f4a1c #557a2e #8aa84a | #18260f #3a4f1f #6b7f33 #a3a853 | #2a1a0d #6b3f1a #a8692a #d09a45"
    )
    clump = 0.5 + 0.5 * canvas.fractal(7, 2, octaves=4)
    picture = mix(deep, dark, clump)
    for cells_along, salt, color in ((40, 3, dark), (52, 4, light), (64, 5, bright)):
        cells = canvas.cellular(cells_along, salt, jitter=1.0)
        size = 0.08 + 0.22 * clump.clamp(0.0, 1.0)
        leaf_here = smoothstep(0.02, 0.02 + canvas.softness(cells_along), cells.edge - size + 0.24) * (
            cells.value < 0.25 + 0.45 * clump
        )
        blade = color[:, None, None] * (0.65 + 0.5 * (cells.value * 7.0 % 1.0))
        picture = mix(picture, blade, leaf_here)
    return picture


def moss(canvas: Canvas) -> Tensor:
    """Soil, dead leaves and cushions of moss: the floor of a wood."""
    earth_dark, earth, green, bright = canvas.palette(
        "#2b2118 #5a4530 #4a5a24 #8a9a3e | #2a241d #6a5238 #3f5428 #71893a"
    )
    patch = canvas.fractal(5, 2, octaves=6, gain=0.55)
    cover = smoothstep(-0.25, 0.25, patch)
    grain = canvas.fractal(45, 3, octaves=4, gain=0.8)
    soil = mix(earth_dark, earth, (0.5 + 0.5 * grain).clamp(0, 1))
    cushion = mix(green, bright, (0.4 + 0.4 * canvas.fractal(60, 4, octaves=3, gain=0.9)).clamp(0, 1))
    return mix(soil, cushion, cover) * relief(0.4 * cover + 0.3 * grain, 0.006)


def leather(canvas: Canvas) -> Tensor:
    """Grained hide, darker in the creases."""
    dark, light = canvas.palette(
        "#3a1f14 #7a4528 | #1d1c1c #3d3a38 | #5b1d1a #8f3a30 | #6b4a2a #a97c4b | #22332c #3f5a4e"
    )
    pores = canvas.cellular(64, 2, jitter=0.95)
    dome = smoothstep(0.0, 0.3, pores.edge)
    crease = smoothstep(0.02, 0.12, canvas.fractal(6, 3, octaves=6).abs())
    height = dome * (0.6 + 0.4 * crease)
    return mix(dark, light, 0.25 + 0.6 * height + 0.12 * canvas.fractal(5, 4)) * relief(height, 0.0016)


def clouds(canvas: Canvas) -> Tensor:
    """Fair-weather clouds with shaded undersides."""
    zenith, haze, white, gray = canvas.palette(
        "#4a7fb5 #8fb3d1 #f2f0ec #a9b2bd | #5f8fbd #b3cadb #faf3e8 #b9b6b8 | #6a83a8 #d9b9a0 #ffe9cf #9a8fa0"
    )
    body = canvas.fractal(4, 2, octaves=8, gain=0.52, stretch=0.6)
    cover = smoothstep(-0.05, 0.55, body)
    thick = smoothstep(0.2, 1.0, body.roll(canvas.height // 40, dims=0))
    sky = mix(zenith, haze, smoothstep(-0.8, 0.8, canvas.fractal(2, 3, octaves=3)))
    return mix(sky, mix(white, gray, thick * 0.75), cover)


def gradient(canvas: Canvas) -> Tensor:
    """Three colors that flow into each other: a studio backdrop."""
    colors = canvas.palette(
        "#2d3e50 #6f8a9a #d9c7a8 | #3a2a3f #a0556a #e6b98a | #1f3d3a #5f8f7f #d6d9b5 | #4a4540 #8f857a #cfc6ba"
    )
    flow = canvas.fractal(2, 2, octaves=2, gain=0.35)
    return ramp(colors, 0.5 + 0.55 * flow) * (1.0 + 0.012 * canvas.fractal(120, 3, octaves=2, gain=1.0))


PATTERNS = (wood, planks, bark, leaf, grass, canopy, moss, leather, clouds, gradient)
