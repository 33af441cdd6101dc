"""Textures of minerals and metal: plaster, concrete, masonry, stones, marble, terrazzo, rust."""

import torch
from torch import Tensor

from simulator.scenes.textures.pattern import Canvas, linear, mix, ramp, relief, smoothstep


def plaster(canvas: Canvas) -> Tensor:
    """Painted, hand-trowelled wall with faint stains."""
    light, dark = canvas.palette(
        "#d9cdb8 #c4b398 | #c9a98a #b08a68 | #b9c2bd #9aa8a4 | #d8b48c #b98a5e | #c7c1c9 #a79fae | "
        "#8fa3a0 #6d8481 | #d5c9c0 #ad9c90"
    )
    stain = smoothstep(-0.2, 1.1, canvas.fractal(3, 2))
    trowel = canvas.fractal(10, 3, gain=0.55, stretch=0.5)
    grain = canvas.fractal(70, 4, octaves=3, gain=0.7)
    shade = relief(trowel, 0.0045) * relief(grain, 0.0005)
    return mix(light, dark, stain * 0.7) * shade * (1.0 + 0.03 * grain)


def glaze(canvas: Canvas) -> Tensor:
    """Smooth enamel, a little uneven, with a few specks."""
    (tint,) = canvas.palette("#2f5d6b | #c9b28a | #8a3a2c | #e0d8c6 | #3f5a44 | #b8792f | #41465a")
    specks = canvas.cellular(64, 2, jitter=1.0)
    size = 0.02 + 0.1 * specks.value
    speck = smoothstep(size + canvas.softness(64), size, specks.nearest) * (specks.value > 0.88)
    cloud = canvas.fractal(3, 3, octaves=4)
    return tint[:, None, None] * (1.0 + 0.10 * cloud) * (1.0 - 0.3 * speck)


def concrete(canvas: Canvas) -> Tensor:
    """Cast concrete: blotches, pits, faint lines of the formwork."""
    light, dark = canvas.palette("#aaa7a0 #7f7c76 | #b5aea2 #8a8073 | #94999b #6b7073")
    blotch = 0.5 + 0.45 * canvas.fractal(4, 2, gain=0.6)
    pits = canvas.cellular(60, 3)
    hole = smoothstep(0.16, 0.08, pits.nearest) * (pits.value > 0.7)
    _, y = canvas.grid(1, 4)
    seam = smoothstep(0.0, 0.02, 0.5 - (y - y.floor() - 0.5).abs())
    grain = canvas.fractal(90, 4, octaves=3, gain=0.8)
    base = mix(light, dark, blotch) * (1.0 + 0.07 * grain) * relief(canvas.fractal(24, 5), 0.003)
    return base * (1.0 - 0.55 * hole) * (0.72 + 0.28 * seam)


def brick(canvas: Canvas) -> Tensor:
    """Running bond with worn edges; every brick has its own tone."""
    *bricks, mortar = canvas.palette(
        "#8f4a34 #a9603f #6f3a2c #b9ac9a | #b58a5a #c7a06c #8d6a45 #c9c0ae | #7a3b33 #5b2f2b #94564a #8f8a82 | "
        "#c9c3b8 #d6d1c8 #aaa398 #b4ada1 | #9c5a3c #7c4a3a #b87850 #6f6a64"
    )
    return _masonry(canvas, bricks, mortar, columns=6, rows=16, bevel=0.10)


def ashlar(canvas: Canvas) -> Tensor:
    """Wall of big cut stones."""
    *stones, mortar = canvas.palette(
        "#b3a78f #a0937a #c4b99f #8a8070 | #9a9a96 #85867f #aeada6 #74736e | #c2ab86 #a98f69 #d0bd9b #93805f"
    )
    return _masonry(canvas, stones, mortar, columns=4, rows=6, bevel=0.07)


def _masonry(canvas: Canvas, stones: list[Tensor], mortar: Tensor, *, columns: int, rows: int, bevel: float) -> Tensor:
    x, y = canvas.grid(columns, rows, even_rows=True)
    row = y.floor()
    shift = 0.5 * (row % 2) + 0.12 * (canvas.value(row, 2) - 0.5)
    column = (x + shift).floor()
    around = column % canvas.count(columns, canvas.width)
    wobble = canvas.fractal(14, 3, octaves=5) * 0.035
    from_x = (0.5 - (x + shift - column - 0.5).abs()) * rows / columns  # in units of a row's height
    from_y = 0.5 - (y - row - 0.5).abs()
    inside = torch.minimum(from_x, from_y) + wobble  # distance to the joint's middle
    face = smoothstep(0.05, 0.05 + max(bevel, canvas.softness(rows)), inside)
    grain = canvas.fractal(28, 4, gain=0.7)
    tone = (canvas.cell_value(around, row, 5) + 0.25 * canvas.fractal(6, 6)).clamp(0.0, 1.0)
    color = ramp(stones, tone) * (0.86 + 0.28 * canvas.cell_value(around, row, 7)) * (1.0 + 0.22 * grain)
    joint = mortar[:, None, None] * (0.9 + 0.15 * canvas.fractal(60, 8, octaves=3))
    return mix(joint, color, face) * relief(face + 0.12 * grain, 0.05 / rows * 2)


def stone(canvas: Canvas) -> Tensor:
    """Dry wall of rounded field stones of all tones."""
    *tones, gap = canvas.palette(
        "#8c867a #a39a88 #6f6c66 #b3a58c #2e2b27 | #7d7f80 #989894 #5f6264 #a8a196 #26282a | "
        "#a08a6c #b89f7c #7d6a52 #8f8778 #332a20"
    )
    cells = canvas.cellular(9, 2, jitter=0.75)
    edge = cells.edge + 0.05 * canvas.fractal(16, 3)
    face = smoothstep(0.02, 0.16, edge)
    grain = canvas.fractal(22, 4, gain=0.65)
    color = ramp(tones, (cells.value + 0.18 * grain).clamp(0, 1)) * (1.0 + 0.25 * grain)
    return mix(gap, color, face) * relief(face * 0.9 + 0.2 * grain, 0.012)


def cobble(canvas: Canvas) -> Tensor:
    """Paving of small setts in sand."""
    *tones, gap = canvas.palette(
        "#77736d #8d8880 #5f5c58 #3d3934 | #8a7f72 #6b6158 #a0958a #4a4138 | #6b6f75 #868a8f #54575c #37383a"
    )
    cells = canvas.cellular(16, 2, jitter=0.38)
    face = smoothstep(0.03, 0.22, cells.edge + 0.03 * canvas.fractal(40, 3, octaves=4))
    grain = canvas.fractal(50, 4, octaves=5, gain=0.7)
    color = ramp(tones, cells.value) * (1.0 + 0.22 * grain)
    return mix(gap, color, face) * relief(face + 0.08 * grain, 0.010)


def gravel(canvas: Canvas) -> Tensor:
    """Two sizes of pebbles."""
    *tones, gap = canvas.palette("#9b9184 #b8ae9f #77706a #cfc6b7 #3b352f | #8a7b69 #a89680 #6a5d50 #c2b39c #302822")
    picture = gap[:, None, None].expand(3, canvas.height, canvas.width)
    for cells_along, salt in ((70, 2), (38, 5)):
        cells = canvas.cellular(cells_along, salt, jitter=0.9)
        stone_here = smoothstep(0.03, 0.14, cells.edge) * ((cells.value > 0.45) | (salt == 2))
        dome = (1.15 - 0.9 * cells.nearest).clamp(min=0.3)
        color = ramp(tones, (cells.value * 7.0) % 1.0) * dome
        picture = mix(picture, color, stone_here)
    return picture * (1.0 + 0.12 * canvas.fractal(90, 9, octaves=3))


def marble(canvas: Canvas) -> Tensor:
    """Polished slab: veins run where a warped noise crosses zero."""
    light, cloud, vein = canvas.palette(
        "#dedbd5 #bdb9b3 #6f6b69 | #3a4640 #27322d #b7c2b4 | #d9c2ab #c09d80 #7c5740 | #2d2b30 #1d1c20 #b9a37c"
    )
    folds = canvas.fractal(2.5, 2, octaves=7, gain=0.6)
    fine = canvas.fractal(5, 3, octaves=7, gain=0.62)
    veins = 0.75 / (1.0 + (folds / 0.035) ** 2) + 0.4 / (1.0 + (fine / 0.025) ** 2)
    return mix(mix(light, cloud, smoothstep(-0.8, 0.9, canvas.fractal(3, 4))), vein, veins.clamp(max=0.9))


def terrazzo(canvas: Canvas) -> Tensor:
    """Chips of stone in cement, ground flat."""
    *chips, cement = canvas.palette(
        "#7b4a3a #c9b79a #4d5a58 #e0d8ca #c3bbb0 | #2f3b46 #8fa0a5 #d8d3c9 #b6865c #9aa09c | "
        "#e6ded0 #b3a896 #6e665c #94644c #4f4c4b"
    )
    picture = cement[:, None, None] * (1.0 + 0.06 * canvas.fractal(60, 2, octaves=4))
    for cells_along, salt in ((44, 3), (20, 4)):
        cells = canvas.cellular(cells_along, salt, jitter=0.95)
        size = 0.02 + 0.30 * ((cells.value * 5.0) % 1.0)
        edge = canvas.softness(cells_along)
        chip = smoothstep(size, size + edge, cells.edge) * (cells.value > 0.25)
        picture = mix(picture, ramp(chips, (cells.value * 11.0) % 1.0), chip)
    return picture


def rust(canvas: Canvas) -> Tensor:
    """Old paint that flakes off corroded steel."""
    paint, *iron = canvas.palette(
        "#4f7a78 #6b3a20 #9a5a2c #3c2418 | #b9a98a #7a4526 #a5683a #41281a | #7e2f28 #5a3320 #8a5a34 #2e1c14 | "
        "#3d5a80 #6b3a20 #a0622f #38241a"
    )
    decay = canvas.fractal(4, 2, octaves=8, gain=0.62)
    bare = smoothstep(0.12, 0.2, decay)
    grain = canvas.fractal(40, 3, octaves=4, gain=0.7)
    steel = ramp(iron, 0.5 + 0.35 * canvas.fractal(12, 4) + 0.2 * grain)
    rim = smoothstep(0.0, 0.14, decay) * (1.0 - bare)
    coat = mix(paint * 1.0, linear("#6b3f22"), 0.55 * rim) * (1.0 + 0.05 * grain)
    return mix(coat, steel, bare) * relief(-bare + 0.15 * grain, 0.004)


PATTERNS = (plaster, glaze, concrete, brick, ashlar, stone, cobble, gravel, marble, terrazzo, rust)
