"""Soft, misplaced depth edges become steps at the edges of the photo.

Where the scene has a step, a depth network returns a ramp several pixels wide, often a pixel off the silhouette in the
photo. Rendered from such a map, each silhouette gets a rim of blur radii that nothing in the scene has.

    disparity ──measure──▶ soft edges, σ ──deblur──▶ narrow ramps ──grow plateaus──▶ near and far value of each pixel
    photo ──colors of the neighboring plateaus──▶ which of the two; and whether the photo shows an edge there at all
    thin parts, which have no plateau ──`thin_parts`──▶ the height that the soft map implies

Maps without soft edges (sharp steps, planes, smooth terrain) are returned unchanged, bit by bit. Everything is measured
on the map itself, in its unit, so there are no parameters.
Letters: D disparity; σ softness of an edge, as the standard deviation of a Gaussian that blurs a step, in pixels;
n, f near and far plateau; P pixels of all ramps; Q neighbors of each; h height of a
step.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from simulator.layers.map_filters import blurred, gradient, one_pixel_step
from simulator.layers.morphology import dilate, dilate_mask
from simulator.layers.thin_parts import restore_thin_parts
from simulator.optics.color import linear_to_srgb

_FINE_PX, _COARSE_PX = 0.7, 2.0  # the two scales whose slopes are compared
_SMALLEST_STEP = 0.05  # of the map's range: less is terrain, or a slope quantized to 8 bits
_STEP_WIDTH_PX = 1.7  # a step is sharp whose h over its steepest slope is less: 1 if exact, 2.5 σ if soft
_SHARP_SHARE = 0.25  # a map with more than this of its edges sharp is sharp: exact maps have 0.45 to 1, soft ones 0
_SLOPE_PX = 3.5  # σ from which an edge is taken for a slope
_RAMP_SLOPE = 0.4  # of the slope at the crest: steeper pixels belong to the ramp, the others to its plateaus
_GENTLE_PX = 2  # least reach within which the slope of a plateau is measured
_REACH_PX = 5  # how far colors are compared, in pixels, or in steps where ramps are wide
_FALLOFF_PX = 3.0
_COLOR_SPREAD = 0.06  # in display values: standard deviation of the colors of one surface
_COLOR_FLOOR = 0.01  # share of pixels whose color resembles no neighbor: mixed pixels, highlights
_CHUNK = 1 << 15  # pixels whose neighbors are in memory at a time
_SHIFT_LOGIT = 4.0  # log odds that the disparity tells the right side, per σ off the middle of the ramp
_CONFIRMED = 1.3  # mean log likelihood ratio of the right side; on traced scenes 1.6 to 4.2, on terrain 0.2 to 1.1
_CONFIRMED_SHARE = 0.5  # of the edges, by strength: with fewer confirmed, the map's edges are taken for slopes


@dataclass(frozen=True)
class _Edges:
    """The crests of a map's soft edges, the slope at every pixel, and σ."""

    crest: Bool[Tensor, "h w"]
    slope: Float[Tensor, "h w"]
    softness_px: float


@dataclass(frozen=True)
class _Ramps:
    """Pixels between two plateaus: their mask, their flat indices, and n and f of each."""

    inside: Bool[Tensor, "h w"]
    index: Int[Tensor, "p"]
    near: Float[Tensor, "p"]
    far: Float[Tensor, "p"]


def sharpened(disparity: Tensor, image: Tensor) -> Float[Tensor, "h w"]:
    """Disparity [H, W], in the unit of the input, with steps at the photo's edges instead of soft edges.

    image is the photo [3, H, W] in linear light. The range is kept, and so is every pixel away from a soft edge.

    Raises ValueError when shapes do not match, values are not floating point, or not finite.
    """
    _check(disparity, image)
    edges = _soft_edges(disparity)
    if edges is None:
        return disparity.clone()
    residual_px = 0.5 + edges.softness_px / 3.0  # σ after `_deblurred`, measured
    narrow = _deblurred(disparity, edges.softness_px)
    reach = math.ceil(2.2 * residual_px)
    ramps = _ramps(narrow, edges.crest, reach)
    if ramps.index.numel() == 0:
        return disparity.clone()
    colors = _Colors(image, narrow, ramps.inside, spacing_px=max(1, round(residual_px / 1.2)))
    confirmed = _confirmed(colors, narrow, ramps, edges)
    if confirmed is None:
        return disparity.clone()
    middle = (ramps.near + ramps.far) / 2
    offset = (2.0 * (narrow.flatten()[ramps.index] - middle) / (ramps.near - ramps.far)).clamp(-1.0, 1.0)
    ratio = colors.log_ratio(ramps.index, middle).nan_to_num(0.0)
    snapped = torch.where(_SHIFT_LOGIT * residual_px * offset + ratio > 0, ramps.near, ramps.far)
    nearby = math.ceil(2.5 * edges.softness_px)
    zone = dilate_mask(confirmed, nearby)
    result = torch.where(zone, narrow, disparity)
    chosen = dilate_mask(confirmed, reach).flatten()[ramps.index]
    result.view(-1)[ramps.index[chosen]] = snapped[chosen]
    result = _leveled(result, disparity, ramps, zone, nearby)
    return restore_thin_parts(result, disparity, edges.softness_px)


def _soft_edges(disparity: Tensor) -> _Edges | None:
    """The soft edges; None when the map has none, or mostly sharp ones.

    A Gaussian-blurred step has, after a further blur of s, a slope of h / √(2π (σ² + s²)). Two such s give σ without
    knowing h, and tell an edge from a slope, whose steepness does not change (as Zhuo & Sim 2011 measure defocus).
    """
    fine, coarse = gradient(blurred(disparity, _FINE_PX)), gradient(blurred(disparity, _COARSE_PX))
    slope = torch.hypot(*fine)
    ratio = (slope * slope / (fine * coarse).sum(0).clamp(min=1e-6 * float(slope.max()) ** 2)).clamp(min=1.0 + 1e-6)
    softness = ((_COARSE_PX**2 - ratio**2 * _FINE_PX**2) / (ratio**2 - 1.0)).clamp(min=0.0).sqrt()
    step = dilate(disparity, 4) + dilate(-disparity, 4)
    crest = (slope >= 0.8 * dilate(slope, 3)) & (step > _SMALLEST_STEP * (disparity.max() - disparity.min()))
    width = step / dilate(one_pixel_step(disparity), 2).clamp(min=torch.finfo(step.dtype).tiny)
    sharp = crest & (width <= _STEP_WIDTH_PX)
    soft = crest & (width > _STEP_WIDTH_PX) & (softness < _SLOPE_PX)
    if not bool(soft.any()) or float(slope[sharp].sum()) > _SHARP_SHARE * float(slope[sharp | soft].sum()):
        return None
    softness = torch.maximum(softness, width / math.sqrt(2.0 * math.pi))
    typical = _weighted_median(softness[soft], slope[soft].square())
    return _Edges(soft & (softness < 1.2 * typical + 0.3), slope, typical)


def _deblurred(disparity: Tensor, softness_px: float) -> Tensor:
    """D ← D + (D₀ − G_σ ∗ D), kept within the values nearby so that nothing rings (Van Cittert 1931, projected)."""
    high, low = dilate(disparity, 3), -dilate(-disparity, 3)
    result = disparity
    for _ in range(round(3.0 * (softness_px - 0.5))):
        result = (result + disparity - blurred(result, softness_px)).clamp(low, high)
    return result


def _ramps(disparity: Tensor, crest: Tensor, reach: int) -> _Ramps:
    """Steep pixels around the crests, with the plateaus on both sides extrapolated into them.

    A plateau is extrapolated as max_j (D_j − g·|x − x_j|), a dilation by a cone; g is the gentlest slope on that side:
    level ground stays level, and a slope continues. The first pass, with g = 0, only separates the two sides.
    """
    slope = torch.hypot(*gradient(disparity))
    at_crest = dilate(torch.where(crest, slope, 0.0), reach)
    inside = (at_crest > 0) & (slope > _RAMP_SLOPE * at_crest)
    level = torch.zeros_like(disparity)
    near, far = _extrapolated(disparity, inside, level, reach), -_extrapolated(-disparity, inside, level, reach)
    gentle = max(_GENTLE_PX, reach - 1)  # the foot of a wide ramp is no plateau
    middle = dilate(torch.where(inside & (near > far), (near + far) / 2, -math.inf), gentle)
    is_plateau = ~inside & (middle > -math.inf)
    gentle_near = _gentlest(slope, is_plateau & (disparity > middle), gentle)
    gentle_far = _gentlest(slope, is_plateau & (disparity <= middle), gentle)
    near = _extrapolated(disparity, inside, gentle_near, reach)
    far = -_extrapolated(-disparity, inside, gentle_far, reach)
    index = (inside & (near > far)).flatten().nonzero()[:, 0]
    return _Ramps(inside, index, near.flatten()[index], far.flatten()[index])


def _leveled(sharp: Tensor, soft: Tensor, ramps: _Ramps, zone: Tensor, nearby: int) -> Tensor:
    """The sharp map without overshoot in the zone, the pixels within `nearby` of edges.

    Networks' maps overshoot beside a step, and deblurred ones more: a rim of other depth whose inner outline shows. So
    no pixel of the near side is nearer, and none of the far side farther, than its surface beyond the zone, but for the
    slope there. Behind an overshoot the deblurred map rings to the other side; there the soft map is right.
    """
    rim = _SMALLEST_STEP * (soft.max() - soft.min())
    middle, is_step = torch.full_like(soft, -math.inf), ramps.near - ramps.far > rim
    middle.view(-1)[ramps.index[is_step]] = (ramps.near + ramps.far)[is_step] / 2
    slope, is_clear, reach = torch.hypot(*gradient(soft)), ~dilate_mask(zone, 2), nearby + 4
    for radius in (nearby, 2 * reach):  # of the ramp beside, where there is one
        middle = torch.where(middle > -math.inf, middle, dilate(middle, radius))
    is_near = sharp > middle
    result = sharp
    for sign, side in ((1.0, is_near), (-1.0, ~is_near)):
        surface = side & is_clear
        bound = dilate((sign * soft).masked_fill(~surface, -math.inf), reach)
        bound = bound + reach * _gentlest(slope, surface, reach)
        unrung = torch.where(ramps.inside, sign * sharp, torch.maximum(sign * sharp, sign * soft))
        leveled = sign * unrung.minimum(bound)
        result = torch.where(zone & side & ((leveled - sharp).abs() < rim), leveled, result)
    return result


def _extrapolated(disparity: Tensor, inside: Tensor, slope: Tensor, reach: int) -> Tensor:
    """The highest plateau within `reach`, lowered by `slope` per pixel of distance; NaN where there is none."""
    result = disparity.masked_fill(inside, -math.inf)
    for _ in range(reach):
        result = torch.where(inside, torch.maximum(result, dilate(result, 1) - slope), result)
    return result.masked_fill(result == -math.inf, math.nan)


def _gentlest(slope: Tensor, where: Tensor, nearby: int) -> Tensor:
    """The smallest slope nearby among the pixels in `where`; 0 where there is none."""
    least = -dilate(-slope.masked_fill(~where, math.inf), nearby)
    return least.masked_fill(least == math.inf, 0.0)


class _Colors:
    """Display colors and disparity of the plateaus; NaN inside ramps and beyond the frame."""

    def __init__(self, image: Tensor, disparity: Tensor, ramp: Tensor, spacing_px: int) -> None:
        self.spacing_px, self.margin = spacing_px, _REACH_PX * spacing_px
        plateau = disparity.masked_fill(ramp, math.nan)
        sides = (self.margin,) * 4
        self.width = disparity.shape[1]
        self.stride = self.width + 2 * self.margin
        self.plateau = F.pad(plateau, sides, value=math.nan).flatten()
        self.channels = [F.pad(c, sides).flatten() for c in linear_to_srgb(image.clamp(0.0, 1.0))]
        offset = torch.arange(-_REACH_PX, _REACH_PX + 1, device=disparity.device)
        rows, columns = (o.flatten() for o in torch.meshgrid(offset, offset, indexing="ij"))
        squared = rows**2 + columns**2
        is_neighbor = (squared > 0) & (squared <= _REACH_PX**2 + 1)
        self.offsets = ((rows * self.stride + columns) * spacing_px)[is_neighbor, None]  # [Q, 1]
        self.falloff = torch.exp(squared[is_neighbor, None].to(disparity.dtype) / (-2.0 * _FALLOFF_PX**2))

    def log_ratio(self, index: Int[Tensor, "p"], middle: Float[Tensor, "p"]) -> Float[Tensor, "p"]:
        """log p(color | near) / p(color | far) [P] at flat indices; NaN where a side has no pixels.

        Kernel densities over the neighboring plateau pixels that are nearer than `middle`, or farther.
        """
        row = torch.div(index, self.width, rounding_mode="floor")
        padded = (row + self.margin) * self.stride + index - row * self.width + self.margin
        chunks = zip(padded.split(_CHUNK), middle.split(_CHUNK), strict=True)
        return torch.cat([self._log_ratio(*chunk) for chunk in chunks])

    def _log_ratio(self, padded: Tensor, middle: Tensor) -> Tensor:
        neighbors = padded + self.offsets  # [Q, P]
        distance = torch.zeros(neighbors.shape, dtype=middle.dtype, device=middle.device)
        for channel in self.channels:
            difference = channel[neighbors] - channel[padded]
            distance.addcmul_(difference, difference)
        similarity = torch.exp_(distance.mul_(-0.5 / _COLOR_SPREAD**2))
        plateau = self.plateau[neighbors]
        densities = []
        for side in (plateau > middle, plateau <= middle):  # both false for NaN
            weight = self.falloff * side
            total = weight.sum(0)
            density = (weight * similarity).sum(0) / total.clamp(min=1e-6) + _COLOR_FLOOR
            densities.append(density.masked_fill(total < 0.01, math.nan))
        return torch.log(densities[0] / densities[1])


def _confirmed(colors: _Colors, disparity: Tensor, ramps: _Ramps, edges: _Edges) -> Tensor | None:
    """Crests where the photo shows an edge: there the colors of neighboring plateau pixels tell their side.

    None when the photo confirms too few of the map's edges: then they are slopes. Pixels of ramps have no vote, since
    a ramp may be a pixel off.
    """
    middle = torch.full_like(disparity, -math.inf)
    middle.view(-1)[ramps.index] = (ramps.near + ramps.far) / 2
    middle = dilate(middle, 3 * colors.spacing_px)
    index = ((middle > -math.inf) & ~ramps.inside).flatten().nonzero()[::4, 0]  # a quarter of the votes is enough
    ratio = colors.log_ratio(index, middle.flatten()[index])
    vote = torch.where(disparity.flatten()[index] > middle.flatten()[index], ratio, -ratio)
    votes = torch.zeros_like(middle).repeat(2, 1, 1)
    votes.view(2, -1)[:, index] = torch.stack([vote.nan_to_num(0.0), vote.isfinite().to(vote.dtype)])
    support, count = (blurred(v, 4.0) for v in votes)
    confirmed = edges.crest & (support > _CONFIRMED * count)
    share = float(edges.slope[confirmed].sum()) / float(edges.slope[edges.crest].sum())
    return confirmed if share >= _CONFIRMED_SHARE else None


def _weighted_median(values: Tensor, weights: Tensor) -> float:
    order = values.argsort(stable=True)
    total = weights[order].double().cumsum(0)
    return float(values[order][int((total < 0.5 * total[-1]).sum())])


def _check(disparity: Tensor, image: Tensor) -> None:
    if disparity.ndim != 2 or not disparity.is_floating_point():
        raise ValueError(f"disparity must be floating point [H, W], got {disparity.dtype} {list(disparity.shape)}")
    if image.shape != (3, *disparity.shape) or not image.is_floating_point():
        size = f"{[3, *disparity.shape]} like disparity, got {image.dtype} {list(image.shape)}"
        raise ValueError(f"image must be floating point {size}")
    if not torch.isfinite(disparity).all():
        raise ValueError("disparity must be finite, got NaN or infinity")
    if not torch.isfinite(image).all() or bool((image < 0).any()):
        raise ValueError("image must be finite linear light >= 0, got NaN, infinity or negative light")
