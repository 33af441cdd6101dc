"""Cutting a scene by disparity: bins with hat weights, and depth groups of neighbouring bins.

A pixel between two bin centres belongs to both, by its distance to each, so that a slanted surface passes from bin to
bin without a seam. Bins are numbered nearest first. Letters: L bins; N surfaces laid in the same pixel grid.
"""

from __future__ import annotations

import itertools

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


def binned(
    content: Float[Tensor, "n c h w"], disparity: Float[Tensor, "n h w"], bins: Float[Tensor, "l"], run: slice
) -> Float[Tensor, "k c h w"]:
    """Content of N surfaces summed into the K bins of a run (a slice of the L), by the hat weights of its disparity."""
    _, c, h, w = content.shape
    first, count = run.start, run.stop - run.start
    result = torch.zeros(count * c * h * w, dtype=content.dtype, device=content.device)
    for surface, depth in zip(content.flatten(2), disparity.flatten(1), strict=True):
        i, share = nearer_bin(depth, bins)
        for index, part in ((i, 1.0 - share), (i + 1, share)):
            # only pixels with content in this run: a group holds few of the photo's, a hidden surface has few at all
            used = ((index >= first) & (index < first + count) & (part > 0) & (surface[-1] != 0)).nonzero()[:, 0]
            place = (index[used] - first) * (c * h * w) + used
            weight = part[used]
            for channel in range(c):
                result.index_add_(0, place + channel * (h * w), surface[channel, used] * weight)
    return result.view(count, c, h, w)


def depth_groups(bins: Float[Tensor, "l"], count: int) -> list[slice]:
    """At most `count` runs of neighbouring bins, nearest first, of about equal length."""
    edges = torch.linspace(0, bins.numel(), min(count, bins.numel()) + 1).round().int().tolist()
    return [slice(a, b) for a, b in itertools.pairwise(edges) if b > a]
