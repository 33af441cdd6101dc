"""Which hidden surfaces a lens can see past the silhouettes of what hides them.

A ray through a hidden point at disparity D' meets a disparity D at K (D − D') |u| pixels beside that point, u being its
point of the lens. To pass a silhouette there, D must be that of the silhouette's near side, and the far side must be no
nearer than D'.
Letters: N surfaces; D disparity; K blur scale in pixels; u point of the lens, |u| <= 1.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from simulator.layers.morphology import dilate

_SLABS = 16  # of the disparity range: silhouettes are looked for once for each
_STEP = 1 / 32  # of the range: lower steps over two pixels are slopes
_LEVEL = 0.003  # of the range: a far side as little nearer than D' does not hide it
_LEAST_SHARE = 0.02  # of a pixel: what covers less of it is not visible there


def revealed(
    visible: Float[Tensor, "n h w"],
    disparity: Float[Tensor, "n h w"],
    blur_scale_px: float,
    disparity_range: tuple[float, float],
) -> Bool[Tensor, "n h w"]:
    """Pixels of each surface that a lens of blur scale K can see behind its visible part: visible [N, h, w] in [0, 1].

    Never false where they can, up to _STEP and _LEVEL, but sometimes true where they cannot.
    """
    unit = disparity_range[1] - disparity_range[0]
    is_visible = visible >= _LEAST_SHARE
    nearest = torch.where(is_visible, disparity, -torch.inf).amax(0)
    farthest = torch.where(is_visible, disparity, torch.inf).amin(0)
    beyond = _beyond_silhouettes(nearest, farthest, disparity, blur_scale_px, disparity_range)
    return beyond & _is_open(nearest, farthest, disparity, blur_scale_px, _LEVEL * unit)


def _beyond_silhouettes(
    nearest: Tensor, farthest: Tensor, disparity: Tensor, blur_scale_px: float, disparity_range: tuple[float, float]
) -> Bool[Tensor, "n h w"]:
    """Within K (D − D') of a silhouette whose near side is at D, and whose far side is no nearer than D'."""
    first, unit = disparity_range[0], disparity_range[1] - disparity_range[0]
    high, low = dilate(nearest, 1), -dilate(-farthest, 1)
    is_step = high - low > _STEP * unit
    slab = ((disparity - first) / max(unit, 1e-9) * _SLABS).long().clamp(0, _SLABS - 1)
    result = torch.zeros_like(disparity, dtype=torch.bool)
    for number in range(_SLABS):
        far, near = (first + unit * end / _SLABS for end in (number, number + 1))
        reach_px = torch.where(is_step & (low <= near + _STEP * unit), blur_scale_px * (high - far), 0.0)
        result |= (slab == number) & _within(reach_px)
    return result


def _within(reach_px: Float[Tensor, "h w"]) -> Bool[Tensor, "h w"]:
    """Pixels that lie within the reach of another, up to the next power of two."""
    result = torch.zeros_like(reach_px, dtype=torch.bool)
    for radius, is_of_radius in _by_radius(reach_px):
        if bool(is_of_radius.any()):
            result |= dilate(is_of_radius.float(), radius) > 0
    return result


def _is_open(
    nearest: Tensor, farthest: Tensor, disparity: Tensor, blur_scale_px: float, level: float
) -> Bool[Tensor, "n h w"]:
    """Whether anything within the reach of the nearest surface is no nearer than the hidden one."""
    result = torch.zeros_like(disparity, dtype=torch.bool)
    for radius, is_of_radius in _by_radius(blur_scale_px * (nearest - disparity)):
        result |= is_of_radius & (-dilate(-farthest, radius) <= disparity + level)
    return result


def _by_radius(reach_px: Float[Tensor, "*n h w"]) -> list[tuple[int, Bool[Tensor, "*n h w"]]]:
    """Radii 1, 2, 4, … and the pixels whose reach, above 0, is at most that, but above the radius before."""
    largest, radius, found = float(reach_px.max()), 1, [(1, (reach_px > 0) & (reach_px <= 1))]
    while radius < min(largest, max(reach_px.shape[-2:])):
        radius *= 2
        found.append((radius, (reach_px > radius / 2) & (reach_px <= radius)))
    return found
