"""Textures of made things: tiles, cloth, wallpaper, paper and print."""

import torch
from torch import Tensor

from simulator.scenes.textures.pattern import Canvas, linear, mix, relief, smoothstep, wave


def tiles(canvas: Canvas) -> Tensor:
    """Glazed cement tiles in grout; about half of the seeds carry a printed motif."""
    base, motif, third, grout = canvas.palette(
        "#d8d3c6 #3f5f7f #8fa9bd #b2aca0 | #cfc3ac #6f3f34 #b98b5e #8d857a | #c9cfc9 #3d5a4c #93ab93 #9da19a | "
        "#d9d2c9 #3a3a40 #9a958f #b5afa6"
    )
    x, y = canvas.grid(6, 6)
    column, row = x.floor(), y.floor()
    u, v = (2.0 * (x - column) - 1.0).abs(), (2.0 * (y - row) - 1.0).abs()
    soft = 2.0 * canvas.softness(6)
    color = mix(base, base * 0.88, canvas.cell_value(column, row, 2))
    if canvas.uniform(3) < 0.65:
        color = _encaustic(canvas, color, motif, third, u, v, soft)
    glaze = 1.0 + 0.05 * canvas.fractal(14, 4) + 0.03 * canvas.fractal(80, 5, octaves=3)
    inside = 1.0 - torch.maximum(u, v)
    joint = smoothstep(0.03, 0.03 + soft, inside)
    wear = grout[:, None, None] * (0.85 + 0.2 * canvas.fractal(50, 6, octaves=4))
    return mix(wear, color * glaze, joint) * relief(smoothstep(0.02, 0.09, inside), 0.003)


def _encaustic(
    canvas: Canvas, color: Tensor, motif: Tensor, third: Tensor, u: Tensor, v: Tensor, soft: float
) -> Tensor:
    """Star, ring and corner quarters: symmetric in the tile, so that neighbors join up."""
    reach, ring = canvas.uniform(7, 0.7, 0.95), canvas.uniform(8, 0.35, 0.55)
    star = (u**0.5 + v**0.5) - reach**0.5 * 1.12
    radius = (u * u + v * v).sqrt()
    corner = ((1 - u) ** 2 + (1 - v) ** 2).sqrt()
    color = mix(color, third, smoothstep(soft, 0.0, corner - 0.5))
    color = mix(color, motif, smoothstep(soft, 0.0, (corner - 0.36).abs() - 0.06))
    color = mix(color, motif, smoothstep(soft, 0.0, star))
    return mix(color, third, smoothstep(soft, 0.0, (radius - ring * 0.6).abs() - 0.07))


def checker(canvas: Canvas) -> Tensor:
    """Checkered floor, worn."""
    a, b = canvas.palette("#d9d2c4 #33302e | #c9b48f #6a3b2c | #cfd4d2 #4b6570 | #d6cba8 #47603f")
    x, y = canvas.grid(8, 8, even_columns=True, even_rows=True)
    soft = canvas.softness(8)
    side_x, side_y = (smoothstep(-soft, soft, 0.25 - ((0.5 * s) % 1.0 - 0.5).abs()) * 2.0 - 1.0 for s in (x, y))
    cloud = canvas.fractal(5, 2, octaves=7, gain=0.6)
    color = mix(a, b, 0.5 - 0.5 * side_x * side_y) * (0.9 + 0.2 * canvas.cell_value(x.floor(), y.floor(), 3))
    scuffs = smoothstep(0.55, 0.9, canvas.fractal(20, 4, gain=0.7))
    return mix(color * (1.0 + 0.12 * cloud), linear("#9a948a"), 0.18 * scuffs)


def stripes(canvas: Canvas) -> Tensor:
    """Awning cloth: broad stripes with fine lines, woven."""
    cloth, stripe, line = canvas.palette(
        "#e3dccb #a83a30 #7d2a24 | #e1ddd0 #2f5d7c #22435a | #e4dcc4 #4a7350 #33543a | #e6d9bd #d08a2e #a5671e | "
        "#d9d4cc #4b4a50 #2f2e33"
    )
    x, y = canvas.grid(6, 6)
    across = (x - x.floor() - 0.5).abs()
    soft = canvas.softness(6)
    color = mix(cloth, stripe, smoothstep(-soft, soft, 0.25 - across).expand_as(y))
    color = mix(color, line, smoothstep(soft, 0.0, (across - 0.33).abs() - 0.018).expand_as(y))
    return color * _threads(canvas, 110) * (1.0 + 0.06 * canvas.fractal(5, 2))


def plaid(canvas: Canvas) -> Tensor:
    """Tartan: the same sequence of threads across and along, in twill."""
    colors = canvas.palette(
        "#7a2a2a #1f3a34 #c9b36a #26262b | #2d4a6a #20302c #b9c4c9 #7d3b34 | #5d6b52 #33402f #c7b58c #8a4a35 | "
        "#c4a981 #4b3a30 #8f3f35 #e3d9c6"
    )
    x, y = canvas.grid(4, 4)

    def sett(at: Tensor) -> Tensor:
        across = (at - at.floor() - 0.5).abs()  # mirrored about the middle
        soft = canvas.softness(4)
        color = colors[0][:, None, None].expand(3, *at.shape)
        color = mix(color, colors[1], smoothstep(soft, 0.0, (across - 0.36).abs() - 0.11))
        color = mix(color, colors[2], smoothstep(soft, 0.0, (across - 0.36).abs() - 0.014))
        return mix(color, colors[3], smoothstep(soft, 0.0, (across - 0.06).abs() - 0.025))

    threads = canvas.count(96, canvas.long_side)
    twill = wave((canvas.x + canvas.y) * threads).expand(canvas.height, canvas.width)
    return mix(sett(x), sett(y), 0.2 + 0.6 * twill) * (0.85 + 0.15 * _threads(canvas, 96))


def weave(canvas: Canvas) -> Tensor:
    """Plain-woven cloth: linen, canvas, wool."""
    warp, weft = canvas.palette(
        "#b8a98c #a39272 | #4d5b6b #3b4756 | #8a4f3f #713e32 | #6d7558 #58603f | #c7c0b4 #aaa294 | #393a40 #2a2b30"
    )
    x, y = canvas.grid(64, 64, even_columns=True, even_rows=True)
    over = (x.floor() + y.floor()) % 2.0
    hump_x, hump_y = wave(x), wave(y)
    up = hump_x * (0.6 + 0.4 * hump_y)
    along = hump_y * (0.6 + 0.4 * hump_x)
    height = over * up + (1.0 - over) * along
    slub = canvas.value(x.floor(), 2) * over + canvas.value(y.floor(), 3) * (1.0 - over)
    color = mix(weft, warp, over) * (0.82 + 0.36 * slub)
    return color * (0.45 + 0.75 * height) * (1.0 + 0.08 * canvas.fractal(8, 4))


def _threads(canvas: Canvas, per_long_side: int) -> Tensor:
    """Fine woven shading about 1."""
    x, y = canvas.grid(per_long_side, per_long_side, even_columns=True, even_rows=True)
    tone = canvas.value(x.floor(), 20) + canvas.value(y.floor(), 21)
    return 0.8 + 0.2 * wave(x) * wave(y) + 0.12 * tone


def knit(canvas: Canvas) -> Tensor:
    """Stockinette: columns of V-shaped stitches; some seeds have colored bands."""
    yarn, second, shadow = canvas.palette(
        "#a83c36 #d9cbb2 #3d1512 | #3f5d7a #cfd3cf #16212d | #c9b694 #7a4a38 #4b3d29 | #55664a #c9b46a #1f2a1b | "
        "#8a8a90 #3b3c44 #2c2c30 | #c58a2e #5b3a28 #4a300f"
    )
    x, y = canvas.grid(18, 22)
    u = (2.0 * (x - x.floor()) - 1.0).abs()  # 0 in the column's middle
    rise = y + 0.55 * u
    v = 2.0 * (rise - rise.floor()) - 1.0
    loop = (1.0 - v.abs() ** 2.5) * smoothstep(1.02, 0.72, u) * smoothstep(-0.02, 0.16, u)
    fiber = canvas.fractal(60, 2, octaves=4, gain=0.8)
    band = (canvas.value(rise.floor() % canvas.count(22, canvas.height), 3) < 0.3) & (canvas.uniform(4) < 0.5)
    color = torch.where(band, second[:, None, None], yarn[:, None, None])
    return mix(shadow, color * (1.0 + 0.15 * fiber), 0.15 + 0.85 * loop)


def kilim(canvas: Canvas) -> Tensor:
    """Flat-woven rug: bands of diamonds and zigzags in steps of the weave."""
    colors = canvas.palette(
        "#7a2f27 #26394d #c9a765 #d8cdb6 #3a2622 | #3d5a5c #b0603c #d9cba6 #7a3b30 #232b2e | "
        "#a8572f #3c3f4f #d6bf8f #6d2f2b #e0d6c0"
    )
    x, y = canvas.grid(64, 64)
    x = 6.0 * x.floor() / canvas.count(64, canvas.width)  # steps of the weave; six bands
    y = 6.0 * y.floor() / canvas.count(64, canvas.height)
    band = y.floor()
    v = (2.0 * (y - band) - 1.0).abs()
    repeat = 6.0 * torch.where(band % 2 == 0, 1.0, 2.0)
    u = (2.0 * ((x / 6.0 * repeat) % 1.0) - 1.0).abs()
    level = ((u + v + canvas.value(band, 2)) * 2.5).floor()
    pick = canvas.value(level + 17 * band, 3) * len(colors)
    palette = torch.stack(colors, dim=1)  # [3, n]
    color = palette[:, pick.long().clamp(max=len(colors) - 1)]
    return color * _threads(canvas, 128) * (1.0 + 0.08 * canvas.fractal(10, 4))


def wallpaper(canvas: Canvas) -> Tensor:
    """Printed paper: staggered flowers between dotted lines."""
    ground, print_color, accent = canvas.palette(
        "#c9bfa8 #8f7f63 #a5574a | #8fa39b #5f7a72 #d6c9a5 | #394a5a #5d7488 #c2a878 | #b98f84 #93655c #e0cdb8 | "
        "#6f7a5c #525f43 #d2c391"
    )
    x, y = canvas.grid(6, 8, even_rows=True)
    row = y.floor()
    x = x + 0.5 * (row % 2)
    u, v = 2.0 * (x - x.floor()) - 1.0, 2.0 * (y - row) - 1.0
    soft = 2.0 * canvas.softness(8)
    radius, angle = (u * u + v * v).sqrt(), torch.atan2(v, u)
    petals = int(canvas.uniform(2, 4.0, 8.0))
    flower = radius - 0.36 - 0.20 * torch.cos(petals * angle)
    stem = (u - 0.25 * v * (1.0 - v * v)).abs() - 0.035
    color = mix(ground, print_color, smoothstep(soft, 0.0, stem) * smoothstep(0.3, 0.5, v.abs()))
    color = mix(color, print_color, smoothstep(soft, 0.0, flower))
    color = mix(color, accent, smoothstep(soft, 0.0, (flower + 0.17).abs() - 0.05))
    color = mix(color, accent, smoothstep(soft, 0.0, radius - 0.12))
    return color * (1.0 + 0.035 * canvas.fractal(40, 3, octaves=5)) * (1.0 + 0.05 * canvas.fractal(3, 4))


def paper(canvas: Canvas) -> Tensor:
    """Tinted drawing paper with fibers and a tooth."""
    (tint,) = canvas.palette("#d9cfb9 | #c7553f | #e0b04a | #4f8a8b | #3f5f8f | #8fae6a | #d98a6a | #7a5c8a | #e5ddd0")
    fiber = canvas.fractal(30, 2, gain=0.75, stretch=3.0) + canvas.fractal(30, 3, gain=0.75, stretch=0.33)
    tooth = canvas.fractal(90, 4, octaves=3, gain=0.8)
    return tint[:, None, None] * (1.0 + 0.035 * fiber) * relief(tooth, 0.0005)


def print_marks(canvas: Canvas) -> Tensor:
    """A printed page: headlines and columns of text-like marks."""
    page, ink = canvas.palette("#dcd3bf #2a2622 | #e2dfd6 #1f2226 | #d2c39f #3a2a20")
    marks = torch.zeros(canvas.height, canvas.width)
    x, y = canvas.grid(3, 3)
    margin = (x - x.floor() > 0.06) & (x - x.floor() < 0.94)
    headline = canvas.cell_value(x.floor(), y.floor(), 2) < 0.4
    for glyphs, is_headline in ((84, False), (30, True)):
        marks += _glyphs(canvas, glyphs, 3 + glyphs) * ((headline & (y % 1.0 < 0.34)) == is_headline)
    cloud = canvas.fractal(4, 5)
    fiber = canvas.fractal(40, 6, octaves=4, gain=0.7)
    return mix(page * 1.0, ink, 0.92 * marks * margin) * (1.0 + 0.04 * cloud + 0.03 * fiber)


def _glyphs(canvas: Canvas, per_line: int, salt: int) -> Tensor:
    """Lines of made-up letters, each from strokes on a 3 × 5 raster; coverage in [0, 1]."""
    x, y = canvas.grid(per_line, per_line * 5 // 8)
    index = y.floor() * 4096 + x.floor()
    u, v = (x - x.floor()) * 4.0, (y - y.floor()) * 8.0 - 1.5  # strokes in u < 3, 0 <= v < 5
    raster = 15.0 * index + 3.0 * v.floor() + u.floor()
    stroke = (canvas.value(raster, salt) < 0.42) | ((u < 1.0) & (canvas.value(index, salt + 1) < 0.75))
    word = canvas.value(index, salt + 2) > 0.17
    return (stroke & word & (u < 3.0) & (v >= 0.0) & (v < 5.0)).to(torch.float32)


PATTERNS = (tiles, checker, stripes, plaid, weave, knit, kilim, wallpaper, paper)
