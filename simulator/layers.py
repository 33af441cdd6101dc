"""Cutting a scene by disparity: bins with hat weights, and depth groups of neighbouring bins.

A pixel between two bin centres belongs to both, by its distance to each, so that a slanted surface passes from bin to
bin without a seam. Bins are numbered nearest first. Letters: L bins; N surfaces laid in the same pixel grid.
"""

from __future__ import annotations

import itertools

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def bin_disparities(
    disparity: Float[Tensor, ...], count: int, where: Bool[Tensor, ...] | None = None
) -> Float[Tensor, "l"]:
    """Centres of at most `count` bins, nearest first: [L], L <= count.

    Few distinct disparities (cut-outs, test charts) get a bin each and are rendered at exactly their radius; otherwise
    the bins are spread evenly. `where` picks the pixels that count.
    """
    values = (disparity if where is None else disparity[where]).flatten()
    distinct = torch.unique(values)
    if distinct.numel() <= count:
        return distinct.flip(0)
    return torch.linspace(float(distinct[-1]), float(distinct[0]), count, device=values.device)


def hat_weights(disparity: Float[Tensor, "*s"], bins: Float[Tensor, "l"]) -> Float[Tensor, "l *s"]:
    """Share of each pixel in each bin: [L, ...], non-negative, summing to one over L.

    w_i(D) falls linearly from 1 at bin i's centre to 0 at its neighbours' centres; beyond the outermost centres the
    outermost bin takes all.
    """
    shape = (-1,) + (1,) * disparity.ndim
    if bins.numel() == 1:
        return torch.ones_like(disparity)[None]
    gap = (bins[:-1] - bins[1:]).view(shape)  # [L - 1]
    behind = ((bins[:-1].view(shape) - disparity) / gap).clamp(0.0, 1.0)  # [L - 1, ...] 0 at centre i, 1 at i + 1
    one, none = torch.ones_like(behind[:1]), torch.zeros_like(behind[:1])
    return torch.cat([one, behind]) - torch.cat([behind, none])


def depth_groups(bins: Float[Tensor, "l"], count: int) -> list[slice]:
    """At most `count` runs of neighbouring bins, nearest first, of about equal length."""
    edges = torch.linspace(0, bins.numel(), min(count, bins.numel()) + 1).round().int().tolist()
    return [slice(a, b) for a, b in itertools.pairwise(edges) if b > a]
