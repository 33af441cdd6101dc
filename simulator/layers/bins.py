"""Disparity bins with hat weights, and depth groups of neighboring bins.

A pixel between two bin centers belongs to both, by its distance to each. So a slanted surface passes from bin to bin
without a seam. Bins are numbered nearest first. Letters: L bins; N surfaces on one pixel grid; P pixels; D disparity;
g disparity between two neighboring bins; w share of a pixel in the farther of its two bins.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from simulator.layers.covered_pixels import CoveredPixels

_SAME_PLANE = 1e-5  # of the range: disparities this close are one plane, apart by rounding
_ROUNDING = 1e-6  # of the largest disparity, likewise
_ROUNDED_SHARE = 1e-4  # of a gap squared: variance up to which pixels are in one bin but for rounding
_DENSE_SHARE = 0.5  # a surface that covers more of the grid is weighted as a picture, others pixel by pixel


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


def nearer_bin(
    disparity: Float[Tensor, "*s"], bins: Float[Tensor, "l"]
) -> tuple[Int[Tensor, "*s"], Float[Tensor, "*s"]]:
    """(i, w): index of the nearer of a pixel's two bins, in [0, L − 2], and the pixel's share in bin i + 1, in [0, 1].

    The share rises linearly from 0 at center i to 1 at center i + 1; beyond the outermost centers the outermost bin
    takes all. With one bin, index and share are 0.
    """
    if bins.numel() == 1:
        return torch.zeros_like(disparity, dtype=torch.long), torch.zeros_like(disparity)
    ascending = bins.flip(0).contiguous()
    above = torch.searchsorted(ascending, disparity.contiguous(), right=True).clamp(1, bins.numel() - 1)
    i = bins.numel() - 1 - above
    near, far = bins[i], bins[i + 1]
    return i, ((near - disparity) / (near - far)).clamp(0.0, 1.0)


def hat_weights(
    disparity: Float[Tensor, "h w"], bins: Float[Tensor, "l"], numbers: Sequence[int]
) -> Float[Tensor, "n h w"]:
    """Share of each pixel in the bins with these numbers: [n, h, w]. Disparity lies within the outermost centers."""
    outside = 1.0 + bins.abs().max()  # so far beyond the ends that no rounding reaches them
    extended = torch.cat([bins[:1] + outside, bins, bins[-1:] - outside])
    before, center, after = (extended[[n + k for n in numbers], None, None] for k in (0, 1, 2))
    rising = (disparity - after).div_(center - after)
    falling = (before - disparity).div_(before - center)
    return torch.minimum(rising, falling, out=rising).clamp_(0.0, 1.0)


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
        cls, content: Float[Tensor, "n c h w"], disparity: Float[Tensor, "n h w"], bins: Float[Tensor, "l"]
    ) -> BinShares:
        """Shares by the hat weights of each pixel's disparity. The last channel of content is coverage."""
        surface, pixel = content[:, -1].flatten(1).nonzero(as_tuple=True)
        light = content.flatten(2)[surface, :, pixel].T  # [C, P]
        index, share = nearer_bin(disparity.flatten(1)[surface, pixel], bins)
        if bins.numel() > 1:
            index, pixel = torch.cat([index, index + 1]), pixel.repeat(2)
            light = torch.cat([light * (1.0 - share), light * share], dim=1)
        order = index.argsort(stable=True)
        counts = torch.bincount(index, minlength=bins.numel()).cumsum(0).tolist()
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

    content [N, C, h, w], coverage in the last channel; disparity [N, h, w]; bins [L] centers, nearest first.
    """

    def __init__(
        self, content: Float[Tensor, "n c h w"], disparity: Float[Tensor, "n h w"], bins: Float[Tensor, "l"]
    ) -> None:
        self.bins = bins
        covered = content[:, -1] > 0  # [N, h, w]
        is_dense = [share > _DENSE_SHARE for share in covered.float().mean(dim=(1, 2)).tolist()]
        within = disparity.clamp(bins[-1], bins[0])  # beyond the outermost centers the outermost bin takes all
        self._dense = [(c, d) for c, d, dense in zip(content, within, is_dense, strict=True) if dense]
        sparse = [n for n, dense in enumerate(is_dense) if not dense]
        self._sparse = BinShares.from_content(content[sparse], disparity[sparse], bins)
        self._size = content.shape[1:]
        surfaces = [CoveredPixels.from_surface(*surface) for surface in zip(content, within, strict=True)]
        self._covered = [pixels for pixels in surfaces if pixels.pixel.numel()]
        self.centers: list[float] = bins.tolist()

    def between(self, low: float, high: float) -> list[CoveredPixels]:
        """For each surface, its covered pixels with low <= disparity < high; surfaces without any are left out."""
        found = [pixels.between(low, high) for pixels in self._covered]
        return [pixels for pixels in found if pixels.pixel.numel()]

    @property
    def gap(self) -> float:
        """g, the disparity between two neighbors of evenly spread bins; 0 where no pixel is shared."""
        return (self.centers[0] - self.centers[-1]) / (len(self.centers) - 1) if self.is_mixed else 0.0

    @cached_property
    def slope2(self) -> list[float]:
        """For each bin, the mean of |∇D|² over its coverage."""
        return self._coverage_mean(lambda pixels, index, share: (pixels.slope**2).sum(0))

    def _coverage_mean(self, quantity: Callable[[CoveredPixels, Tensor, Tensor], Tensor]) -> list[float]:
        """For each bin, the mean over its coverage of a quantity [P] of the pixels and their bins, see `nearer_bin`."""
        length = self.bins.numel()
        total, coverage = (self.bins.new_zeros(length, dtype=torch.float64) for _ in range(2))
        for pixels in self._covered:
            index, share = nearer_bin(pixels.disparity, self.bins)
            value = quantity(pixels, index, share).double()
            for number, part in ((index, 1.0 - share), (index + 1, share))[: min(length, 2)]:
                weight = (part * pixels.content[-1]).double()
                total += torch.bincount(number, weight * value, minlength=length)
                coverage += torch.bincount(number, weight, minlength=length)
        return (total / coverage.clamp(min=1e-12)).tolist()

    def flux_divergence(self, number: int) -> Float[Tensor, "c h w"]:
        """∇·(content ∇D) of one bin's content [C, h, w], by central differences.

        Beyond the picture, the content and the slope of its edge go on.
        """
        center = self.centers[number]
        low = self.centers[number + 1] if number + 1 < len(self.centers) else -math.inf
        high = self.centers[number - 1] if number else math.inf
        result = self.bins.new_zeros(self._size)
        flat = result.flatten(1)
        height, width = self._size[1:]
        for pixels in self.between(low, high):
            share = torch.ones_like(pixels.disparity)
            if number + 1 < len(self.centers):
                share = torch.minimum(share, (pixels.disparity - low) / (center - low))
            if number:
                share = torch.minimum(share, (high - pixels.disparity) / (high - center))
            row, column = pixels.pixel // width, pixels.pixel % width
            light = pixels.content.clamp(max=1.0)  # a lamp's flux would darken its surroundings below black
            for axis, step, position, count in ((0, width, row, height), (1, 1, column, width)):
                flow = light * (0.5 * share.clamp(min=0.0) * pixels.slope[axis])
                is_inside = position + 1 < count
                flat.index_add_(1, pixels.pixel + step * is_inside, torch.where(is_inside, flow, -flow))
                is_inside = position > 0
                flat.index_add_(1, pixels.pixel - step * is_inside, torch.where(is_inside, -flow, flow))
        return -result

    @cached_property
    def is_mixed(self) -> bool:
        """Whether any pixel is shared by two bins."""
        largest = max((before - after for before, after in itertools.pairwise(self.centers)), default=0.0)
        return any(variance > _ROUNDED_SHARE * largest**2 for variance in self.variance)

    @cached_property
    def variance(self) -> list[float]:
        """For each bin, the variance, in disparity², that sharing pixels adds to its content.

        A pixel with shares 1 − w and w in two bins a gap g apart has a variance that is w (1 − w) g² too large; this is
        the mean of that over the bin's coverage.
        """
        if self.bins.numel() == 1:
            return [0.0]
        gap2 = self.bins.diff() ** 2
        return self._coverage_mean(lambda pixels, index, share: share * (1.0 - share) * gap2[index])

    @property
    def height(self) -> int:
        return self._size[1]

    def pictures(self, numbers: Sequence[int]) -> Float[Tensor, "n c h w"]:
        """Content of the bins with these numbers, times share: [n, C, h, w]."""
        result: Tensor | None = None
        for content, disparity in self._dense:
            weighted = content * hat_weights(disparity, self.bins, numbers)[:, None]
            result = weighted if result is None else result.add_(weighted)
        if result is None:
            result = self.bins.new_zeros(len(numbers), *self._size)
        for picture, number in zip(result, numbers, strict=True):
            self._sparse.add_to(picture, number)
        return result

    def rows(self) -> list[slice]:
        """For each bin, the rows from its first content to its last; an empty slice for an empty bin."""
        length, (height, width) = self.bins.numel(), self._size[1:]
        counts = torch.tensor(self._sparse.first, device=self.bins.device).diff()
        entry_bin = torch.arange(length, device=counts.device).repeat_interleave(counts)
        cells = [entry_bin * height + self._sparse.pixel // width]  # cell: one row of one bin
        for content, disparity in self._dense:
            index, share = nearer_bin(disparity, self.bins)
            cell = index * height + torch.arange(height, device=index.device)[:, None]
            covered = content[-1] > 0
            cells += [cell[covered & (share < 1)], cell[covered & (share > 0)] + height]
        has_content = torch.bincount(torch.cat(cells), minlength=length * height).view(length, height) > 0
        found = has_content.to(torch.uint8)  # argmax finds the first of the largest
        first, last = found.argmax(1), height - 1 - found.flip(1).argmax(1)
        ends = torch.where(has_content.any(1), last + 1, first)
        return [slice(a, b) for a, b in zip(first.tolist(), ends.tolist(), strict=True)]

    def has_spots(self) -> list[bool]:
        """For each bin, whether it holds any small bright spot (see `find_spots`)."""
        found = self.bins.new_zeros(self.bins.numel())
        for pixels in self._covered:
            index, share = nearer_bin(pixels.disparity[pixels.is_spot], self.bins)
            for number, weight in ((index, 1.0 - share), (index + 1, share)):
                found.index_add_(0, number.clamp(max=self.bins.numel() - 1), weight)
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
