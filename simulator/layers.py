"""Cutting a scene by disparity: bins with hat weights, and depth groups of neighbouring bins.

A pixel between two bin centres belongs to both, by its distance to each, so that a slanted surface passes from bin to
bin without a seam. Bins are numbered nearest first. Letters: L bins; N surfaces laid in the same pixel grid.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


def bin_disparities(
    disparity: Float[Tensor, "..."], count: int, where: Bool[Tensor, "..."] | None = None
) -> Float[Tensor, "l"]:
    """Centres of at most `count` bins, nearest first: [L], L <= count.

    Few distinct disparities (cut-outs, test charts) get a bin each and are rendered at exactly their radius; otherwise
    the bins are spread evenly. `where` picks the pixels that count.
    """
    values = (disparity if where is None else disparity[where]).flatten()
    sparse = torch.unique(values[:: max(1, values.numel() // 4096)])  # cheap: many distinct values show up in a few
    if sparse.numel() <= count:
        distinct = torch.unique(values)
        if distinct.numel() <= count:
            return distinct.flip(0)
    return torch.linspace(float(values.max()), float(values.min()), count, device=values.device)


def nearer_bin(
    disparity: Float[Tensor, "*s"], bins: Float[Tensor, "l"]
) -> tuple[Int[Tensor, "*s"], Float[Tensor, "*s"]]:
    """Index i of the nearer of a pixel's two bins, in [0, L − 2], and its share of bin i + 1, in [0, 1].

    The share rises linearly from 0 at centre i to 1 at centre i + 1; beyond the outermost centres the outermost bin
    takes all. With one bin, index and share are 0.
    """
    if bins.numel() == 1:
        return torch.zeros_like(disparity, dtype=torch.long), torch.zeros_like(disparity)
    ascending = bins.flip(0).contiguous()
    above = torch.searchsorted(ascending, disparity.contiguous(), right=True).clamp(1, bins.numel() - 1)
    i = bins.numel() - 1 - above
    near, far = bins[i], bins[i + 1]
    return i, ((near - disparity) / (near - far)).clamp(0.0, 1.0)


@dataclass(frozen=True)
class BinShares:
    """Content of N surfaces dealt out to bins: P entries, one for each pixel of a surface and bin that share light.

    Each entry: bin index, pixel index in the flat grid, and content [C, P] times share. A photo has two entries a
    pixel; a hidden surface has few.
    """

    index: Int[Tensor, "p"]
    pixel: Int[Tensor, "p"]
    content: Float[Tensor, "c p"]

    @classmethod
    def of(
        cls, content: Float[Tensor, "n c h w"], disparity: Float[Tensor, "n h w"], bins: Float[Tensor, "l"]
    ) -> BinShares:
        """Shares by the hat weights of each pixel's disparity. The last channel of content is coverage."""
        parts = []
        for surface, depth in zip(content.flatten(2), disparity.flatten(1), strict=True):
            pixel = surface[-1].nonzero()[:, 0]
            if pixel.numel() < depth.numel():
                surface, depth = surface[:, pixel], depth[pixel]
            index, share = nearer_bin(depth, bins)
            parts += [(index, pixel, surface * (1.0 - share))]
            if bins.numel() > 1:
                parts += [(index + 1, pixel, surface * share)]
        return cls(*(torch.cat(column, dim=-1) for column in zip(*parts, strict=True)))

    def of_run(self, run: slice) -> BinShares:
        """The entries of a run of bins, which are numbered from 0 in it."""
        chosen = ((self.index >= run.start) & (self.index < run.stop)).nonzero()[:, 0]
        return BinShares(self.index[chosen] - run.start, self.pixel[chosen], self.content[:, chosen])

    def summed(self, count: int, height: int, width: int) -> Float[Tensor, "k c h w"]:
        """The first `count` bins as pictures."""
        channels, area = self.content.shape[0], height * width
        place = self.index * (channels * area) + self.pixel
        result = torch.zeros(count * channels * area, dtype=self.content.dtype, device=self.content.device)
        for channel in range(channels):
            result.index_add_(0, place + channel * area, self.content[channel])
        return result.view(count, channels, height, width)


def depth_groups(bins: Float[Tensor, "l"], count: int) -> list[slice]:
    """At most `count` runs of neighbouring bins, nearest first, of about equal length."""
    edges = torch.linspace(0, bins.numel(), min(count, bins.numel()) + 1).round().int().tolist()
    return [slice(a, b) for a, b in itertools.pairwise(edges) if b > a]
