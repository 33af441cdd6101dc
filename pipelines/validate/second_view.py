"""A layered depth image as a second camera beside the first one sees it, on the same row of pixels.

Letters: N surfaces; d disparity in pixels: a point at x in the first view lies at x − d in the second.
"""

import torch
from torch import Tensor

from simulator.layers.ldi import LayeredDepthImage

_CELLS, _SAMPLES = 4, 16  # of a pixel along its row: cells of the second view, samples of the first
_ROWS = 64  # shifted at once: bounds the memory


def second_view(layers: LayeredDepthImage, step: float) -> tuple[Tensor, Tensor, Tensor]:
    """Light [3, H, W] times share, the share [H, W] of each pixel that is covered, and the nearest disparity [H, W].

    Neighbors that differ by more than `step` belong to different things: nothing is drawn between them.
    """
    rows = range(0, layers.height, _ROWS)
    strips = [_strip(layers.color[..., y : y + _ROWS, :], *_planes(layers, y), step) for y in rows]
    image, share, disparity = (torch.cat(parts, dim=-2) for parts in zip(*strips, strict=True))
    return image, share, disparity


def _planes(layers: LayeredDepthImage, y: int) -> tuple[Tensor, Tensor]:
    return layers.coverage[:, y : y + _ROWS], layers.disparity[:, y : y + _ROWS]


def _strip(color: Tensor, coverage: Tensor, disparity: Tensor, step: float) -> tuple[Tensor, Tensor, Tensor]:
    parts = torch.cat([color, coverage[:, None], disparity[:, None]], dim=1)  # [N, 5, h, W]
    shifted = torch.stack([_surface(surface, step) for surface in parts])  # [N, 5, h, W · cells]
    cells = LayeredDepthImage(shifted[:, :3], shifted[:, 3].clamp(0.0, 1.0), shifted[:, 4])
    image, nearest = cells.photo()
    share = 1.0 - (1.0 - cells.coverage).prod(dim=0)
    per_pixel = [part.unflatten(-1, (-1, _CELLS)) for part in (image, share, nearest)]
    return per_pixel[0].mean(-1), per_pixel[1].mean(-1), per_pixel[2].amax(-1)


def _surface(parts: Tensor, step: float) -> Tensor:
    """Color, coverage and disparity [5, h, W] of one surface on the cells of the second view, [5, h, W · cells]."""
    _, height, width = parts.shape
    offset = (torch.arange(_SAMPLES, device=parts.device) + 0.5) / _SAMPLES - 0.5  # of a sample from its pixel
    samples = _between(parts, offset, step)  # [5, h, W, S]
    place = torch.arange(width, device=parts.device)[:, None] + offset - samples[4]
    cell = ((place + 0.5) * _CELLS).floor().long()
    is_inside = (cell >= 0) & (cell < width * _CELLS) & (samples[3] > 0)
    cell = torch.where(is_inside, cell, width * _CELLS).flatten(1)  # [h, W · S]; the last cell is outside
    depth = samples[4].flatten(1)
    nearest = depth.new_full((height, width * _CELLS + 1), -torch.inf).scatter_reduce_(1, cell, depth, "amax")
    is_front = (depth > nearest.gather(1, cell) - step).to(parts.dtype)
    stacked = torch.cat([samples.flatten(2) * is_front, is_front[None]])  # [6, h, W · S]
    sums = stacked.new_zeros((6, *nearest.shape)).scatter_add_(2, cell.expand_as(stacked), stacked)[..., :-1]
    return sums[:5] / sums[5].clamp(min=1.0)


def _between(parts: Tensor, offset: Tensor, step: float) -> Tensor:
    """Values [5, h, W, S] at offsets from the pixels: on the way to the neighbor, if that is the same surface."""
    ends = []
    for toward in (-1, 1):
        neighbor = parts.roll(-toward, dims=-1)
        neighbor[..., 0 if toward < 0 else -1] = parts[..., 0 if toward < 0 else -1]
        is_same = ((neighbor[4] - parts[4]).abs() <= step) & (neighbor[3] > 0) & (parts[3] > 0)
        ends.append(torch.where(is_same, neighbor, parts))
    before, after = (end[..., None] for end in ends)
    here = parts[..., None]
    return here + (torch.where(offset < 0, before, after) - here) * offset.abs()
