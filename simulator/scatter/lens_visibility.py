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
from simulator.scatter.covering import (
    Box,
    Covering,
    common,
    enclosing,
    extent,
    footprint_mean,
    footprint_reach,
    grown,
    is_empty,
)

_MASK_PX = 24.0  # radius at which the pupil is sampled
_LEAST = 1e-6  # coverage below it is rounding
_TAKEN = 1e-4  # of the lens: what is free of it less than that
_COARSE_PX = 8.0
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
class Visible:
    """Ratio of a slab's visible light to all of it, in [0, 1], for each channel within a box of the frame.

    Outside of the box the ratio is 1. A single channel holds for all.
    """

    box: Box
    ratio: Float[Tensor, "c h w"]
    hidden: bool = False


class LensVisibility:
    """The free share of each point's view, [M, H, W], while slabs are laid nearest first. For one lens."""

    def __init__(self, points: LensPoints, height: int, width: int, device: torch.device) -> None:
        self._points, self._frame = points, (slice(0, height), slice(0, width))
        self._free = torch.ones(len(points.position), height, width, device=device)
        self._touched: Box = slice(0, 0), slice(0, 0)  # what lies outside of it is free

    def lay(self, slab: Covering, defocus_px: float) -> Visible | None:
        """Lay a slab, blurred at a signed radius: what is seen of it; None where nothing is."""
        reached = self._reached(slab, defocus_px)
        inner = common(reached, self._touched)
        if is_empty(reached):
            return None
        average = self._free[:, inner[0], inner[1]].mean(0)
        if inner == reached:
            left = extent(average > _TAKEN)
            if left is None:
                return None
            average = average[left]
            reached = inner = tuple(slice(a.start + b.start, a.start + b.stop) for a, b in zip(inner, left))
            hidden = True
        else:
            hidden = False
        views = _Views(slab, defocus_px, self._points, reached)
        self._touched = reached if is_empty(self._touched) else enclosing(self._touched, reached)
        weights = self._points.in_front if defocus_px > 0 else self._points.weight
        frees = self._free[:, reached[0], reached[1]]
        part = tuple(slice(a.start - b.start, a.stop - b.start) for a, b in zip(inner, reached))
        seen = _Seen(views, part, average)
        for shift, numbers in views.numbers.items():
            coverage = views.coverage(shift)
            takens = []
            for number in numbers:
                taken = torch.minimum(coverage, frees[number])
                frees[number].sub_(taken)
                takens.append(taken[part])
            if not is_empty(inner):
                seen.add(shift, takens, [weights[number] for number in numbers])
        return Visible(inner, seen.ratio(), hidden)

    def close_cracks(self, seam: Covering, defocus_px: float, between_px: tuple[float, float]) -> None:
        """Take what a seam covers where a surface passes from a slab to the next, both shifted by different distances,
        which must not open a crack.

        between_px: the signed radii of both. Where a point shifts both alike there is no crack.
        """
        reached = self._reached(seam, defocus_px)
        if is_empty(reached):
            return
        views = _Views(seam, defocus_px, self._points, reached)
        frees = self._free[:, reached[0], reached[1]]
        near, far = (whole_shifts(self._points, s) for s in between_px)
        for shift, numbers in views.numbers.items():
            for number in numbers:
                if near[number] != far[number]:
                    frees[number].sub_(views.coverage(shift)).clamp_(min=0.0)

    def _reached(self, slab: Covering, defocus_px: float) -> Box:
        """Rows and columns of the frame that a slab reaches."""
        return common(grown(slab.box, math.ceil(abs(defocus_px) * (1 + self._points.spacing)) + 2), self._frame)


def whole_shifts(points: LensPoints, defocus_px: float) -> list[tuple[int, int]]:
    """For each point, by how many whole pixels it sees a slab shifted, (down, right)."""
    return [(round(defocus_px * down), round(defocus_px * right)) for down, right in points.position]


class _Views:
    """A slab as the points see it within a box, averaged over the footprint of a point's part of the lens.

    numbers: for each shift, the points that see it so.
    """

    def __init__(self, slab: Covering, defocus_px: float, points: LensPoints, box: Box) -> None:
        width_px, self._reach = abs(defocus_px) * points.spacing, math.ceil(abs(defocus_px)) + 1
        window = slab.window(grown(box, self._reach + footprint_reach(width_px)))
        self.picture = footprint_mean(window, width_px)
        self.size = tuple(span.stop - span.start for span in box)
        self.numbers: dict[tuple[int, int], list[int]] = {}
        for number, shift in enumerate(whole_shifts(points, defocus_px)):
            self.numbers.setdefault(shift, []).append(number)
        self.is_coarse = abs(defocus_px) >= _COARSE_PX

    def coverage(self, shift):
        return self._at(self.picture[-1], shift)

    def start(self, shift):
        return self._reach + shift[0], self._reach + shift[1]

    def _at(self, x, shift):
        (top, left), (height, width) = self.start(shift), self.size
        return x[..., top : top + height, left : left + width]


class _Seen:
    def __init__(self, views, part, average):
        self._views, self._part, self._average = views, part, average
        self._size = average.shape
        coverage = views.picture[-1]
        self._seen, self._total = (torch.zeros_like(average) for _ in range(2))
        self._colors = not is_empty(part) and len(views.numbers) > 1
        if self._colors:
            light = views.picture[:-1]
            both = torch.cat([light, light / coverage.clamp(min=_LEAST)])
            self._step = 2 if views.is_coarse else 1
            self._phases = {(y, x): both[:, y :: self._step, x :: self._step].contiguous() for y in range(self._step) for x in range(self._step)}
            h, w = (-(-n // self._step) for n in self._size)
            self._light = both.new_zeros(len(light), h, w)
            self._all = both.new_zeros(len(light), h, w)

    def add(self, shift, takens, weights):
        taken = takens[0] * weights[0] if len(takens) > 1 else takens[0]
        for t, w in zip(takens[1:], weights[1:]):
            taken.add_(t, alpha=w)
        weight = weights[0] if len(takens) == 1 else 1.0
        self._seen.add_(taken, alpha=weight)
        self._total.add_(self._views.coverage(shift)[self._part], alpha=sum(weights))
        if self._colors:
            top, left = (a + b.start for a, b in zip(self._views.start(shift), self._part))
            step = self._step
            both = self._phases[top % step, left % step][:, top // step : top // step + self._light.shape[1], left // step : left // step + self._light.shape[2]]
            n = len(self._light)
            self._light.addcmul_(both[n:], taken[::step, ::step], value=weight)
            self._all.add_(both[:n], alpha=sum(weights))

    def ratio(self):
        ratio = ((self._seen + _DIM * self._average) / (self._total + _DIM)).clamp_(0.0, 1.0)[None]
        if not self._colors:
            return ratio
        step = self._step
        sampled = ratio[:, ::step, ::step]
        colors = (self._light + _DIM * sampled) / (self._all + _DIM)
        if step > 1:
            colors = _doubled((colors + _DIM) / (sampled + _DIM), *self._size).mul_(ratio)
        return torch.cat([colors.clamp_(0.0, 1.0), ratio])


def _doubled(x: Float[Tensor, "c h w"], height: int, width: int) -> Float[Tensor, "c h2 w2"]:
    """Values of every second pixel, and between them their means."""
    x = F.pad(x[None], (0, 1, 0, 1), mode="replicate")[0]
    x = torch.stack([x[:, :-1], x[:, :-1].lerp(x[:, 1:], 0.5)], 2).flatten(1, 2)[:, :height]
    return torch.stack([x[..., :-1], x[..., :-1].lerp(x[..., 1:], 0.5)], 3).flatten(2)[..., :width]
