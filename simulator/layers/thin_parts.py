"""Wires, twigs, small lamps: what blur took from the height of parts too thin to have a plateau.

A part that is narrower than its edges are soft keeps its place in a soft map, but not its disparity: that is spread
over the surroundings. Once its outline is known, what is missing can be read off: the sharpened map, made soft
again, must be the map that came. What differs, averaged over the part so that a shift cancels, is added (Van Cittert
1931, on regions instead of pixels). Parts that have a plateau keep it, and so do gaps: what is seen through one goes
on behind its rims, so a far plateau beside it tells more.
Letters: D soft disparity; S sharpened; σ softness; P pixels of thin parts; Q neighbors of each.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from simulator.layers.morphology import dilate

Blur = Callable[[Tensor, float], Tensor]

_REACH_PX = 3  # a part is averaged over so much: wider than any shift
_ALIKE = 0.05  # of the map's range: neighbors this close belong to one part
_CHANGED = 0.01  # of the range: what sharpening moved
_SEAM = 0.1  # of the neighbors may be nearer than a wire
_TURNS = 6  # a wire 2 px wide at σ = 2 px gets 0.4 of what is missing each turn


def heightened(sharp: Tensor, soft: Tensor, softness_px: float, blur: Blur) -> Float[Tensor, "h w"]:
    """S [H, W] with thin parts as high as D [H, W] says; everything else bit by bit as it was.

    `blur(x, sigma_px)` is the Gaussian that D is soft by. Values stay within the range of D.
    """
    unit = soft.max() - soft.min()
    thin = _thin(sharp, soft, softness_px, unit)
    at = thin.flatten().nonzero()[:, 0]
    if at.numel() == 0:
        return sharp
    beside, alike = _parts(sharp, at, _ALIKE * unit)  # [Q, P]
    wire = _stands_out(sharp, at, beside, _ALIKE * unit)
    at, beside, alike = at[wire], beside[:, wire], alike[:, wire]
    result = sharp.clone()
    for _ in range(_TURNS):
        missing = _padded(soft - blur(result, softness_px))
        step = (missing[beside] * alike).sum(0) / alike.sum(0)
        result.view(-1)[at] = (result.flatten()[at] + step).clamp(soft.min(), soft.max())
    return torch.maximum(result, sharp)  # blur takes height away, it never adds any


def _stands_out(sharp: Tensor, at: Tensor, beside: Tensor, close: Tensor) -> Bool[Tensor, "p"]:
    """Whether hardly anything beside it is nearer: else it is a gap, or a seam between two sides."""
    nearer = _padded(sharp)[beside] - sharp.flatten()[at] > close  # [Q, P]
    return nearer.to(sharp.dtype).mean(0) <= _SEAM


def _thin(sharp: Tensor, soft: Tensor, softness_px: float, unit: Tensor) -> Bool[Tensor, "h w"]:
    """Pixels beside what sharpening moved whose part has no plateau within twice the reach."""
    candidates = dilate(((sharp - soft).abs() > _CHANGED * unit).float(), 2) > 0
    steep = _steepness(sharp) > _ALIKE * unit
    plateau = dilate(steep.float(), round(softness_px)) == 0
    around = dilate(candidates.float(), _REACH_PX) > 0
    at = (around & ~plateau).flatten().nonzero()[:, 0]
    beside, alike = _parts(sharp, at, _ALIKE * unit)
    for _ in range(2):  # from alike to alike, so that no part borrows the plateau behind it
        reached = _padded(plateau.to(sharp.dtype))[beside] * alike
        plateau = plateau.clone()
        plateau.view(-1)[at] |= (reached > 0).any(0)
    return candidates & ~plateau


def _parts(sharp: Tensor, at: Tensor, close: Tensor) -> tuple[Tensor, Tensor]:
    """Padded flat indices of the neighbors of each pixel, and 1 where one belongs to the same part: [Q, P] each."""
    width, stride = sharp.shape[1], sharp.shape[1] + 2 * _REACH_PX
    offset = torch.arange(-_REACH_PX, _REACH_PX + 1, device=sharp.device)
    rows, columns = (o.flatten() for o in torch.meshgrid(offset, offset, indexing="ij"))
    within = rows**2 + columns**2 <= _REACH_PX**2 + 1
    row = torch.div(at, width, rounding_mode="floor")
    padded = (row + _REACH_PX) * stride + at - row * width + _REACH_PX
    beside = padded + (rows * stride + columns)[within, None]
    alike = (_padded(sharp)[beside] - sharp.flatten()[at]).abs() < close
    return beside, alike.to(sharp.dtype)


def _padded(x: Tensor) -> Tensor:
    """Flat, with the border repeated."""
    return F.pad(x[None, None], (_REACH_PX,) * 4, mode="replicate").flatten()


def _steepness(x: Tensor) -> Tensor:
    """|difference| across two pixels, both axes together: twice the gradient."""
    p = F.pad(x[None, None], (1, 1, 1, 1), mode="replicate")[0, 0]
    return torch.hypot(p[2:, 1:-1] - p[:-2, 1:-1], p[1:-1, 2:] - p[1:-1, :-2])
