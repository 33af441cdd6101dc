"""Matting: pixels on a silhouette hold light of both sides, but disparity knows only one side.

At a depth step the photo's pixel is I = α F + (1 − α) B: near color F, far color B, share α of the near side. F and B
are means of clean neighbors on each side, and the pixel is split into a near part and a far part that add up to I
exactly (the equation: Porter & Duff 1984; its use at occlusion boundaries: Hasinoff, Kang, Szeliski 2006). A wire has
no clean pixels; then F is the mean of its mixed ones.

α is a mean of two estimates, weighted by their inverse variances. From color: the projection of I − B on F − B, whose
variance is that of the texture over the squared contrast. From geometry: disparity belongs to the pixel's center, so
the center's side covers at least half of the pixel; 7/8 on average over all distances of an edge, more since most
pixels beside a step are not crossed by it (0.95 rendered best on the path-traced scenes, by 0.1 dB on cut-outs).
The disparity's outline may lie a pixel or two beside the photo's. A pixel on the far side whose color is clearly the
near side's gives that away; then α may be up to 1, and its neighbors are mixed pixels, too. Where many clear colors
belie a map (a network's, a stereo matcher's), it has less say about all pixels of its far sides.
Cameras leave rims beside silhouettes: halos of sharpening, fringes of color. What the far side's texture does not
explain is the near part's, so that no outline stays in focus where the near side is blurred.
A lamp that shows beside a head must not be blurred as part of the head: light above white that the near side's
neighbors do not have belongs to the far side.
Letters: D disparity; P mixed pixels; Q neighbors of each.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from simulator.layers.morphology import dilate, dilate_mask
from simulator.layers.surfaces import Surfaces

_REACH_PX = 2  # how far away clean neighbors may lie
_CENTER_SHARE, _CENTER_SHARE_DEVIATION = 0.95, 0.1  # the estimate from geometry
_LEAK, _LEAK_VARIANCE = 0.75, 0.02  # α from color of a far pixel, and its variance, that belie the disparity
_LEAK_REACH_PX = 2
_CLEAR_VARIANCE = 0.01  # of α from color, up to which it says whether the disparity is right
_WRONG = 0.3  # a pixel whose color gives its own side less than this share belies the disparity
_WRONG_SHARES = (0.07, 0.1)  # of the clear pixels: exact maps have 0 to 0.07, those of networks and stereo 0.07 to 0.11
_FEW_CLEAR = 50  # pixels beside which some wrong ones say little
_DOUBTED_DEVIATION = 0.3  # of the estimate from geometry, of far pixels of a map that is belied
_WIDE_REACH_PX = 4  # how far away clean neighbors of mixed pixels around a leak may lie
_FOREIGN = 0.5  # where more than this part of the pixel's light is not the near side's, α is at most 0.5
_DISPLAY_WHITE = 1.0
_TEXTURE_DEVIATIONS = 2.0  # within which the far part is explained by the far side's texture
_LARGEST_RIM = 0.5  # of the contrast of both sides: more is a thing, not a rim
_NOISE = 1e-4  # variance of linear light by quantization and sensor noise


@dataclass(frozen=True)
class _Side:
    """Neighbors on one side of each mixed pixel: mean color, texture variance, mean disparity.

    found:    whether there are any.
    is_clean: whether the means are those of clean ones. Wires have none; then mixed ones count.
    """

    color: Float[Tensor, "3 p"]
    variance: Float[Tensor, "p"]
    disparity: Float[Tensor, "p"]
    found: Bool[Tensor, "p"]
    is_clean: Bool[Tensor, "p"]


@dataclass(frozen=True)
class _Pixels:
    """Mixed pixels: flat index, color, disparity, whether their center is on the near side, and both sides' colors."""

    index: Int[Tensor, "p"]
    color: Float[Tensor, "3 p"]
    disparity: Float[Tensor, "p"]
    is_near: Bool[Tensor, "p"]
    near: _Side
    far: _Side

    @classmethod
    def of(
        cls,
        image: Float[Tensor, "3 h w"],
        disparity: Float[Tensor, "h w"],
        is_mixed: Bool[Tensor, "h w"],
        middle: Float[Tensor, "h w"],
        is_wide: Bool[Tensor, "h w"] | None = None,
    ) -> _Pixels:
        """Those of a mask. middle: disparity between the two sides. is_wide: whose clean neighbors lie further away."""
        index = is_mixed.flatten().nonzero()[:, 0]  # [P]
        reach_px = _REACH_PX if is_wide is None else _WIDE_REACH_PX
        neighbors, falloff = _neighbors(index, reach_px, *disparity.shape)
        between = middle.flatten()[index]
        neighbor_disparity = disparity.flatten()[neighbors]  # [Q, P]
        weight = (~is_mixed).flatten()[neighbors] * falloff
        if is_wide is not None:
            weight = weight * (is_wide.flatten()[index] | _is_within(_REACH_PX, reach_px, index.device))
        is_nearer = neighbor_disparity > between
        near = _side(image, neighbor_disparity, neighbors, weight * is_nearer, falloff * is_nearer)
        far = _side(image, neighbor_disparity, neighbors, weight * ~is_nearer)
        own = disparity.flatten()[index]
        return cls(index, image.flatten(1)[:, index], own, own > between, near, far)

    def believed(self, doubt: float) -> _Pixels:
        """The same without what mixed neighbors tell, where the map is doubted: there they may be the other side's."""
        return replace(self, near=replace(self.near, found=self.near.is_clean)) if doubt else self

    @property
    def is_between(self) -> Bool[Tensor, "p"]:
        """Whether both sides have a neighbor."""
        return self.near.found & self.far.found

    @property
    def is_clear(self) -> Bool[Tensor, "p"]:
        """Whether both sides have a clean neighbor."""
        return self.near.is_clean & self.far.is_clean

    @property
    def alpha_from_color(self) -> tuple[Float[Tensor, "p"], Float[Tensor, "p"]]:
        """The projection of I − B on F − B, and its variance."""
        difference = self.near.color - self.far.color
        contrast = (difference * difference).sum(0).clamp(min=1e-8)
        variance = (0.5 * (self.near.variance + self.far.variance) + _NOISE) / contrast
        return ((self.color - self.far.color) * difference).sum(0) / contrast, variance

    @property
    def far_spread(self) -> Float[Tensor, "p"]:
        """How far from the far side's mean color its texture reaches."""
        return _TEXTURE_DEVIATIONS * (self.far.variance + _NOISE).sqrt()

    @property
    def is_leak(self) -> Bool[Tensor, "p"]:
        """Pixels of the far side that clearly show the near side."""
        from_color, variance = self.alpha_from_color
        return self.is_between & ~self.is_near & (from_color > _LEAK) & (variance < _LEAK_VARIANCE)


def split_mixed_pixels(image: Float[Tensor, "3 h w"], disparity: Float[Tensor, "h w"], step: float) -> Surfaces:
    """The photo as two surfaces, near and far, that add up to it; they differ beside disparity steps above `step`.

    Elsewhere the near surface is the photo, and the far one has no coverage.
    """
    light = torch.stack([image, torch.zeros_like(image)])
    coverage = torch.stack([torch.ones_like(disparity), torch.zeros_like(disparity)])
    depth = torch.stack([disparity, disparity])
    step_height, middle = _step(disparity, 1)
    at_step = step_height > step
    if bool(at_step.any()):
        beside_step = _Pixels.of(image, disparity, at_step, middle)
        doubt = _doubt(beside_step)
        leaks = _around_leaks(at_step, beside_step.believed(doubt))
        # A lamp nearby makes every far color a guess; then such pixels stay on the side that disparity names.
        is_wide = leaks & (dilate(image.amax(0), _WIDE_REACH_PX) <= _DISPLAY_WHITE)
        middle = torch.where(at_step, middle, _step(disparity, 1 + _LEAK_REACH_PX)[1])
        p = _Pixels.of(image, disparity, at_step | leaks, middle, is_wide).believed(doubt)
        alpha = _alpha(p, at_step.flatten()[p.index], doubt)
        near_light = _near_light(p, alpha)
        is_foreign = (p.color - near_light).amax(0) > (_FOREIGN * p.color.amax(0)).clamp(min=_DISPLAY_WHITE)
        alpha = torch.where(p.near.found & is_foreign, alpha.clamp(max=0.5), alpha)
        # No part may be brighter than what lies around it, as leftovers divided by a small coverage would be. A lamp
        # may: it is smaller than a pixel.
        brightest = torch.stack([dilate(channel, _WIDE_REACH_PX).flatten()[p.index] for channel in image])  # [3, P]
        least = torch.where(brightest > _DISPLAY_WHITE, 0.0, p.color - (1.0 - alpha) * brightest)
        near_light = near_light.minimum(alpha * brightest).maximum(least)
        near_light = torch.where(is_foreign, near_light, _with_rims(p, alpha, near_light))
        near_disparity = torch.where(p.is_near | ~p.near.found, p.disparity, p.near.disparity)
        far_disparity = torch.where(p.is_near & p.far.found, p.far.disparity, p.disparity)
        light.flatten(2)[:, :, p.index] = torch.stack([near_light, p.color - near_light])
        coverage.flatten(1)[:, p.index] = torch.stack([alpha, 1.0 - alpha])
        depth.flatten(1)[:, p.index] = torch.stack([near_disparity, far_disparity])
    return Surfaces(light, coverage, depth)


def _step(disparity: Float[Tensor, "h w"], radius: int) -> tuple[Float[Tensor, "h w"], Float[Tensor, "h w"]]:
    """Height and middle of the disparity step around each pixel."""
    high, low = dilate(disparity, radius), -dilate(-disparity, radius)
    return high - low, (high + low) / 2


def _around_leaks(at_step: Bool[Tensor, "h w"], pixels: _Pixels) -> Bool[Tensor, "h w"]:
    """Where the photo's outline lies beside that of the disparity: pixels there are mixed, too, and not clean."""
    leaks = torch.zeros_like(at_step)
    leaks.view(-1)[pixels.index] = pixels.is_leak
    return dilate_mask(leaks, _LEAK_REACH_PX)


def _doubt(p: _Pixels) -> float:
    """How much the map's outlines are to be doubted, in [0, 1], by the pixels whose color names the other side."""
    from_color, variance = p.alpha_from_color
    clear = p.is_clear & (variance < _CLEAR_VARIANCE)
    wrong = clear & (torch.where(p.is_near, from_color, 1.0 - from_color) < _WRONG)
    share = float(wrong.sum()) / (float(clear.sum()) + _FEW_CLEAR)
    low, high = _WRONG_SHARES
    return min(max((share - low) / (high - low), 0.0), 1.0)


def _alpha(p: _Pixels, at_step: Bool[Tensor, "p"], doubt: float) -> Float[Tensor, "p"]:
    """α [P]: mean of the estimates from color and geometry; 0 or 1 where a side has no neighbor.

    A pixel beyond the step is crossed by no edge, as far as geometry knows.
    """
    from_color, color_variance = p.alpha_from_color
    share = torch.where(at_step, _CENTER_SHARE, 1.0)
    from_geometry = torch.where(p.is_near, share, 1.0 - share)
    far_deviation = _CENTER_SHARE_DEVIATION + doubt * (_DOUBTED_DEVIATION - _CENTER_SHARE_DEVIATION)
    color_weight = 1.0 / color_variance
    geometry_weight = torch.where(p.is_near, _CENTER_SHARE_DEVIATION, far_deviation) ** -2
    alpha = (from_color * color_weight + from_geometry * geometry_weight) / (color_weight + geometry_weight)
    most = torch.where(p.is_leak, 1.0, 0.5 + 0.5 * doubt)
    alpha = torch.where(p.is_near, alpha.clamp(0.5, 1.0), alpha.clamp(min=0.0).minimum(most))
    alpha = torch.where(at_step | p.is_leak, alpha.maximum(_least_alpha(p)), alpha)
    return torch.where(p.is_between, alpha, p.is_near.float())


def _least_alpha(p: _Pixels) -> Float[Tensor, "p"]:
    """α [P] below which the far part, in its own color, outshines the pixel; 0 where the near side is brighter."""
    darkest = (p.far.color - p.far_spread).clamp(min=_NOISE)
    least = (1.0 - p.color / darkest).amax(0).clamp(0.0, 1.0)
    return least.where(p.near.color.amax(0) < p.color.amax(0), 0.0)


def _near_light(p: _Pixels, alpha: Float[Tensor, "p"]) -> Float[Tensor, "3 p"]:
    """Light of the near part [3, P]: α F, and its share of what α F + (1 − α) B leaves of I.

    The rest is the far part's. Each side gets as much of it as its texture explains, by the variances. So a smooth far
    side has its own color, and shows no outline of the near one in focus when that is blurred away.
    """
    near_variance = alpha**2 * (p.near.variance + _NOISE)
    far_variance = (1.0 - alpha) ** 2 * (p.far.variance + _NOISE)
    left = p.color - alpha * p.near.color - (1.0 - alpha) * p.far.color
    light = alpha * p.near.color + left * (near_variance / (near_variance + far_variance))
    light = torch.where(p.is_between, light, alpha * p.color)
    brightest = alpha * (1.2 * p.near.color + 2.0 * p.near.variance.sqrt()).clamp(min=_DISPLAY_WHITE)
    light = torch.where(p.near.found, torch.minimum(light, brightest), light)
    return torch.minimum(light.clamp(min=0.0), p.color)


def _with_rims(p: _Pixels, alpha: Float[Tensor, "p"], near_light: Float[Tensor, "3 p"]) -> Float[Tensor, "3 p"]:
    """Light of the near part [3, P] with what the far side's texture does not explain of the far part's light."""
    middle = p.color - (1.0 - alpha) * p.far.color
    spread = (1.0 - alpha) * p.far_spread
    limited = near_light.maximum(middle - spread).minimum(middle + spread).clamp(min=0.0).minimum(p.color)
    contrast = (p.near.color - p.far.color).abs().amax(0)
    is_rim = p.is_between & ((limited - near_light).abs().amax(0) < _LARGEST_RIM * contrast)
    return torch.where(is_rim, limited, near_light)


def _is_within(radius: int, reach_px: int, device: torch.device) -> Bool[Tensor, "q 1"]:
    """Which of the neighbors lie within a smaller square."""
    offset = torch.arange(-reach_px, reach_px + 1, device=device).abs()
    return (torch.maximum(offset[:, None], offset) <= radius).flatten()[:, None]


def _neighbors(
    index: Tensor, reach_px: int, height: int, width: int
) -> tuple[Int[Tensor, "q p"], Float[Tensor, "q 1"]]:
    """Flat indices of the square around each pixel, and a Gaussian weight of their distance."""
    offset = torch.arange(-reach_px, reach_px + 1, device=index.device)
    dy, dx = (o.flatten()[:, None] for o in torch.meshgrid(offset, offset, indexing="ij"))
    rows = (torch.div(index, width, rounding_mode="floor") + dy).clamp(0, height - 1)
    columns = (index % width + dx).clamp(0, width - 1)
    return rows * width + columns, torch.exp(-(dy * dy + dx * dx).float() / 4.0)


def _side(
    image: Tensor,
    neighbor_disparity: Tensor,
    neighbors: Tensor,
    clean: Float[Tensor, "q p"],
    mixed: Float[Tensor, "q p"] | None = None,
) -> _Side:
    """Weighted means and variance over the neighbors of one side: the clean ones; where there are none, the mixed ones.

    A wire's own color, though mixed, shows in the pixels that it brushes. Of a far side it is better to know nothing: a
    lamp's rim there would be taken for the background.
    """
    is_clean = clean.sum(0) > 0
    weight = clean if mixed is None else clean.where(is_clean, mixed)
    total = weight.sum(0)
    weight = weight / total.clamp(min=1e-6)
    colors = image.flatten(1)[:, neighbors]  # [3, Q, P]
    mean = (colors * weight).sum(1)
    variance = ((colors - mean[:, None]) ** 2 * weight).sum(1).mean(0)
    return _Side(mean, variance, (neighbor_disparity * weight).sum(0), total > 0, is_clean)
