"""Disparity bins with quadratic B-spline weights, and depth groups of neighboring bins.

A pixel belongs to the three bins around it, so a slanted surface passes from bin to bin without a seam. Its shares have
the pixel's disparity as their mean and, wherever between the bins it lies, the variance g²/4: spots that are drawn so
much narrower have the second moment of the pixel's own. (Linear weights have a variance that differs from pixel to
pixel. B-splines: Unser, "Splines: a perfect fit for signal and image processing", 1999.)
Bins are numbered nearest first. Letters: L bins; N surfaces on one pixel grid; P pixels; D disparity; g disparity
between two neighboring bins; k bins of a pixel; u its distance from the middle one of them, in gaps, |u| <= ½.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from simulator.layers.bright_spots import BrightSpots, drawn_singly
from simulator.layers.covered_pixels import CoveredPixels

_SAME_PLANE = 1e-5  # of the range: disparities this close are one plane, apart by rounding
_ROUNDING = 1e-6  # of the largest disparity, likewise


@dataclass(frozen=True)
class DisparityBins:
    """L disparity bins, nearest first.

    centers: [L] their disparities.
    gap:     g > 0 between neighbors that are evenly spread; 0 where each distinct disparity has a bin of its own.
    """

    centers: Float[Tensor, "l"]
    gap: float = 0.0

    @property
    def variance(self) -> float:
        """Variance, in disparity², that sharing adds to every pixel alike: g²/4."""
        return self.gap**2 / 4

    def shares(self, disparity: Float[Tensor, "p"]) -> tuple[Int[Tensor, "k p"], Float[Tensor, "k p"]]:
        """The k bins of each pixel and its shares in them: three neighbors, or its own bin."""
        if not self.gap:
            return self.middle(disparity)[None], torch.ones_like(disparity)[None]
        middle = self.middle(disparity)
        u = (self.centers[0] - disparity) / self.gap - middle
        shares = torch.stack([0.5 * (0.5 - u) ** 2, 0.75 - u * u, 0.5 * (0.5 + u) ** 2])
        return torch.stack([middle - 1, middle, middle + 1]), shares

    def share(self, disparity: Float[Tensor, "p"], number: int) -> Float[Tensor, "p"]:
        """Share of each pixel in one bin, for pixels that have one."""
        if not self.gap:
            return torch.ones_like(disparity)
        distance = disparity.sub(self.centers[number]).abs_().div_(self.gap)
        inner = (0.5 - distance).clamp_(min=0.0).square_()
        return distance.sub_(1.5).clamp_(max=0.0).square_().mul_(0.5).sub_(inner, alpha=1.5)

    def middle(self, disparity: Float[Tensor, "p"]) -> Int[Tensor, "p"]:
        """The middle one of each pixel's bins."""
        if self.gap:
            position = (self.centers[0] - disparity) / self.gap
            return position.round().long().clamp_(1, self.centers.numel() - 2)
        halfway = (0.5 * (self.centers[1:] + self.centers[:-1])).flip(0).contiguous()
        return self.centers.numel() - 1 - torch.searchsorted(halfway, disparity.contiguous())


def disparity_bins(
    disparity: Float[Tensor, "..."], count: int, where: Bool[Tensor, "..."] | None = None
) -> DisparityBins:
    """At most `count` >= 3 bins. `where` selects the pixels that count.

    Few distinct disparities (cut-outs, test charts) get a bin each and are rendered at exactly their radius; otherwise
    the bins are spread evenly, the outermost half a gap beyond the range, so that every pixel has three.
    """
    values = (disparity if where is None else disparity[where]).flatten()
    sample = torch.unique(values[:: max(1, values.numel() // 4096)])  # rules out most maps at little cost
    if sample.numel() <= count:
        distinct = torch.unique(values)
        if distinct.numel() <= count:
            rounding = _ROUNDING * distinct.abs().max()
            is_apart = distinct.diff() > torch.maximum(_SAME_PLANE * (distinct[-1] - distinct[0]), rounding)
            return DisparityBins(distinct[torch.cat([is_apart.new_ones(1), is_apart])].flip(0))
    low, high = float(values.min()), float(values.max())
    gap = (high - low) / (count - 2)
    return DisparityBins(torch.linspace(high + gap / 2, low - gap / 2, count, device=values.device), gap)


class BinnedSurfaces:
    """N surfaces cut into L bins, nearest first: each bin's content, and statistics of it.

    content [N, C, h, w], coverage in the last channel; disparity [N, h, w].

    The covered pixels are sorted by the middle one of their bins. So a bin's pixels are a slice.
    """

    def __init__(
        self,
        content: Float[Tensor, "n c h w"],
        disparity: Float[Tensor, "n h w"],
        bins: DisparityBins,
        *,
        with_spots: bool = True,
    ) -> None:
        """with_spots: whether small bright spots are taken out of the bins; they are, then, in `spots`."""
        self.bins, self.device = bins, bins.centers.device
        self.centers: list[float] = bins.centers.tolist()
        self._size = content.shape[1:]
        place = (content[:, -1] > 0).flatten().nonzero()[:, 0]
        middle = bins.middle(disparity.flatten().index_select(0, place))
        self._counts = torch.bincount(middle, minlength=len(self.centers))
        self._first: list[int] = [0, *self._counts.cumsum(0).tolist()]
        place = place[middle.to(torch.int16).argsort(stable=True)]  # within a bin, neighbors stay neighbors
        none = torch.zeros_like(content[:, 0], dtype=torch.bool)
        is_single, is_sharp = drawn_singly(content) if with_spots else (none, none)
        self._pixels = CoveredPixels.from_surfaces(content, disparity, is_sharp, place)
        single = is_single.flatten().index_select(0, place).nonzero()[:, 0]
        self.spots = BrightSpots.taken_from(self._pixels, single)

    @property
    def height(self) -> int:
        return self._size[1]

    def around(self, first: int, last: int) -> CoveredPixels:
        """The pixels that any of these neighboring bins has a share of."""
        return self._pixels.part(self.entries(first, last))

    def entries(self, first: int, last: int) -> slice:
        """Their numbers among all covered pixels."""
        middles = self._middles(first, last)
        return slice(self._first[middles.start], self._first[middles.stop])

    def _middles(self, first: int, last: int) -> slice:
        """The bins in whose middle lie the pixels that any of these neighboring bins has a share of."""
        reach = 1 if self.bins.gap else 0
        return slice(max(first - reach, 0), min(last + 1 + reach, len(self.centers)))

    def _bin(self, number: int) -> tuple[CoveredPixels, Float[Tensor, "p"]]:
        """The pixels of a bin, and its share of each."""
        pixels = self.around(number, number)
        return pixels, self.bins.share(pixels.disparity, number)

    @cached_property
    def slope2(self) -> list[float]:
        """For each bin, the mean of |∇D|² over its coverage."""
        coverage = self._pixels.content[-1]
        total, weight = self._sums_by_bin(coverage * (self._pixels.slope**2).sum(0)), self._sums_by_bin(coverage)
        return (total / weight.clamp(min=1e-12)).tolist()

    def _sums_by_bin(self, value: Float[Tensor, "p"]) -> Float[Tensor, "l"]:
        """For each bin, the sum of its share of a quantity of the pixels."""
        _, shares = self.bins.shares(self._pixels.disparity)  # [k, P]
        sums = F.pad((value * shares).cumsum(1, dtype=torch.float64), (1, 0))[:, self._first].diff()  # [k, L]
        if len(shares) == 1:
            return sums[0]
        before, middle, after = sums
        return middle + F.pad(before[1:], (0, 1)) + F.pad(after[:-1], (1, 0))

    def flux_divergence(self, number: int) -> Float[Tensor, "c h w"]:
        """∇·(content ∇D) of one bin's content [C, h, w], by central differences.

        Beyond the picture, the content and the slope of its edge go on.
        """
        result = torch.zeros(self._size, device=self.device)
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
        result = torch.zeros(len(numbers), *self._size, device=self.device)
        for picture, number in zip(result, numbers, strict=True):
            pixels, share = self._bin(number)
            picture.flatten(1).index_add_(1, pixels.pixel, pixels.content * share)
        return result

    @cached_property
    def _rows_by_middle(self) -> tuple[list[float], list[float]]:
        """First and last row of the pixels that have each bin in their middle."""
        row = (self._pixels.pixel // self._size[2]).float()
        first = torch.segment_reduce(row, "min", lengths=self._counts, initial=self.height)
        return first.tolist(), torch.segment_reduce(row, "max", lengths=self._counts, initial=-1).tolist()

    def rows_around(self, first: int, last: int) -> slice:
        """The rows from the first of the pixels of `around` to the last; an empty slice where there are none."""
        start, end = (ends[self._middles(first, last)] for ends in self._rows_by_middle)
        return slice(int(min(start)), max(int(min(start)), int(max(end)) + 1))

    def rows(self) -> list[slice]:
        """For each bin, the rows from its first content to its last; an empty slice for an empty bin."""
        return [self.rows_around(number, number) for number in range(len(self.centers))]

    def spots_of(self, first: int, last: int) -> BrightSpots:
        """What these neighboring bins hold of the spots."""
        bins = DisparityBins(self.bins.centers.cpu(), self.bins.gap)
        number, share = bins.shares(self.spots.disparity.float())
        return self.spots.shared((share * ((number >= first) & (number <= last))).sum(0))

    def is_sharp(self) -> list[bool]:
        """For each bin, whether it holds bright light that is not among the spots: it needs the finest grid."""
        counts = F.pad(self._pixels.is_sharp.cumsum(0), (1, 0))[self._first].tolist()
        middles = [self._middles(number, number) for number in range(len(self.centers))]
        return [counts[near.stop] > counts[near.start] for near in middles]


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
