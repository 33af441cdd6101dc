"""Direct scatter on a GPU: one Triton kernel, each pixel of the frame gathering from the window around it.

The sum is that of `simulator.reference.scatter.direct_scatter`, turned round so that nothing is written twice; a tile
looks no further than the largest disc near it. Imported only where there is a GPU; Triton comes with torch there.
"""

from __future__ import annotations

import math
from importlib import import_module
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from simulator import ThinLens

triton: Any = import_module("triton")
tl: Any = import_module("triton.language")

_ROWS, _COLUMNS = 4, 32


def _gathered(source, reaches, frame, height, width, reach, ROWS: tl.constexpr, COLUMNS: tl.constexpr):  # type: ignore[no-untyped-def]
    """source [5, H + 2 reach, W + 2 reach]: light, 1, radius; reaches [tiles]; frame [3, H, W]. One program: a tile."""
    tile = tl.program_id(1) * tl.num_programs(0) + tl.program_id(0)
    row = tl.program_id(1) * ROWS + tl.arange(0, ROWS)[:, None]
    column = tl.program_id(0) * COLUMNS + tl.arange(0, COLUMNS)[None, :]
    inside = (row < height) & (column < width)
    stride = width + 2 * reach
    plane = stride * (height + 2 * reach)
    red = tl.zeros([ROWS, COLUMNS], dtype=tl.float32)
    green = tl.zeros([ROWS, COLUMNS], dtype=tl.float32)
    blue = tl.zeros([ROWS, COLUMNS], dtype=tl.float32)
    total = tl.zeros([ROWS, COLUMNS], dtype=tl.float32)
    own = tl.load(reaches + tile)
    for y in range(-own, own + 1):
        for x in range(-own, own + 1):
            at = source + (row + reach + y) * stride + column + reach + x
            r = tl.load(at + 4 * plane, mask=inside, other=0.0)
            distance = tl.sqrt(tl.zeros([ROWS, COLUMNS], dtype=tl.float32) + (x * x + y * y))
            # 1/2 + 1/2 tanh(4 t) = sigmoid(8 t)
            weight = tl.sigmoid(8.0 * (r - distance)) / (r * r + 0.2)
            red += weight * tl.load(at, mask=inside, other=0.0)
            green += weight * tl.load(at + plane, mask=inside, other=0.0)
            blue += weight * tl.load(at + 2 * plane, mask=inside, other=0.0)
            total += weight
    out = frame + row * width + column
    tl.store(out, red / total, mask=inside)
    tl.store(out + height * width, green / total, mask=inside)
    tl.store(out + 2 * height * width, blue / total, mask=inside)


_kernel = triton.jit(_gathered)


def direct_scatter(image: Tensor, disparity: Tensor, lens: ThinLens) -> Tensor:
    """[3, H, W] on the device of the image."""
    radius = lens.defocus_px(disparity).abs()
    reach = math.ceil(float(radius.max())) + 1
    content = torch.cat([image, torch.ones_like(disparity)[None], radius[None]])  # [5, H, W]
    source = F.pad(content[None], (reach,) * 4, mode="replicate")[0].contiguous()
    reaches = tile_reaches(radius, reach)  # [tile rows, tile columns]
    h, w = disparity.shape
    frame = torch.empty(3, h, w, device=image.device)
    grid = reaches.shape[1], reaches.shape[0]
    _kernel[grid](source, reaches, frame, h, w, reach, ROWS=_ROWS, COLUMNS=_COLUMNS)
    return frame


def tile_reaches(radius: Tensor, reach: int) -> Tensor:
    """How far each tile has to look: the largest disc among the pixels that could reach it, and a pixel more. int32."""
    tile = _ROWS, _COLUMNS
    largest = F.max_pool2d(radius[None], tile, ceil_mode=True)
    around = [math.ceil(reach / side) for side in tile]
    window = 2 * around[0] + 1, 2 * around[1] + 1
    # Twice in one direction each: max_pool2d pads by at most half its window, which is just what is needed.
    down = F.max_pool2d(largest, (window[0], 1), stride=1, padding=(around[0], 0))
    both = F.max_pool2d(down, (1, window[1]), stride=1, padding=(0, around[1]))
    return (both[0].ceil() + 1).to(torch.int32).contiguous()
