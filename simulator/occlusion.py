"""The surfaces hidden behind each silhouette.

A defocused foreground lets the lens look past its rim, at background that the photo does not contain. It is guessed
from the far side of the silhouette, never from the near object's inside. Where objects stack up, several surfaces are
hidden in one pixel: each cut through the scene's disparity range asks anew what lies behind everything nearer than it.
Letters: D disparity; R largest blur radius in pixels; c disparity of a cut.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from simulator.matte import SplitPixels
from simulator.neighbourhood import local_max

CUTS = 4  # more cuts guess surfaces that are not there: 16 lose 0.1 dB against 4 on the path-traced scenes
_FALLOFF = 3.0  # weight of a source falls with distance^-3


@dataclass(frozen=True)
class HiddenSurface:
    """One guessed surface: light [3, H, W] times coverage [H, W] (0 where nothing is hidden), disparity [H, W]."""

    light: Float[Tensor, "3 h w"]
    coverage: Float[Tensor, "h w"]
    disparity: Float[Tensor, "h w"]


def hidden_surfaces(
    seen: SplitPixels, disparity: Float[Tensor, "h w"], *, reach_px: int, step: float
) -> list[HiddenSurface]:
    """What lies behind the near sides of all disparity steps wider than `step`, up to `reach_px` inside.

    Nearest first: what is hidden directly behind a silhouette comes before what is hidden behind that in turn.
    It is guessed from pixels that were split: a lamp's rim shines into the pixels around it, and whoever fills the
    place behind the lamp from those lights a second lamp there.
    """
    high, low = local_max(disparity, 1), -local_max(-disparity, 1)
    jumps = high - low > step
    if not bool(jumps.any()):
        return []
    surfaces = []
    deepest = disparity  # of what is known so far in each pixel: what two cuts find is one surface, not two
    for cut in _cuts((high[jumps] + low[jumps]) / 2):
        rim = jumps & (high >= cut) & (low < cut)
        behind = local_max(rim.float(), reach_px) > 0
        hidden = behind & (deepest >= cut)
        if bool(hidden.any()):
            surface = _surface_behind(seen, disparity < cut, cut, hidden, reach_px)
            surfaces.append(surface)
            deepest = torch.where(surface.coverage > 0, surface.disparity, deepest)
    return surfaces


def _cuts(middles: Float[Tensor, "p"]) -> list[float]:
    """Disparities at which to ask what lies behind, nearest first: spread over the steps that there are."""
    places = [(i + 0.5) / CUTS for i in range(CUTS)]
    ordered = middles.sort(descending=True).values
    return [float(ordered[int(place * ordered.numel())]) for place in places]


def _surface_behind(
    seen: SplitPixels, known: Bool[Tensor, "h w"], cut: float, hidden: Bool[Tensor, "h w"], reach_px: int
) -> HiddenSurface:
    """What lies beyond the cut of the known pixels, whose centres do, carried to where it is hidden."""
    beyond = (seen.disparity < cut) & known  # [2, H, W]
    light = (seen.light * beyond[:, None]).sum(0)
    share = seen.coverage * beyond
    depth = (seen.disparity * share).sum(0)
    filled, found = spread_inwards(torch.cat([light, depth[None]]), share.sum(0), reach_px)
    coverage = (hidden & found).float()
    return HiddenSurface(filled[:3] * coverage, coverage, filled[3].clamp(max=cut))


def spread_inwards(
    content: Float[Tensor, "c h w"], weight: Float[Tensor, "h w"], reach_px: int
) -> tuple[Float[Tensor, "c h w"], Bool[Tensor, "h w"]]:
    """Content of the known pixels carried to all within `reach_px`, and where anything arrived.

    `content` is already times `weight`, the share in [0, 1] that is known of each pixel.
    A mean weighted by about distance^-p, p = 3, summed over octaves of a pyramid: Σ_s 2^(−p s) (B_s ∗ content) /
    Σ_s 2^(−p s) (B_s ∗ weight), B_s a binomial kernel of width 2^s (inverse distance weighting, Shepard 1968;
    normalised convolution, Knutsson & Westin 1993).
    """
    weighted = torch.cat([content, weight[None]])[None]  # [1, C + 1, H, W]
    levels = [_binomial(weighted)]
    for _ in range(math.ceil(math.log2(max(reach_px, 1)))):
        levels.append(_binomial(F.avg_pool2d(levels[-1], 2, ceil_mode=True)))
    total = levels.pop()
    while levels:  # Σ_s 2^(−p s) B_s, coarsest first, each sum enlarged once
        level = levels.pop()
        wide = F.interpolate(total, scale_factor=2, mode="bilinear", align_corners=False)
        total = level.add_(wide[..., : level.shape[-2], : level.shape[-1]], alpha=2.0**-_FALLOFF)
    arrived = total[0, -1]
    return total[0, :-1] / arrived.clamp(min=1e-12), arrived > 1e-10


def _binomial(x: Float[Tensor, "1 c h w"]) -> Float[Tensor, "1 c h w"]:
    """[1 2 1]/4 along both axes, edges repeated."""
    x = F.pad(x, (1, 1, 1, 1), mode="replicate")
    x = 0.25 * x[..., :-2, :] + 0.5 * x[..., 1:-1, :] + 0.25 * x[..., 2:, :]
    return 0.25 * x[..., :-2] + 0.5 * x[..., 1:-1] + 0.25 * x[..., 2:]
