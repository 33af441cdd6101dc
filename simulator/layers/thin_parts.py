"""Thin parts (wires, twigs, small lamps): the disparity that blur took from parts too thin to have a plateau.

A part narrower than the blur of its edges keeps its position in a soft map, but its disparity is spread over the
surroundings. Once its outline is known, its disparity can be restored: the sharpened map, blurred again, must equal the
soft map. The difference, averaged over the part so that a shift cancels, is added (Van Cittert 1931, on regions instead
of pixels). Parts with a plateau keep their disparity. So do gaps, since the surface seen through a gap continues behind
its rims, where a plateau shows its disparity.
Letters: D soft disparity; S sharpened disparity; σ softness; P pixels of thin parts; Q neighbors of each.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from simulator.layers.map_filters import blurred
from simulator.layers.morphology import dilate_mask

_REACH_PX = 3  # radius of the average over a part: wider than any shift
_SAME_PART = 0.05  # of the map's range: neighbors this close in disparity belong to one part
_CHANGED = 0.01  # of the range: a change by sharpening that counts
_MAX_NEARER_SHARE = 0.1  # share of neighbors that may be nearer than a thin part
_ITERATIONS = 6  # each restores 0.4 of what a wire 2 px wide lacks at σ = 2 px


def restore_thin_parts(sharp: Tensor, soft: Tensor, softness_px: float) -> Float[Tensor, "h w"]:
    """S [H, W] with the disparity of thin parts that D [H, W] implies; all other pixels are unchanged, bit by bit.

    Values stay within the range of D.
    """
    value_range = soft.max() - soft.min()
    thin = _thin_pixels(sharp, soft, softness_px, value_range)
    index = thin.flatten().nonzero()[:, 0]
    if index.numel() == 0:
        return sharp
    neighbors, is_same = _neighborhoods(sharp, index, _SAME_PART * value_range)  # [Q, P]
    is_front = _is_in_front(sharp, index, neighbors, _SAME_PART * value_range)
    index, neighbors, is_same = index[is_front], neighbors[:, is_front], is_same[:, is_front]
    result = sharp.clone()
    for _ in range(_ITERATIONS):
        missing = _padded(soft - blurred(result, softness_px))
        step = (missing[neighbors] * is_same).sum(0) / is_same.sum(0)
        result.view(-1)[index] = (result.flatten()[index] + step).clamp(soft.min(), soft.max())
    return torch.maximum(result, sharp)  # blur lowers thin parts and never raises them


def _is_in_front(sharp: Tensor, index: Tensor, neighbors: Tensor, close: Tensor) -> Bool[Tensor, "p"]:
    """Whether few neighbors are nearer; else the pixel lies in a gap, or in a seam between two sides."""
    nearer = _padded(sharp)[neighbors] - sharp.flatten()[index] > close  # [Q, P]
    return nearer.to(sharp.dtype).mean(0) <= _MAX_NEARER_SHARE


def _thin_pixels(sharp: Tensor, soft: Tensor, softness_px: float, value_range: Tensor) -> Bool[Tensor, "h w"]:
    """Pixels within 2 px of a change by sharpening, whose part has no plateau within twice the reach."""
    candidates = dilate_mask((sharp - soft).abs() > _CHANGED * value_range, 2)
    plateau = ~dilate_mask(_steepness(sharp) > _SAME_PART * value_range, round(softness_px))
    index = (dilate_mask(candidates, _REACH_PX) & ~plateau).flatten().nonzero()[:, 0]
    neighbors, is_same = _neighborhoods(sharp, index, _SAME_PART * value_range)
    for _ in range(2):  # within one part, so that no part borrows the plateau behind it
        reached = _padded(plateau.to(sharp.dtype))[neighbors] * is_same
        plateau = plateau.clone()
        plateau.view(-1)[index] |= (reached > 0).any(0)
    return candidates & ~plateau


def _neighborhoods(sharp: Tensor, index: Tensor, close: Tensor) -> tuple[Tensor, Tensor]:
    """Padded flat indices of the neighbors of each pixel, and 1 where one belongs to the same part: [Q, P] each."""
    width, stride = sharp.shape[1], sharp.shape[1] + 2 * _REACH_PX
    offset = torch.arange(-_REACH_PX, _REACH_PX + 1, device=sharp.device)
    rows, columns = (o.flatten() for o in torch.meshgrid(offset, offset, indexing="ij"))
    within = rows**2 + columns**2 <= _REACH_PX**2 + 1
    row = torch.div(index, width, rounding_mode="floor")
    padded = (row + _REACH_PX) * stride + index - row * width + _REACH_PX
    neighbors = padded + (rows * stride + columns)[within, None]
    is_same = (_padded(sharp)[neighbors] - sharp.flatten()[index]).abs() < close
    return neighbors, is_same.to(sharp.dtype)


def _padded(x: Tensor) -> Tensor:
    """The flattened map with its border repeated `_REACH_PX` times."""
    return F.pad(x[None, None], (_REACH_PX,) * 4, mode="replicate").flatten()


def _steepness(x: Tensor) -> Tensor:
    """Twice the length of the gradient, by differences across two pixels."""
    p = F.pad(x[None, None], (1, 1, 1, 1), mode="replicate")[0, 0]
    return torch.hypot(p[2:, 1:-1] - p[:-2, 1:-1], p[1:-1, 2:] - p[1:-1, :-2])
