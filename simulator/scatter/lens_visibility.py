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
from collections.abc import Iterator
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


@dataclass(frozen=True)
class Covering:
    """A picture of which only a part is covered.

    content: [c, h, w] light and coverage, coverage last, with `margin` pixels beyond the frame.
    rows, columns: of the frame, those that are covered; they may lie beyond it.
    """

    content: Float[Tensor, "c hm wm"]
    margin: int
    rows: slice
    columns: slice

    @classmethod
    def of(cls, content: Float[Tensor, "c hm wm"], margin: int) -> Covering | None:
        """None where nothing is covered."""
        sides = []
        for axis in (1, 0):
            covered = (content[-1] > 0).any(axis).nonzero()[:, 0]
            if not len(covered):
                return None
            sides.append(slice(int(covered[0]) - margin, int(covered[-1]) + 1 - margin))
        return cls(content, margin, *sides)

    def window(self, rows: slice, columns: slice) -> Float[Tensor, "c h w"]:
        """These rows and columns of the frame. Beyond the picture its edge is repeated."""
        sides = []
        for span, size in ((rows, self.content.shape[1]), (columns, self.content.shape[2])):
            first, end = span.start + self.margin, span.stop + self.margin
            inner = slice(min(max(first, 0), size - 1), max(min(end, size), 1))
            sides.append((inner, max(inner.start - first, 0), max(end - inner.stop, 0)))
        (r, above, below), (c, left, right) = sides
        return F.pad(self.content[None, :, r, c], (left, right, above, below), mode="replicate")[0]


class LensVisibility:
    """The free share of each point's view, [M, H, W], while slabs are laid nearest first. For one lens."""

    def __init__(self, points: LensPoints, height: int, width: int, device: torch.device) -> None:
        self._points, self._size = points, (height, width)
        self._free = torch.ones(len(points.position), height, width, device=device)

    def lay(self, slab: Covering, defocus_px: float) -> Float[Tensor, "c h w"]:
        """Lay a slab: the ratio of what is seen of it to all of it, in [0, 1], for each channel; coverage is the last.

        slab: blurred at the signed radius `defocus_px`.
        """
        channels = slab.content.shape[0]
        ratio = torch.zeros(channels, *self._size, device=slab.content.device)
        box = self._box(slab, defocus_px)
        seen, total = (torch.zeros_like(ratio[:, box[0], box[1]]) for _ in range(2))
        weights = self._points.in_front if defocus_px > 0 else self._points.weight
        frees = self._free[:, box[0], box[1]]
        average = torch.tensordot(torch.tensor(weights), frees, 1)
        for free, view, weight in zip(frees, self._views(slab, defocus_px, box), weights, strict=True):
            taken = torch.minimum(view[-1], free)
            free.sub_(taken)
            seen.addcmul_(view, taken.div_(view[-1].clamp(min=_LEAST)), value=weight)
            total.add_(view, alpha=weight)
        coverage = (seen[-1:] + _DIM*average) / (total[-1:]+_DIM)
        ratio[:, box[0], box[1]] = ((seen + _DIM * coverage) / (total + _DIM)).clamp_(0.0, 1.0)
        return ratio

    def close_cracks(self, seam: Covering, defocus_px: float, sides) -> None:
        """Take what a seam covers: a surface that passes from a slab to the next is shifted by two different distances,
        which must not open a crack.
        """
        box = self._box(seam, defocus_px)
        a, b = sides
        for free, view, (y, x) in zip(self._free[:, box[0], box[1]], self._views(seam, defocus_px, box), self._points.position, strict=True):
            if round(a * y) != round(b * y) or round(a * x) != round(b * x):
                free.sub_(view[0]).clamp_(min=0.0)

    def _box(self, slab: Covering, defocus_px: float) -> tuple[slice, slice]:
        """Rows and columns of the frame that a slab reaches."""
        reach = math.ceil(abs(defocus_px) * (1 + self._points.spacing)) + 2
        rows, columns = (
            slice(min(max(span.start - reach, 0), size), min(max(span.stop + reach, 0), size))
            for span, size in zip((slab.rows, slab.columns), self._size, strict=True)
        )
        return rows, columns

    def _views(self, slab: Covering, defocus_px: float, box: tuple[slice, slice]) -> Iterator[Tensor]:
        """For each point, the box of the slab that it sees: shifted by the nearest whole pixels."""
        width_px = abs(defocus_px) * self._points.spacing
        half, reach = max(0, math.ceil((width_px - 1) / 2)), math.ceil(abs(defocus_px)) + 1
        rows, columns = (slice(span.start - reach - half, span.stop + reach + half) for span in box)
        picture = _footprint_mean(slab.window(rows, columns), width_px)
        (height, width) = (span.stop - span.start for span in box)
        for down, right in self._points.position:
            top, left = reach + round(defocus_px * down), reach + round(defocus_px * right)
            yield picture[:, top : top + height, left : left + width]


def _footprint_mean(picture: Float[Tensor, "c h w"], width_px: float) -> Float[Tensor, "c h2 w2"]:
    """Means over the footprint of a point's part of the lens; the picture gets narrower by what they need at its edges.

    A square of an odd width, mixed with the next one, n + 2, so that variances add up.
    """
    n = 2 * max(0, math.floor((width_px - 1) / 2)) + 1
    wider = max(0.0, width_px**2 - n**2) / (4 * n + 4)
    if not wider:
        return picture if n == 1 else _box_sum(_box_sum(picture, n, 1), n, 2) / n**2
    for axis in (1, 2):
        size = picture.shape[axis]
        rim = picture.narrow(axis, 0, size - n - 1) + picture.narrow(axis, n + 1, size - n - 1)
        inner = _box_sum(picture.narrow(axis, 1, size - 2), n, axis)
        picture = inner.mul_((1 - wider) / n + wider / (n + 2)).add_(rim, alpha=wider / (n + 2))
    return picture


def _box_sum(x: Tensor, n: int, axis: int) -> Tensor:
    """Sums of n neighbors, by doubling: a power of two of them at a time. Never a view of x."""
    size = x.shape[axis] - n + 1
    total, done, width = None, 0, 1
    while True:
        if n & width:
            part = x.narrow(axis, done, size)
            total = part.clone() if total is None else total.add_(part)
            done += width
        if done == n:
            return total
        x = x.narrow(axis, 0, x.shape[axis] - width) + x.narrow(axis, width, x.shape[axis] - width)
        width *= 2
