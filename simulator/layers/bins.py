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
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from simulator.layers.covered_pixels import CoveredPixels

_SAME_PLANE = 1e-5  # of the range: disparities this close are one plane, apart by rounding
_ROUNDING = 1e-6  # of the largest disparity, likewise
_DENSE_SHARE = 0.5  # a surface that covers more of the grid is weighted as a picture, others pixel by pixel


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

    def shares(self, disparity: Float[Tensor, "*s"]) -> tuple[Int[Tensor, "k *s"], Float[Tensor, "k *s"]]:
        """The k bins of each pixel and its shares in them: three neighbors, or its own bin."""
        if not self.gap:
            number = self._nearest(disparity)
            return number[None], torch.ones_like(disparity)[None]
        position = (self.centers[0] - disparity) / self.gap
        middle = position.round().clamp(1, self.centers.numel() - 2)
        u = position - middle
        shares = torch.stack([0.5 * (0.5 - u) ** 2, 0.75 - u * u, 0.5 * (0.5 + u) ** 2])
        return torch.stack([middle - 1, middle, middle + 1]).long(), shares

    def share(self, disparity: Float[Tensor, "*s"], number: int) -> Float[Tensor, "*s"]:
        """Share of each pixel in one bin."""
        if not self.gap:
            return (self._nearest(disparity) == number).to(disparity.dtype)
        distance = disparity.sub(self.centers[number]).abs_().div_(self.gap)
        inner = (0.5 - distance).clamp_(min=0.0).square_()
        return distance.sub_(1.5).clamp_(max=0.0).square_().mul_(0.5).sub_(inner, alpha=1.5)

    def _nearest(self, disparity: Tensor) -> Tensor:
        if self.centers.numel() == 1:
            return torch.zeros_like(disparity, dtype=torch.long)
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


@dataclass(frozen=True)
class BinShares:
    """Content of sparse surfaces in each bin: P entries, one for each pixel and each bin that has a share of it.

    pixel:   [P] index in the flat grid.
    content: [C, P] content times share.
    first:   the entries are sorted by bin; those of a bin start at `first[bin]` and end before `first[bin + 1]`.
    """

    pixel: Int[Tensor, "p"]
    content: Float[Tensor, "c p"]
    first: tuple[int, ...]

    @classmethod
    def from_content(
        cls, content: Float[Tensor, "n c h w"], disparity: Float[Tensor, "n h w"], bins: DisparityBins
    ) -> BinShares:
        """Shares of each pixel's disparity. The last channel of content is coverage."""
        surface, pixel = content[:, -1].flatten(1).nonzero(as_tuple=True)
        light = content.flatten(2)[surface, :, pixel].T  # [C, P]
        index, share = bins.shares(disparity.flatten(1)[surface, pixel])  # [k, P]
        pixel, light = pixel.repeat(len(index)), (light[:, None] * share).flatten(1)
        index = index.flatten()
        order = index.argsort(stable=True)
        counts = torch.bincount(index, minlength=bins.centers.numel()).cumsum(0).tolist()
        return cls(pixel[order], light[:, order], (0, *counts))

    def entries(self, number: int) -> slice:
        """Range of the entries of one bin."""
        return slice(self.first[number], self.first[number + 1])

    def add_to(self, picture: Float[Tensor, "c h w"], number: int) -> None:
        """Add the entries of one bin to its picture, in offset."""
        entries = self.entries(number)
        if entries.stop > entries.start:
            picture.flatten(1).index_add_(1, self.pixel[entries], self.content[:, entries])


class BinnedSurfaces:
    """N surfaces cut into L bins, nearest first: each bin's content, and statistics of it.

    content [N, C, h, w], coverage in the last channel; disparity [N, h, w].
    """

    def __init__(
        self, content: Float[Tensor, "n c h w"], disparity: Float[Tensor, "n h w"], bins: DisparityBins
    ) -> None:
        self.bins, self.device = bins, bins.centers.device
        covered = content[:, -1] > 0  # [N, h, w]
        is_dense = [share > _DENSE_SHARE for share in covered.float().mean(dim=(1, 2)).tolist()]
        self._dense = [(c, d) for c, d, dense in zip(content, disparity, is_dense, strict=True) if dense]
        sparse = [n for n, dense in enumerate(is_dense) if not dense]
        self._sparse = BinShares.from_content(content[sparse], disparity[sparse], bins)
        self._size = content.shape[1:]
        surfaces = [CoveredPixels.from_surface(*surface) for surface in zip(content, disparity, strict=True)]
        self._covered = [pixels for pixels in surfaces if pixels.pixel.numel()]
        self.centers: list[float] = bins.centers.tolist()

    def sharing(self, nearest: int, farthest: int) -> list[CoveredPixels]:
        """For each surface, its covered pixels that have a share of the bins `nearest` to `farthest`, perhaps more.

        Surfaces without any are left out.
        """
        edges = [math.inf, *(0.5 * (a + b) for a, b in itertools.pairwise(self.centers)), -math.inf]
        low, high = edges[farthest + 1] - self.bins.gap, edges[nearest] + self.bins.gap
        found = [pixels.between(low, high) for pixels in self._covered]
        return [pixels for pixels in found if pixels.pixel.numel()]

    @cached_property
    def slope2(self) -> list[float]:
        """For each bin, the mean of |∇D|² over its coverage."""
        length = len(self.centers)
        total, coverage = (torch.zeros(length, dtype=torch.float64, device=self.device) for _ in range(2))
        for pixels in self._covered:
            number, share = self.bins.shares(pixels.disparity)
            weight = (share * pixels.content[-1]).double()
            total += torch.bincount(number.flatten(), (weight * (pixels.slope**2).sum(0)).flatten(), minlength=length)
            coverage += torch.bincount(number.flatten(), weight.flatten(), minlength=length)
        return (total / coverage.clamp(min=1e-12)).tolist()

    def flux_divergence(self, number: int) -> Float[Tensor, "c h w"]:
        """∇·(content ∇D) of one bin's content [C, h, w], by central differences.

        Beyond the picture, the content and the slope of its edge go on.
        """
        result = torch.zeros(self._size, device=self.device)
        flat = result.flatten(1)
        height, width = self._size[1:]
        for pixels in self.sharing(number, number):
            share = self.bins.share(pixels.disparity, number)
            row, column = pixels.pixel // width, pixels.pixel % width
            light = pixels.content.clamp(max=1.0)  # a lamp's flux would darken its surroundings below black
            for axis, step, position, count in ((0, width, row, height), (1, 1, column, width)):
                flow = light * (0.5 * share * pixels.slope[axis])
                is_inside = position + 1 < count
                flat.index_add_(1, pixels.pixel + step * is_inside, torch.where(is_inside, flow, -flow))
                is_inside = position > 0
                flat.index_add_(1, pixels.pixel - step * is_inside, torch.where(is_inside, -flow, flow))
        return -result

    @property
    def height(self) -> int:
        return self._size[1]

    def pictures(self, numbers: Sequence[int]) -> Float[Tensor, "n c h w"]:
        """Content of the bins with these numbers, times share: [n, C, h, w]."""
        result: Tensor | None = None
        for content, disparity in self._dense:
            weighted = content * torch.stack([self.bins.share(disparity, n) for n in numbers])[:, None]
            result = weighted if result is None else result.add_(weighted)
        if result is None:
            result = torch.zeros(len(numbers), *self._size, device=self.device)
        for picture, number in zip(result, numbers, strict=True):
            self._sparse.add_to(picture, number)
        return result

    def rows(self) -> list[slice]:
        """For each bin, the rows from its first content to its last; an empty slice for an empty bin."""
        length, (height, width) = len(self.centers), self._size[1:]
        counts = torch.tensor(self._sparse.first, device=self.device).diff()
        entry_bin = torch.arange(length, device=counts.device).repeat_interleave(counts)
        cells = [entry_bin * height + self._sparse.pixel // width]  # cell: one row of one bin
        for content, disparity in self._dense:
            index, share = self.bins.shares(disparity)  # [k, h, w]
            cell = index * height + torch.arange(height, device=index.device)[:, None]
            cells.append(cell[(share > 0) & (content[-1] > 0)])
        has_content = torch.bincount(torch.cat(cells), minlength=length * height).view(length, height) > 0
        found = has_content.to(torch.uint8)  # argmax finds the first of the largest
        first, last = found.argmax(1), height - 1 - found.flip(1).argmax(1)
        ends = torch.where(has_content.any(1), last + 1, first)
        return [slice(a, b) for a, b in zip(first.tolist(), ends.tolist(), strict=True)]

    def has_spots(self) -> list[bool]:
        """For each bin, whether it holds any small bright spot (see `find_spots`)."""
        found = torch.zeros(len(self.centers), device=self.device)
        for pixels in self._covered:
            number, share = self.bins.shares(pixels.disparity[pixels.is_spot])
            found.index_add_(0, number.flatten(), share.flatten())
        return (found > 0).tolist()


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
