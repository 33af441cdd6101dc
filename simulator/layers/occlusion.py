"""Hidden surfaces: background that a defocused foreground reveals beside its silhouette, and that no photo contains.

Hidden color and disparity are guessed from the far side of the silhouette, never from the near object's inside. Where
objects stack up, one pixel hides several surfaces: the disparity range is cut at a few places, and for each cut the
surface behind everything nearer than the cut is guessed. A guess is smooth, so it is made on cells of 2 × 2 pixels; a
cell is hidden where any of its pixels is.
Letters: D disparity; R largest blur radius in pixels; c disparity of a cut; hh, wh half the frame's size, rounded up.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from simulator.layers.hole_filling import fill_holes, mean_2x2
from simulator.layers.morphology import dilate
from simulator.layers.surfaces import Surfaces

CUTS = 4  # more cuts guess surfaces that do not exist: 16 lose 0.1 dB against 4 on the path-traced scenes
_CUT_REACH, _CANDIDATES = 0.22, 9  # of a quarter of the steps, on both sides of its middle; candidates for a cut
_MIDDLE = 1e-3  # of two candidates as good, the one closer to the middle is taken
_GAMMA = 1.5  # colors are averaged as light^(1/1.5): a lamp beside a silhouette outshines less of what is behind it
_LEAST_SHARE = 1e-4  # of a pixel: below it, light over coverage is rounding


def hidden_surfaces(
    visible: Surfaces, disparity: Float[Tensor, "h w"], *, reach_px: int, step: float
) -> list[Surfaces]:
    """Surfaces [1, …, hh, wh] behind the near side of each disparity step above `step`, up to `reach_px` inside it.

    Nearest first: the surface directly behind a silhouette precedes the one that it hides in turn. Color is taken from
    split pixels (`matting`): unsplit pixels beside a lamp contain its light and would create a second lamp behind it.
    """
    high, low = dilate(disparity, 1), -dilate(-disparity, 1)
    is_step = high - low > step
    if not bool(is_step.any()):
        return []
    surfaces, parts = [], _weighted_parts(visible)
    # The farthest surface known so far in each cell: where two cuts find the same surface, it counts once.
    farthest = _largest_2x2(disparity)
    for cut in _cuts(high, low, is_step):
        crosses = (high >= cut) & (low < cut)
        is_hidden = _is_behind_a_step(crosses, is_step, math.ceil(reach_px / 2)) & (farthest >= cut)
        if bool(is_hidden.any()):
            surface = _surface_behind(visible, parts, disparity < cut, cut, is_hidden, reach_px)
            surfaces.append(surface)
            farthest = torch.where(surface.coverage[0] > 0, surface.disparity[0], farthest)
    return surfaces


def _largest_2x2(x: Float[Tensor, "h w"]) -> Float[Tensor, "hh wh"]:
    """Largest value of each block of 2 × 2 pixels."""
    return F.max_pool2d(x[None, None], 2, ceil_mode=True)[0, 0]


def _is_behind_a_step(crosses: Bool[Tensor, "h w"], is_step: Bool[Tensor, "h w"], reach: int) -> Bool[Tensor, "hh wh"]:
    """Cells within reach of a step across the cut, and closer to such steps than to slopes that cross it.

    Behind a slope's near part lies nothing but the slope; its far part, continued there, would show beside silhouettes.
    """
    across = torch.stack([crosses & is_step, crosses]).float()
    part_of_steps, _ = fill_holes(mean_2x2(across[:1]), mean_2x2(across[1:])[0], reach)
    return (dilate(_largest_2x2(across[0]), reach) > 0) & (part_of_steps[0] > 0.5)


def _cuts(high: Float[Tensor, "h w"], low: Float[Tensor, "h w"], is_step: Bool[Tensor, "h w"]) -> list[float]:
    """Disparities of the cuts, nearest first: one in each quarter of the steps' middle disparities.

    Each cut is the candidate, within the middle half of its quarter, that crosses the fewest slopes for its steps.
    high, low: largest and smallest disparity around each pixel.
    """
    middles = ((high[is_step] + low[is_step]) / 2).sort().values
    quarter = torch.arange(CUTS, device=middles.device)[:, None]
    place = torch.linspace(0.5 - _CUT_REACH, 0.5 + _CUT_REACH, _CANDIDATES, device=middles.device)
    candidates = middles[((quarter + place) / CUTS * middles.numel()).long()]  # [cuts, candidates]
    steps, slopes = (_crossings(candidates.flatten(), low[mask], high[mask]) for mask in (is_step, ~is_step))
    score = (steps / (steps + slopes + 1.0)).view_as(candidates) - _MIDDLE * (place - 0.5).abs()
    return candidates.gather(1, score.argmax(1, keepdim=True))[:, 0].flip(0).tolist()


def _crossings(ascending: Float[Tensor, "c"], low: Float[Tensor, "p"], high: Float[Tensor, "p"]) -> Float[Tensor, "c"]:
    """For each candidate, the number of pixels whose low < candidate <= high."""
    count = ascending.numel() + 1
    first, end = (torch.bincount(torch.bucketize(x, ascending, right=True), minlength=count) for x in (low, high))
    return (first - end).cumsum(0)[:-1].to(ascending.dtype)


def _weighted_parts(visible: Surfaces) -> Float[Tensor, "2 5 h w"]:
    """Of the near and the far part of each pixel, encoded color and disparity times share, and the share."""
    share = visible.coverage[:, None]
    color = (visible.light / share.clamp(min=_LEAST_SHARE)).clamp_(min=0.0)
    encoded = color.log_().mul_(1.0 / _GAMMA).exp_().mul_(share)  # a power, in a third of the time of pow
    return torch.cat([encoded, visible.disparity[:, None] * share, share], dim=1)


def _surface_behind(
    visible: Surfaces,
    parts: Float[Tensor, "2 5 h w"],
    is_beyond: Bool[Tensor, "h w"],
    cut: float,
    is_hidden: Bool[Tensor, "hh wh"],
    reach_px: int,
) -> Surfaces:
    """The surface beyond a cut, continued into the cells where it is hidden.

    Sources are the parts of split pixels that lie beyond the cut, of pixels whose center does (`is_beyond`). A mean
    of disparities beyond the cut is beyond the cut, too. parts: see `_weighted_parts`.
    """
    is_source = ((visible.disparity < cut) & is_beyond).to(parts.dtype)  # [2, H, W]
    cells = mean_2x2(torch.addcmul(parts[0] * is_source[0], parts[1], is_source[1]))  # [5, hh, wh]
    filled, has_value = fill_holes(cells[:4], cells[4], math.ceil(reach_px / 2))
    coverage = (is_hidden & has_value).float()
    light = filled[:3].clamp(min=0.0).pow(_GAMMA) * coverage
    return Surfaces(light[None], coverage[None], filled[3:], octave=1)
