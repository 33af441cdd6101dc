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
from collections.abc import Container, Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from simulator.layers.box import Box, common, enclosing, extent, grown, is_empty, shifted, whole
from simulator.optics.aperture import Aperture
from simulator.scatter.covering import Covering, footprint_mean, footprint_reach

_MASK_PX = 24.0  # radius at which the pupil is sampled
_LEAST = 1e-6  # coverage below it is rounding
_TAKEN = 1e-4  # of the lens: what is free of it less than that
_COARSE_PX = 16.0  # blur radius from which on colors are summed at every second pixel
_ROWS = 4  # of so many rows, one tells where anything is free
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
    sides = [_widened(pupil.mask(-_MASK_PX)), _widened(pupil.mask(_MASK_PX).flip(0, 1))]
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


def _widened(mask: Float[Tensor, "d d"]) -> Float[Tensor, "e e"]:
    """The mask out to the radius of the full opening; that of a clipped pupil ends before."""
    return F.pad(mask, (max(0, math.ceil(_MASK_PX) - mask.shape[0] // 2),) * 4)


@dataclass(frozen=True)
class Visible:
    """What is seen of a slab.

    box:             a part of the frame.
    ratio:           of visible light to all of it within the box, in [0, 1], for each channel, or one for all;
                     coverage is the last.
    is_rest_visible: whether all of it is seen outside of the box; else nothing is.
    """

    box: Box
    ratio: Float[Tensor, "c h w"]
    is_rest_visible: bool


class LensVisibility:
    """The free share of each point's view, [M, H, W], while slabs are laid nearest first. For one lens."""

    def __init__(self, points: LensPoints, height: int, width: int, device: torch.device) -> None:
        self._points, self._frame = points, (slice(0, height), slice(0, width))
        self._free = torch.ones(len(points.position), height, width, device=device)
        self._touched: Box = slice(0, 0), slice(0, 0)  # what lies outside of it is free

    def lay(self, slab: Covering, defocus_px: float) -> Visible | None:
        """Lay a slab, blurred at a signed radius: what is seen of it; None where nothing is."""
        reached = self._reached(slab, defocus_px)
        if is_empty(reached):
            return None
        inner = common(reached, self._touched)
        average = self._average(inner)
        is_rest_visible = inner != reached
        if not is_rest_visible:
            free = extent(average > _TAKEN)
            if free is None:
                return None
            free = common(grown(free, _ROWS), whole(average))
            average, reached = average[free], shifted(free, reached[0].start, reached[1].start)
            inner = reached
        views = _Views(slab, defocus_px, self._points, reached)
        self._touched = enclosing(self._touched, reached)
        seen = _Seen(views, shifted(inner, -reached[0].start, -reached[1].start), average)
        self._take(views, reached, self._points.in_front if defocus_px > 0 else self._points.weight, seen)
        return Visible(inner, seen.ratio(), is_rest_visible)

    def _take(self, views: _Views, reached: Box, weights: Sequence[float], seen: _Seen) -> None:
        """Take t = min(a, T) of each point's free share, and tell what it sees."""
        frees = self._free[:, reached[0], reached[1]].unbind()
        taken, together = (self._free.new_empty(views.size) for _ in range(2))
        for shift, numbers in views.numbers.items():
            coverage, first = views.coverage(shift), numbers[0]
            if len(numbers) == 1:
                torch.minimum(coverage, frees[first], out=taken)
                frees[first].sub_(taken)
                seen.add(shift, taken, weights[first], weights[first])
                continue
            together.zero_()
            for number in numbers:
                torch.minimum(coverage, frees[number], out=taken)
                frees[number].sub_(taken)
                together.add_(taken, alpha=weights[number])
            seen.add(shift, together, 1.0, sum(weights[number] for number in numbers))

    def _average(self, box: Box) -> Float[Tensor, "h w"]:
        """Mean free share, from every fourth row."""
        rows, columns = box
        mean = self._free[:, rows.start : rows.stop : _ROWS, columns].mean(0)
        return mean.repeat_interleave(_ROWS, 0)[: rows.stop - rows.start]

    def close_cracks(self, seam: Covering, defocus_px: float, points: Container[int]) -> None:
        """Take what a seam covers, for some of the points: see `cracked`."""
        reached = self._reached(seam, defocus_px)
        if is_empty(reached):
            return
        self._touched = enclosing(self._touched, reached)
        views = _Views(seam, defocus_px, self._points, reached)
        frees = self._free[:, reached[0], reached[1]].unbind()
        for shift, numbers in views.numbers.items():
            for number in numbers:
                if number in points:
                    frees[number].sub_(views.coverage(shift)).clamp_(min=0.0)

    def cracked(self, near_px: float, far_px: float) -> frozenset[int]:
        """Points that see a crack where a surface passes between two neighboring slabs, blurred at these radii.

        Where both are shifted alike there is none, unless footprints differ, which leaves a faint one.
        """
        near, far = (whole_shifts(self._points, s) for s in (near_px, far_px))
        is_soft = footprint_reach(max(abs(near_px), abs(far_px)) * self._points.spacing) > 0
        return frozenset(number for number, shift in enumerate(near) if is_soft or shift != far[number])

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
        width_px, reach = abs(defocus_px) * points.spacing, math.ceil(abs(defocus_px)) + 1
        window = slab.window(grown(box, reach + footprint_reach(width_px)))
        self.picture = footprint_mean(window, width_px).contiguous()
        self.size = box[0].stop - box[0].start, box[1].stop - box[1].start
        self.start, self.step = (reach, reach), 2 if abs(defocus_px) >= _COARSE_PX else 1
        self.numbers: dict[tuple[int, int], list[int]] = {}
        for number, shift in enumerate(whole_shifts(points, defocus_px)):
            self.numbers.setdefault(shift, []).append(number)
        self._coverage = _Shifted(self.picture[-1:], 1, self.start, self.size)

    def coverage(self, shift: tuple[int, int]) -> Float[Tensor, "h w"]:
        """What a point with this shift sees."""
        return self._coverage.at(shift)[0]


class _Shifted:
    """Parts of a picture [c, h, w], every `step`-th pixel of them. start: of the part without a shift."""

    def __init__(self, picture: Tensor, step: int, start: tuple[int, int], size: tuple[int, int]) -> None:
        height, width = (-(-n // step) for n in picture.shape[1:])
        self._strides = height * width, width, 1
        self._phases = [_padded(picture[:, y::step, x::step], height, width) for y in range(step) for x in range(step)]
        self._top, self._left, self._step = *start, step
        self.size = len(picture), -(-size[0] // step), -(-size[1] // step)

    def at(self, shift: tuple[int, int]) -> Float[Tensor, "c h w"]:
        """The part, moved down and right. As a strided view, which is made in half of the time of a slice."""
        top, left, step = self._top + shift[0], self._left + shift[1], self._step
        phase = self._phases[top % step * step + left % step]
        return phase.as_strided(self.size, self._strides, top // step * self._strides[1] + left // step)


class _Seen:
    """Sums over the points, within a part of their views: what they see of a slab, and all of it."""

    def __init__(self, views: _Views, part: Box, average: Float[Tensor, "h w"]) -> None:
        self._average, self._part, self._step = average, part, views.step
        start = views.start[0] + part[0].start, views.start[1] + part[1].start
        size = average.shape[0], average.shape[1]
        light = views.picture[:-1] if len(views.numbers) > 1 else views.picture[:0]
        self._unit = _Shifted(light / views.picture[-1:].clamp(min=_LEAST), self._step, start, size)
        self._whole = _Shifted(torch.cat([light, views.picture[-1:]]), self._step, start, size)
        self._share = torch.zeros_like(average)
        self._light, self._total = (average.new_zeros(part.size) for part in (self._unit, self._whole))

    def add(self, shift: tuple[int, int], taken: Float[Tensor, "h w"], factor: float, weight: float) -> None:
        """Add what points with this shift see, `factor` times `taken`. weight: of the points."""
        if not self._share.numel():
            return
        taken = taken[self._part]
        self._share.add_(taken, alpha=factor)
        self._total.add_(self._whole.at(shift), alpha=weight)
        if len(self._light):
            self._light.addcmul_(self._unit.at(shift), taken[:: self._step, :: self._step], value=factor)

    def ratio(self) -> Float[Tensor, "c h w"]:
        """Of what is seen to all, for each channel; a single one where all points see the same."""
        height, width = self._average.shape
        if not self._share.numel():
            return self._average[None]
        total = self._total[-1] if self._step == 1 else _doubled(self._total[-1:], height, width)[0]
        ratio = ((self._share + _DIM * self._average) / (total + _DIM)).clamp_(0.0, 1.0)[None]
        if not len(self._light):
            return ratio
        sampled = ratio[:, :: self._step, :: self._step]
        colors = (self._light + _DIM * sampled) / (self._total[:-1] + _DIM)
        if self._step > 1:
            colors = _doubled((colors + _DIM) / (sampled + _DIM), height, width).mul_(ratio)
        return torch.cat([colors.clamp_(0.0, 1.0), ratio])


def _padded(x: Tensor, height: int, width: int) -> Tensor:
    """The picture with memory of its own and zeros below and on the right."""
    padded = x.new_zeros(len(x), height, width)
    padded[:, : x.shape[1], : x.shape[2]] = x
    return padded


def _doubled(x: Float[Tensor, "c h w"], height: int, width: int) -> Float[Tensor, "c h2 w2"]:
    """Values of every second pixel, and between them their means."""
    x = F.pad(x[None], (0, 1, 0, 1), mode="replicate")[0]
    x = torch.stack([x[:, :-1], x[:, :-1].lerp(x[:, 1:], 0.5)], 2).flatten(1, 2)[:, :height]
    return torch.stack([x[..., :-1], x[..., :-1].lerp(x[..., 1:], 0.5)], 3).flatten(2)[..., :width]
