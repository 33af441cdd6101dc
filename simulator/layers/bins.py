"""Cutting a scene by disparity: bins with hat weights, and depth groups of neighboring bins.

A pixel between two bin centers belongs to both, by its distance to each, so that a slanted surface passes from bin to
bin without a seam. Bins are numbered nearest first. Letters: L bins; N surfaces laid in the same pixel grid; c center.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

_SAME = 1e-5  # of the range: disparities as close as this are one plane and a rounding error
_DISPLAY_WHITE = 1.001
_AROUND_PX, _SPOT_CONTRAST, _SPOT_LEAST = 8, 8.0, 0.05  # of a spot: its surroundings, contrast, linear light
_WHOLE = 0.5  # a surface that covers more of the grid than this is weighted as a picture, others pixel by pixel


def bin_disparities(
    disparity: Float[Tensor, "..."], count: int, where: Bool[Tensor, "..."] | None = None
) -> Float[Tensor, "l"]:
    """Centers of at most `count` bins, nearest first: [L], L <= count.

    Few distinct disparities (cut-outs, test charts) get a bin each and are rendered at exactly their radius; otherwise
    the bins are spread evenly. `where` picks the pixels that count.
    """
    values = (disparity if where is None else disparity[where]).flatten()
    sparse = torch.unique(values[:: max(1, values.numel() // 4096)])  # cheap: many distinct values show up in a few
    if sparse.numel() <= count:
        distinct = torch.unique(values)
        if distinct.numel() <= count:
            apart = distinct.diff() > _SAME * (distinct[-1] - distinct[0])
            return distinct[torch.cat([apart.new_ones(1), apart])].flip(0)
    return torch.linspace(float(values.max()), float(values.min()), count, device=values.device)


def nearer_bin(
    disparity: Float[Tensor, "*s"], bins: Float[Tensor, "l"]
) -> tuple[Int[Tensor, "*s"], Float[Tensor, "*s"]]:
    """Index i of the nearer of a pixel's two bins, in [0, L − 2], and its share of bin i + 1, in [0, 1].

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
    """The share that each of some bins has of each pixel, as pictures; disparity within the outermost centers."""
    gap = bins.diff() if bins.numel() > 1 else bins.new_full((1,), -1.0)
    around = torch.cat([bins[:1] - gap[:1], bins, bins[-1:] + gap[-1:]])  # one more on either side
    before, center, after = (around[[n + k for n in numbers], None, None] for k in (0, 1, 2))
    rising = (disparity - after).div_(center - after)
    falling = (before - disparity).div_(before - center)
    return torch.minimum(rising, falling, out=rising).clamp_(0.0, 1.0)


@dataclass(frozen=True)
class BinShares:
    """Content of thinly spread surfaces dealt out to bins: P entries, one for each pixel and bin that share light.

    Each entry: pixel index in the flat grid, and content [C, P] times share; sorted by bin, whose entries are those
    from `first[bin]` up to `first[bin + 1]`.
    """

    pixel: Int[Tensor, "p"]
    content: Float[Tensor, "c p"]
    first: tuple[int, ...]

    @classmethod
    def of(
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

    def of_bin(self, number: int) -> slice:
        """The entries of one bin."""
        return slice(self.first[number], self.first[number + 1])

    def add_to(self, picture: Float[Tensor, "c h w"], number: int) -> None:
        """One bin's entries laid into its picture."""
        entries = self.of_bin(number)
        if entries.stop > entries.start:
            picture.flatten(1).index_add_(1, self.pixel[entries], self.content[:, entries])


@dataclass(frozen=True)
class HeldPixels:
    """P covered pixels of one surface, by ascending disparity: flat index, content [C, P], disparity, slope.

    slope: [2, P] change of disparity from pixel to pixel, down and right; 0 at silhouettes.
    is_spot: see `find_spots`.
    """

    pixel: Int[Tensor, "p"]
    content: Float[Tensor, "c p"]
    disparity: Float[Tensor, "p"]
    slope: Float[Tensor, "2 p"]
    is_spot: Bool[Tensor, "p"]

    @classmethod
    def sorted_from(cls, content: Float[Tensor, "c h w"], disparity: Float[Tensor, "h w"]) -> HeldPixels:
        """Those of a surface; the last channel of its content is coverage."""
        pixel = content[-1].flatten().nonzero()[:, 0]
        ascending, order = disparity.flatten()[pixel].sort()
        pixel = pixel[order]
        slope, is_spot = slope_of(disparity).flatten(1)[:, pixel], find_spots(content[:-1]).flatten()[pixel]
        return cls(pixel, content.flatten(1)[:, pixel], ascending, slope, is_spot)

    def between(self, low: float, high: float) -> HeldPixels:
        """Those of disparities from `low` up to `high`, as views."""
        ends = torch.tensor([low, high], device=self.disparity.device, dtype=self.disparity.dtype)
        first, end = torch.searchsorted(self.disparity, ends).tolist()
        span = slice(first, end)
        parts = (self.pixel[span], self.content[:, span], self.disparity[span], self.slope[:, span], self.is_spot[span])
        return HeldPixels(*parts)


def slope_of(disparity: Float[Tensor, "h w"]) -> Float[Tensor, "2 h w"]:
    """Change of disparity from pixel to pixel, down and right: the smaller one of both sides, 0 if they differ in sign.

    So it is exact on planes, and no silhouette makes a slope: on its other side lies something else.
    """
    slopes = []
    for axis in (0, 1):
        change = disparity.diff(dim=axis)
        if not change.numel():
            slopes.append(torch.zeros_like(disparity))
            continue
        first, last = change.narrow(axis, 0, 1), change.narrow(axis, change.shape[axis] - 1, 1)
        before, after = torch.cat([first, change], dim=axis), torch.cat([change, last], dim=axis)
        smaller = torch.where(before.abs() < after.abs(), before, after)
        slopes.append(torch.where(before * after > 0, smaller, 0.0))
    return torch.stack(slopes)


class BinPictures:
    """What falls into each bin, as pictures: bins [L] nearest first; content [N, C, h, w], the last coverage."""

    def __init__(
        self, content: Float[Tensor, "n c h w"], disparity: Float[Tensor, "n h w"], bins: Float[Tensor, "l"]
    ) -> None:
        self.bins = bins
        covered = content[:, -1] > 0  # [N, h, w]
        whole = [some > _WHOLE for some in covered.float().mean(dim=(1, 2)).tolist()]
        within = disparity.clamp(bins[-1], bins[0])  # beyond the outermost centers the outermost bin takes all
        self._whole = [(c, d) for c, d, is_whole in zip(content, within, whole, strict=True) if is_whole]
        thin = [n for n, is_whole in enumerate(whole) if not is_whole]
        self._thin = BinShares.of(content[thin], disparity[thin], bins)
        self._size = content.shape[1:]
        self._held = [HeldPixels.sorted_from(*surface) for surface in zip(content, within, strict=True)]
        self._held = [held for held in self._held if held.pixel.numel()]
        self.centers: list[float] = bins.tolist()

    def between(self, low: float, high: float) -> list[HeldPixels]:
        """Of each surface, the covered pixels of disparities from `low` up to `high`; none that are empty."""
        found = [held.between(low, high) for held in self._held]
        return [held for held in found if held.pixel.numel()]

    @property
    def gap(self) -> float:
        """Of evenly spread bins, the disparity between two of them; 0 where no pixel is shared."""
        return (self.centers[0] - self.centers[-1]) / (len(self.centers) - 1) if self.is_mixed else 0.0

    @cached_property
    def slope2(self) -> list[float]:
        """For each bin, the mean of |∇D|² over its coverage."""
        length = self.bins.numel()
        total, coverage = (self.bins.new_zeros(length, dtype=torch.float64) for _ in range(2))
        for held in self._held:
            index, share = nearer_bin(held.disparity, self.bins)
            slope2 = (held.slope**2).sum(0).double()
            for at, part in ((index, 1.0 - share), (index + 1, share)) if length > 1 else ((index, 1.0 - share),):
                weight = (part * held.content[-1]).double()
                total += torch.bincount(at, weight * slope2, minlength=length)
                coverage += torch.bincount(at, weight, minlength=length)
        return (total / coverage.clamp(min=1e-12)).tolist()

    def flux_divergence(self, number: int) -> Float[Tensor, "c h w"]:
        """∇·(content ∇D) of what falls into a bin, central differences."""
        center = self.centers[number]
        low = self.centers[number + 1] if number + 1 < len(self.centers) else -math.inf
        high = self.centers[number - 1] if number else math.inf
        result = self.bins.new_zeros(self._size)
        flat = result.flatten(1)
        height, width = self._size[1:]
        for held in self.between(low, high):
            share = torch.ones_like(held.disparity)
            if number + 1 < len(self.centers):
                share = torch.minimum(share, (held.disparity - low) / (center - low))
            if number:
                share = torch.minimum(share, (high - held.disparity) / (high - center))
            row, column = held.pixel // width, held.pixel % width
            for axis, step, at, count in ((0, width, row, height), (1, 1, column, width)):
                flow = held.content * (0.5 * share.clamp(min=0.0) * held.slope[axis])
                flat.index_add_(1, held.pixel + step * (at + 1 < count), flow)
                flat.index_add_(1, held.pixel - step * (at > 0), -flow)
        return -result

    @cached_property
    def is_mixed(self) -> bool:
        """Whether any pixel is shared by two bins."""
        return any(variance > 0 for variance in self.variance)

    @cached_property
    def variance(self) -> list[float]:
        """For each bin, the variance in disparity that sharing pixels adds to what it holds.

        A pixel that is drawn with shares 1 − w and w in two bins a gap g apart has a variance of w (1 − w) g² too much:
        the mean of that over the bin's coverage.
        """
        length = self.bins.numel()
        if length == 1:
            return [0.0]
        gap2 = self.bins.diff() ** 2
        total, coverage = (self.bins.new_zeros(length, dtype=torch.float64) for _ in range(2))
        for held in self._held:
            index, share = nearer_bin(held.disparity, self.bins)
            added = share * (1.0 - share) * gap2[index]
            for at, part in ((index, 1.0 - share), (index + 1, share)):
                weight = (part * held.content[-1]).double()
                total += torch.bincount(at, weight * added, minlength=length)
                coverage += torch.bincount(at, weight, minlength=length)
        return (total / coverage.clamp(min=1e-12)).tolist()

    @property
    def height(self) -> int:
        return self._size[1]

    def of(self, numbers: Sequence[int]) -> Float[Tensor, "n c h w"]:
        """The pictures of some bins."""
        result: Tensor | None = None
        for content, disparity in self._whole:
            weighted = content * hat_weights(disparity, self.bins, numbers)[:, None]
            result = weighted if result is None else result.add_(weighted)
        if result is None:
            result = self.bins.new_zeros(len(numbers), *self._size)
        for picture, number in zip(result, numbers, strict=True):
            self._thin.add_to(picture, number)
        return result

    def rows(self) -> list[slice]:
        """The rows between a bin's first content and its last; none of an empty bin."""
        length, (height, width) = self.bins.numel(), self._size[1:]
        counts = torch.tensor(self._thin.first, device=self.bins.device).diff()
        bin_of_entry = torch.arange(length, device=counts.device).repeat_interleave(counts)
        cells = [bin_of_entry * height + self._thin.pixel // width]  # cell: a bin's row
        for content, disparity in self._whole:
            index, share = nearer_bin(disparity, self.bins)
            cell = index * height + torch.arange(height, device=index.device)[:, None]
            covered = content[-1] > 0
            cells += [cell[covered & (share < 1)], cell[covered & (share > 0)] + height]
        held = torch.bincount(torch.cat(cells), minlength=length * height).view(length, height) > 0
        found = held.to(torch.uint8)  # argmax finds the first of the largest
        first, last = found.argmax(1), height - 1 - found.flip(1).argmax(1)
        ends = torch.where(held.any(1), last + 1, first)
        return [slice(a, b) for a, b in zip(first.tolist(), ends.tolist(), strict=True)]

    def with_spots(self) -> list[bool]:
        """Whether a bin holds any small bright spot (see `find_spots`)."""
        found = self.bins.new_zeros(self.bins.numel())
        for held in self._held:
            index, share = nearer_bin(held.disparity[held.is_spot], self.bins)
            for at, part in ((index, 1.0 - share), (index + 1, share)):
                found.index_add_(0, at.clamp(max=self.bins.numel() - 1), part)
        return (found > 0).tolist()


def find_spots(light: Float[Tensor, "c h w"]) -> Bool[Tensor, "h w"]:
    """Pixels that are so bright that one sees the rim of the disc that they become.

    Brighter than display white, or eight times as bright as the mean around them: lamps, also those that a photo has
    clipped to white, glints, stars.
    """
    brightness = light.amax(0)
    around, size = brightness[None, None], 2 * _AROUND_PX + 1
    for kernel, padding in (((size, 1), (_AROUND_PX, 0)), ((1, size), (0, _AROUND_PX))):
        around = F.avg_pool2d(around, kernel, 1, padding, count_include_pad=False)
    around = around[0, 0]
    return (brightness > _DISPLAY_WHITE) | ((brightness > _SPOT_CONTRAST * around) & (brightness > _SPOT_LEAST))


def depth_groups(bins: Float[Tensor, "l"], count: int) -> list[slice]:
    """At most `count` runs of neighboring bins, nearest first, whose widest is as narrow in disparity as can be.

    Planes that lie far apart come into different groups, so that they hide each other.
    """
    place = (bins[0] - bins).double().tolist()
    rounding = 1e-6 * place[-1]
    low, high = 0.0, place[-1]  # a width that takes too many runs, and one that does not
    while high - low > rounding:
        middle = (low + high) / 2
        low, high = (low, middle) if len(_runs_within(place, middle)) <= count else (middle, high)
    return _runs_within(place, high)


def _runs_within(place: Sequence[float], widest: float) -> list[slice]:
    """The fewest runs of which none is wider."""
    starts = [0]
    for number, at in enumerate(place):
        if at - place[starts[-1]] > widest:
            starts.append(number)
    return [slice(a, b) for a, b in itertools.pairwise([*starts, len(place)])]
