"""The surfaces hidden behind each silhouette.

A defocused foreground lets the lens look past its rim, at background that the photo does not contain. It is guessed
from the far side of the silhouette, never from the near object's inside. Where objects stack up, several surfaces are
hidden in one pixel: each cut through the scene's disparity range asks anew what lies behind everything nearer than it.
A guess is smooth, so it is made at half the frame's size; a cell is hidden where any of its four pixels is.
Letters: D disparity; R largest blur radius in pixels; c disparity of a cut; hh, wh half the frame's size, rounded up.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from simulator.layers.morphology import local_max
from simulator.layers.surfaces import Surfaces

CUTS = 4  # more cuts guess surfaces that are not there: 16 lose 0.1 dB against 4 on the path-traced scenes
_FALLOFF = 3.0  # weight of a source falls with distance^-3


def hidden_surfaces(seen: Surfaces, disparity: Float[Tensor, "h w"], *, reach_px: int, step: float) -> list[Surfaces]:
    """What lies behind the near sides of all disparity steps wider than `step`, up to `reach_px` inside.

    Nearest first: what is hidden directly behind a silhouette comes before what is hidden behind that in turn.
    It is guessed from pixels that were split: a lamp's rim shines into the pixels around it, and whoever fills the
    place behind the lamp from those lights a second lamp there.
    """
    high, low = local_max(disparity, 1), -local_max(-disparity, 1)
    jumps = high - low > step
    if not bool(jumps.any()):
        return []
    # Without a jump, nothing lies on the other side of any cut.
    high, low = torch.where(jumps, high, -torch.inf), torch.where(jumps, low, torch.inf)
    cuts = _cuts((high[jumps] + low[jumps]) / 2)
    surfaces = []
    deepest = _largest_of_cell(disparity)  # of what is known so far in each cell: what two cuts find is one surface
    for cut in cuts:
        rim = _largest_of_cell((high >= cut).float() * (low < cut))
        hidden = (local_max(rim, math.ceil(reach_px / 2)) > 0) & (deepest >= cut)
        if bool(hidden.any()):
            surface = _surface_behind(seen, disparity < cut, cut, hidden, reach_px)
            surfaces.append(surface)
            deepest = torch.where(surface.coverage[0] > 0, surface.disparity[0], deepest)
    return surfaces


def _largest_of_cell(x: Float[Tensor, "h w"]) -> Float[Tensor, "hh wh"]:
    x = _even(x)
    rows = torch.maximum(x[0::2], x[1::2])
    return torch.maximum(rows[:, 0::2], rows[:, 1::2])


def _mean_of_cell(x: Float[Tensor, "c h w"]) -> Float[Tensor, "c hh wh"]:
    x = _even(x)
    rows = x[..., 0::2, :] + x[..., 1::2, :]
    return (rows[..., 0::2] + rows[..., 1::2]).mul_(0.25)


def _even(x: Float[Tensor, "*c h w"]) -> Float[Tensor, "*c he we"]:
    """An odd last row or column repeated."""
    h, w = x.shape[-2:]
    return F.pad(x[None], (0, w % 2, 0, h % 2), mode="replicate")[0] if h % 2 or w % 2 else x


def _cuts(middles: Float[Tensor, "p"]) -> list[float]:
    """Disparities at which to ask what lies behind, nearest first: spread over the steps that there are."""
    places = [(i + 0.5) / CUTS for i in range(CUTS)]
    ordered = middles.sort(descending=True).values
    return [float(ordered[int(place * ordered.numel())]) for place in places]


def _surface_behind(
    seen: Surfaces, known: Bool[Tensor, "h w"], cut: float, hidden: Bool[Tensor, "hh wh"], reach_px: int
) -> Surfaces:
    """What lies beyond the cut of the known pixels, whose centres do, carried to where it is hidden."""
    beyond = ((seen.disparity < cut) & known).to(seen.light.dtype)  # [2, H, W]
    parts = torch.cat([seen.light, (seen.disparity * seen.coverage)[:, None], seen.coverage[:, None]], dim=1)
    both = torch.addcmul(parts[0] * beyond[0], parts[1], beyond[1])  # [5, H, W]
    cells = _mean_of_cell(both)
    filled, found = spread_inwards(cells[:4], cells[4], math.ceil(reach_px / 2))
    coverage = (hidden & found).float()
    light, disparity = filled[:3] * coverage, filled[3].clamp(max=cut)
    return Surfaces(light[None], coverage[None], disparity[None], octave=1)


def spread_inwards(
    content: Float[Tensor, "c h w"], weight: Float[Tensor, "h w"], reach_px: int
) -> tuple[Float[Tensor, "c h w"], Bool[Tensor, "h w"]]:
    """Content of the known pixels carried to all within `reach_px`, and where anything arrived.

    `content` is already times `weight`, the share in [0, 1] that is known of each pixel.
    A mean weighted by about distance^-p, p = 3, summed over octaves of a pyramid: with content and weight for x,
    x + 2^-p Σ_s 2^(−p s) B_s ∗ x, B_s a binomial kernel of width 2^s (inverse distance weighting, Shepard 1968;
    normalised convolution, Knutsson & Westin 1993).
    """
    known = torch.cat([content, weight[None]])[None]  # [1, C + 1, H, W]
    levels = [_binomial(known)]
    for _ in range(math.ceil(math.log2(max(reach_px, 1)))):
        levels.append(_binomial(_mean_of_cell(levels[-1][0])[None]))
    total = levels.pop()
    while levels:  # coarsest first, each sum enlarged once
        level = levels.pop()
        wide = F.interpolate(total, scale_factor=2, mode="bilinear", align_corners=False)
        total = level.add_(wide[..., : level.shape[-2], : level.shape[-1]], alpha=2.0**-_FALLOFF)
    total = torch.add(known, total, alpha=2.0**-_FALLOFF)
    arrived = total[0, -1]
    return total[0, :-1] / arrived.clamp(min=1e-12), arrived > 1e-10


def _binomial(x: Float[Tensor, "1 c h w"]) -> Float[Tensor, "1 c h w"]:
    """[1 2 1]/4 along both axes, edges repeated."""
    x = F.pad(x, (1, 1, 1, 1), mode="replicate")
    rows = (x[..., :-2, :] + x[..., 2:, :]).add_(x[..., 1:-1, :], alpha=2.0)
    return (rows[..., :-2] + rows[..., 2:]).add_(rows[..., 1:-1], alpha=2.0).mul_(1 / 16)
