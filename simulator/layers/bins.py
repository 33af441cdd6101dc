"""Disparity bins with hat weights, and depth groups of neighboring bins.

A pixel between two bin centers belongs to both, by its distance to each. So a slanted surface passes from bin to bin
without a seam. Bins are numbered nearest first. Letters: L bins; N surfaces on one pixel grid; P pixels; D disparity;
g disparity between two neighboring bins; w share of a pixel in the farther of its two bins.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import cached_property

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from simulator.layers.covered_pixels import CoveredPixels

_SAME_PLANE = 1e-5  # of the range: disparities this close are one plane, apart by rounding
_ROUNDING = 1e-6  # of the largest disparity, likewise
_ROUNDED_SHARE = 1e-4  # of a pixel in the second of its two bins: it is in one bin but for rounding
_ROUNDED_GAP = 1e-3  # of a gap: bins that are evenly spread but for rounding


def bin_disparities(
    disparity: Float[Tensor, "..."], count: int, where: Bool[Tensor, "..."] | None = None
) -> Float[Tensor, "l"]:
    """Centers of at most `count` bins, nearest first: [L], L <= count.

    Few distinct disparities (cut-outs, test charts) get a bin each and are rendered at exactly their radius; otherwise
    the bins are spread evenly. `where` selects the pixels that count.
    """
    values = (disparity if where is None else disparity[where]).flatten()
    sample = torch.unique(values[:: max(1, values.numel() // 4096)])  # rules out most maps at little cost
    if sample.numel() <= count:
        distinct = torch.unique(values)
        if distinct.numel() <= count:
            rounding = _ROUNDING * distinct.abs().max()
            is_apart = distinct.diff() > torch.maximum(_SAME_PLANE * (distinct[-1] - distinct[0]), rounding)
            return distinct[torch.cat([is_apart.new_ones(1), is_apart])].flip(0)
    return torch.linspace(float(values.max()), float(values.min()), count, device=values.device)


def nearer_bin(disparity: Float[Tensor, "p"], bins: Float[Tensor, "l"]) -> tuple[Int[Tensor, "p"], Float[Tensor, "p"]]:
    """(i, w): index of the nearer of a pixel's two bins, in [0, L − 2], and the pixel's share in bin i + 1, in [0, 1].

    The share rises linearly from 0 at center i to 1 at center i + 1; beyond the outermost centers the outermost bin
    takes all. With one bin, index and share are 0.
    """
    if bins.numel() == 1:
        return torch.zeros_like(disparity, dtype=torch.long), torch.zeros_like(disparity)
    centers = bins.double().tolist()
    gap = (centers[0] - centers[-1]) / (len(centers) - 1)
    if all(abs(centers[0] - number * gap - center) < _ROUNDED_GAP * gap for number, center in enumerate(centers)):
        position = (centers[0] - disparity).mul_(1.0 / gap)
        i = position.long().clamp_(0, len(centers) - 2)
        return i, position.sub_(i).clamp_(0.0, 1.0)
    ascending = bins.flip(0).contiguous()
    above = torch.searchsorted(ascending, disparity.contiguous(), right=True).clamp(1, bins.numel() - 1)
    i = bins.numel() - 1 - above
    near, far = bins[i], bins[i + 1]
    return i, ((near - disparity) / (near - far)).clamp(0.0, 1.0)


class BinnedSurfaces:
    """N surfaces cut into L bins, nearest first: each bin's content, and statistics of it.

    content [N, C, h, w], coverage in the last channel; disparity [N, h, w]; bins [L] centers, nearest first.

    The covered pixels are sorted by 2 L − 1 keys: 2 l for pixels on the center of bin l, 2 l + 1 for those between it
    and the next one. So a bin's pixels are a slice.
    """

    def __init__(
        self, content: Float[Tensor, "n c h w"], disparity: Float[Tensor, "n h w"], bins: Float[Tensor, "l"]
    ) -> None:
        self.bins = bins
        self.centers: list[float] = bins.tolist()
        self._size = content.shape[1:]
        within = disparity.clamp(bins[-1], bins[0])  # beyond the outermost centers the outermost bin takes all
        place = (content[:, -1] > 0).flatten().nonzero()[:, 0]
        index, share = nearer_bin(within.flatten().index_select(0, place), bins)
        key = (2 * index).add_(share > _ROUNDED_SHARE).add_(share >= 1.0 - _ROUNDED_SHARE)
        self._counts = torch.bincount(key, minlength=2 * bins.numel() - 1)
        self._first: list[int] = [0, *self._counts.cumsum(0).tolist()]
        order = key.to(torch.int16).argsort(stable=True)  # within a key, neighbors stay neighbors
        self._pixels = CoveredPixels.from_surfaces(content, within, place[order], share[order])

    @property
    def gap(self) -> float:
        """g, the disparity between two neighbors of evenly spread bins; 0 where no pixel is shared."""
        return (self.centers[0] - self.centers[-1]) / (len(self.centers) - 1) if self.is_mixed else 0.0

    @cached_property
    def is_mixed(self) -> bool:
        """Whether any pixel is shared by two bins."""
        return any(end > first for first, end in list(itertools.pairwise(self._first))[1::2])

    @property
    def height(self) -> int:
        return self._size[1]

    def around(self, first: int, last: int) -> CoveredPixels:
        """The pixels that any of these neighboring bins has a share of."""
        return self._pixels.part(slice(self._start(2 * first - 1), self._start(2 * last + 2)))

    def _start(self, key: int) -> int:
        """Number of the first pixel with this key, or a later one."""
        return self._first[min(max(key, 0), len(self._first) - 1)]

    def _bin(self, number: int) -> tuple[CoveredPixels, Float[Tensor, "p"]]:
        """The pixels of a bin, and its share of each."""
        pixels = self.around(number, number)
        before, on_center, end = (self._start(2 * number + step) for step in (-1, 0, 1))
        shares = pixels.share[: on_center - before], pixels.share[end - before :]
        return pixels, torch.cat([shares[0], shares[0].new_ones(end - on_center), 1.0 - shares[1]])

    @cached_property
    def slope2(self) -> list[float]:
        """For each bin, the mean of |∇D|² over its coverage."""
        return self._coverage_mean((self._pixels.slope**2).sum(0))

    @cached_property
    def variance(self) -> list[float]:
        """For each bin, the variance, in disparity², that sharing pixels adds to its content.

        A pixel with shares 1 − w and w in two bins a gap g apart has a variance that is w (1 − w) g² too large; this is
        the mean of that over the bin's coverage.
        """
        gap2 = torch.zeros(2 * self.bins.numel() - 1, device=self.bins.device)
        gap2[1::2] = self.bins.diff() ** 2
        share = self._pixels.share
        return self._coverage_mean(share * (1.0 - share) * gap2.repeat_interleave(self._counts))

    def _coverage_mean(self, value: Float[Tensor, "p"]) -> list[float]:
        """For each bin, the mean over its coverage of a quantity of the pixels."""
        coverage = self._pixels.content[-1]
        total, weight = self._sums_by_bin(coverage * value), self._sums_by_bin(coverage)
        return (total / weight.clamp(min=1e-12)).tolist()

    def _sums_by_bin(self, value: Float[Tensor, "p"]) -> Float[Tensor, "l"]:
        """For each bin, the sum of its share of a quantity of the pixels."""
        entire, farther = self._sums_by_key(value), self._sums_by_key(value * self._pixels.share)
        sums = entire[::2].clone()
        sums[:-1] += entire[1::2] - farther[1::2]
        sums[1:] += farther[1::2]
        return sums

    def _sums_by_key(self, value: Float[Tensor, "p"]) -> Float[Tensor, "k"]:
        sums = F.pad(value.cumsum(0, dtype=torch.float64), (1, 0))
        return sums[self._first].diff()

    def flux_divergence(self, number: int) -> Float[Tensor, "c h w"]:
        """∇·(content ∇D) of one bin's content [C, h, w], by central differences.

        Beyond the picture, the content and the slope of its edge go on.
        """
        result = self.bins.new_zeros(self._size)
        flat = result.flatten(1)
        height, width = self._size[1:]
        pixels, share = self._bin(number)
        row, column = pixels.pixel // width, pixels.pixel % width
        light = pixels.content.clamp(max=1.0)  # a lamp's flux would darken its surroundings below black
        for axis, step, position, count in ((0, width, row, height), (1, 1, column, width)):
            flow = light * (0.5 * share * pixels.slope[axis])
            is_inside = position + 1 < count
            flat.index_add_(1, pixels.pixel + step * is_inside, torch.where(is_inside, flow, -flow))
            is_inside = position > 0
            flat.index_add_(1, pixels.pixel - step * is_inside, torch.where(is_inside, -flow, flow))
        return -result

    def pictures(self, numbers: Sequence[int]) -> Float[Tensor, "n c h w"]:
        """Content of the bins with these numbers, times share: [n, C, h, w]."""
        result = self.bins.new_zeros(len(numbers), *self._size)
        for picture, number in zip(result, numbers, strict=True):
            pixels, share = self._bin(number)
            picture.flatten(1).index_add_(1, pixels.pixel, pixels.content * share)
        return result

    def rows(self) -> list[slice]:
        """For each bin, the rows from its first content to its last; an empty slice for an empty bin."""
        row = (self._pixels.pixel // self._size[2]).float()
        first, last = (
            torch.segment_reduce(row, name, lengths=self._counts, initial=initial).tolist()
            for name, initial in (("min", self.height), ("max", -1))
        )
        slices = []
        for number in range(self.bins.numel()):
            keys = slice(max(2 * number - 1, 0), 2 * number + 2)
            start, stop = int(min(first[keys])), int(max(last[keys])) + 1
            slices.append(slice(start, max(start, stop)))
        return slices

    def has_spots(self) -> list[bool]:
        """For each bin, whether it holds any small bright spot (see `find_spots`)."""
        counts = F.pad(self._pixels.is_spot.cumsum(0), (1, 0))[self._first].tolist()
        return [
            counts[min(2 * number + 2, len(counts) - 1)] > counts[max(2 * number - 1, 0)]
            for number in range(self.bins.numel())
        ]


def depth_groups(bins: Float[Tensor, "l"], count: int) -> list[slice]:
    """At most `count` runs of neighboring bins, nearest first; the widest run is as narrow in disparity as possible.

    Planes that lie far apart get into different groups, so that they occlude each other.
    """
    offset = (bins[0] - bins).double().tolist()
    rounding = 1e-6 * offset[-1]
    low, high = 0.0, offset[-1]  # widths: of too many runs, and of few enough
    while high - low > rounding:
        middle = (low + high) / 2
        low, high = (low, middle) if len(_runs_within(offset, middle)) <= count else (middle, high)
    return _runs_within(offset, high)


def _runs_within(offset: Sequence[float], widest: float) -> list[slice]:
    """The fewest runs of bins none of which is wider than `widest`."""
    starts = [0]
    for number, position in enumerate(offset):
        if position - offset[starts[-1]] > widest:
            starts.append(number)
    return [slice(a, b) for a, b in itertools.pairwise([*starts, len(offset)])]
