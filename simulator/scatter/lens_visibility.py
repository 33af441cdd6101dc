"""How much of each depth slab's blurred light reaches the frame: slabs traced through a few points of the lens.

Through one point u of the lens, the scene is a pinhole view: slab by slab shifted by s u, the nearest first, each
taking t = min(a, T) of what is free of its pixel. The mean of t over all points of the lens is the share of the slab
that a pixel sees, whichever silhouettes stand in the way, in front of the focus or behind it. So few points would draw
grainy discs. Here they only tell the ratio of a slab's visible light to all of its light, which is smooth, and 1 where
nothing is in the way; the light itself is that of true discs.

Letters: u point of the lens, |u| <= 1; M points; s signed blur radius; a coverage; T free share.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from simulator.optics.aperture import Aperture

_MASK_PX = 24.0  # radius at which the pupil is sampled
_LEAST = 1e-6  # coverage below it is rounding
_DIM = 1e-3  # of white: where a slab's light is weaker, its coverage tells its ratio


@dataclass(frozen=True)
class LensPoints:
    """M points of the lens.

    position: (row, column) of each, in radii.
    weight:   share of the light behind the focus, unit sum.
    in_front: share of the light in front of the focus.
    spacing:  side of a square as large as the part of the lens that a point stands for, in radii.
    """

    position: tuple[tuple[float, float], ...]
    weight: tuple[float, ...]
    in_front: tuple[float, ...]
    spacing: float


@lru_cache(maxsize=64)
def lens_points(pupil: Aperture, count: int) -> LensPoints:
    """About `count` points of the full opening, in a sunflower's spiral, those that let light through."""
    sides = [pupil.mask(-_MASK_PX), pupil.mask(_MASK_PX).flip(0, 1)]
    points = []
    for k in range(count):
        radius, angle = math.sqrt((k + 0.5) / count), k * math.pi * (3.0 - math.sqrt(5.0))
        u = radius * math.sin(angle), radius * math.cos(angle)
        behind, front = (float(mask[tuple(mask.shape[0] // 2 + round(_MASK_PX * x) for x in u)]) for mask in sides)
        if behind + front > 0:
            points.append((u, behind, front))
    position, weight, in_front = zip(*points, strict=True)
    weight, in_front = (tuple(w / sum(side) for w in side) for side in (weight, in_front))
    return LensPoints(position, weight, in_front, math.sqrt(math.pi / count))


class LensVisibility:
    """The free share of each point's view, [M, H, W], while slabs are laid nearest first. For one lens."""

    def __init__(self, points: LensPoints, height: int, width: int, device: torch.device) -> None:
        self._points, self._size = points, (height, width)
        self._free = torch.ones(len(points.position), height, width, device=device)

    def lay(self, content: Float[Tensor, "c hm wm"], margin: int, defocus_px: float) -> Float[Tensor, "c h w"]:
        """Lay a slab: the ratio of what is seen of it to all of it, in [0, 1], for each channel; coverage is the last.

        content: light and coverage with `margin` pixels beyond the frame, blurred at the signed radius `defocus_px`.
        """
        ratio = torch.zeros(content.shape[0], *self._size, device=content.device)
        box = self._box(content[-1], margin, defocus_px)
        seen, total = (torch.zeros_like(ratio[:, box[0], box[1]]) for _ in range(2))
        picture, margin = self._prepared(content, margin, defocus_px)
        weights = self._points.in_front if defocus_px > 0 else self._points.weight
        frees = self._free[:, box[0], box[1]]
        for free, (row, column), weight in zip(frees, self._points.position, weights, strict=True):
            view = _view(picture, margin, defocus_px * row, defocus_px * column, box)
            taken = torch.minimum(view[-1], free)
            free.sub_(taken)
            seen.addcmul_(view, taken.div_(view[-1].clamp(min=_LEAST)), value=weight)
            total.add_(view, alpha=weight)
        coverage = seen[-1:] / total[-1:].clamp(min=_LEAST)
        ratio[:, box[0], box[1]] = ((seen + _DIM * coverage) / (total + _DIM)).clamp_(0.0, 1.0)
        return ratio

    def close_cracks(self, seam: Float[Tensor, "hm wm"], margin: int, defocus_px: float) -> None:
        """Take what a seam covers: a surface that passes from a slab to the next is shifted by two different distances,
        which must not open a crack.
        """
        box = self._box(seam, margin, defocus_px)
        picture, margin = self._prepared(seam[None], margin, defocus_px)
        for free, (row, column) in zip(self._free[:, box[0], box[1]], self._points.position, strict=True):
            view = _view(picture, margin, defocus_px * row, defocus_px * column, box)
            free.sub_(view[0]).clamp_(min=0.0)

    def _box(self, coverage: Float[Tensor, "hm wm"], margin: int, defocus_px: float) -> tuple[slice, slice]:
        """Rows and columns of the frame that the content reaches. At the picture's edge it is repeated beyond."""
        reach = math.ceil(abs(defocus_px) * (1 + self._points.spacing)) + 2
        sides = []
        for axis, size in ((1, self._size[0]), (0, self._size[1])):
            covered = (coverage > 0).any(axis).nonzero()[:, 0]
            first, last = int(covered[0]), int(covered[-1])
            start = first - margin - reach if first else 0
            stop = last + 1 - margin + reach if last + 1 < coverage.shape[1 - axis] else size
            sides.append(slice(min(max(start, 0), size), min(max(stop, 0), size)))
        return sides[0], sides[1]

    def _prepared(self, content: Tensor, margin: int, defocus_px: float) -> tuple[Tensor, int]:
        """Means over the footprint of a point's cell, and their margin, wide enough for all shifts."""
        width_px = abs(defocus_px) * self._points.spacing
        narrow = 2 * max(0, math.floor((width_px - 1) / 2)) + 1  # the odd width below
        share = max(0.0, width_px**2 - narrow**2) / (4 * narrow + 4)  # of the next one, narrow + 2: variances add up
        half = narrow // 2 + 1 if share else 0
        missing = math.ceil(abs(defocus_px)) + 1 + half - margin
        if missing > 0:
            content, margin = F.pad(content[None], (missing,) * 4, mode="replicate")[0], margin + missing
        if half:
            for size in ((1, 0), (0, 1)):
                wide, inner = (
                    F.avg_pool2d(content[None], tuple((k - 1) * axis + 1 for axis in size), stride=1)[0]
                    for k in (narrow + 2, narrow)
                )
                rows, columns = size
                inner = inner[:, rows : inner.shape[1] - rows, columns : inner.shape[2] - columns]
                content = inner.lerp_(wide, share)
            margin -= half
        return content, margin


def _view(picture: Tensor, margin: int, down: float, right: float, box: tuple[slice, slice]) -> Tensor:
    """A part of the frame in a picture that is shifted by the nearest whole pixels."""
    top, left = margin + round(down), margin + round(right)
    return picture[:, top + box[0].start : top + box[0].stop, left + box[1].start : left + box[1].stop]
