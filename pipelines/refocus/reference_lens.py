"""The lens a photo was taken with, from an estimate of its blur radii: the plane in focus and the blur scale.

Letters: D disparity, D_s plane in focus, K blur scale in pixels of the photo; r̂ estimated blur radius of a pixel and σ
its spread (pixels); r₀ = FLOOR_PX and r₁, the smallest and largest radius that the estimate tells apart.

    m = K·|D − D_s|, held in [r₀, r₁] like r̂      u = (r̂ − m) / σ      loss = Σ w·log(1 + u²) / Σ w

The Cauchy loss bounds the pull of outliers, and a grid over (D_s, K), refined twice, cannot stop in a local minimum.
Weights w make each range of disparity count by the root of its area, so that a wall does not outvote the subject.
Pixels that silhouettes blur hold the light of two depths and count a tenth. On a single depth, or where the plane lies
between two depths, several lenses give one map of radii; the smallest K of them is taken, as only the radii are used.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from simulator import ThinLens
from simulator.layers.morphology import dilate, dilate_mask

FLOOR_PX = 0.7
"""Smaller radii cannot be told apart: they are less than a pixel's own footprint."""
LEAST_SHARE, LEAST_RADIUS_PX, LEAST_GAIN = 0.01, 1.0, 0.03
"""A photo is blurred where the fit has radii above 1 px on at least this (weighted) share of it, and the loss falls by
at least LEAST_GAIN against that of radii below the floor everywhere; else K cannot be told from 0."""
SILHOUETTE_WEIGHT = 0.1  # not 0: of twigs and leaves nothing would be left
_SIDE = 80  # the fit sees every n-th pixel of larger maps
_STEP = 0.04  # a larger difference of disparity between neighbors is a silhouette
_LEAST_SIGMA_PX, _LEAST_RELATIVE_SIGMA = 0.3, 0.15
_PLANES, _SCALES, _REFINED = 31, 25, 9
_PER_SCALE = 1e-3  # cost of twice the K, which decides where the radii do not


@dataclass(frozen=True)
class PhotoLens:
    """What is known of the lens a photo was taken with; None is to be estimated from the photo.

    is_sharp: the photo is sharp everywhere. blur_level: percent of the photo's long side.
    """

    is_sharp: bool = False
    focus_disparity: float | None = None
    blur_level: float | None = None

    @property
    def is_known(self) -> bool:
        """Nothing is left to estimate."""
        return self.is_sharp or (self.focus_disparity is not None and self.blur_level is not None)


def fit_reference_lens(
    radius_px: Float[Tensor, "h w"],
    spread_px: Float[Tensor, "h w"],
    disparity: Float[Tensor, "h w"],
    *,
    largest_px: float = math.inf,
    focus_disparity: float | None = None,
    blur_scale_px: float | None = None,
) -> ThinLens | None:
    """D_s in [0, 1] and K, or None where the photo is sharp everywhere as far as can be told.

    Args:
        radius_px, spread_px: r̂ and σ, as the network estimates them; larger spread counts less.
        disparity: D in [0, 1].
        largest_px: r₁; estimates saturate there.
        focus_disparity, blur_scale_px: D_s or K where known; a known K is kept without asking whether it is there.

    Raises ValueError for maps of different sizes.
    """
    if not radius_px.shape == spread_px.shape == disparity.shape:
        shapes = ", ".join(str(list(x.shape)) for x in (radius_px, spread_px, disparity))
        raise ValueError(f"radius, spread and disparity must be maps of one size, got {shapes}")
    pixels = _Pixels.of(radius_px, spread_px, disparity, largest_px)
    planes = torch.linspace(0.0, 1.0, _PLANES) if focus_disparity is None else torch.tensor([focus_disparity])
    largest = max(2.0, 10.0 * float(torch.quantile(pixels.radius, 0.99)))
    scales = torch.logspace(math.log10(FLOOR_PX), math.log10(largest), _SCALES)
    if blur_scale_px is not None:
        scales = torch.tensor([blur_scale_px])
    plane, scale = pixels.best(planes, scales)
    for width in (1.0, 1.0 / 4.0):  # one step of the grid to either side, then one of the refined grid
        steps = torch.linspace(-width, width, _REFINED)
        near = (plane + steps / (_PLANES - 1)).clamp(0.0, 1.0) if focus_disparity is None else planes
        ratio = (largest / FLOOR_PX) ** (steps / (_SCALES - 1))
        plane, scale = pixels.best(near, scale * ratio if blur_scale_px is None else scales)
    if blur_scale_px is None and not pixels.is_blurred(plane, scale):
        return None
    return ThinLens(plane, scale)


class _Pixels:
    """The pixels that the fit sees: r̂, σ, D and w, [N] each."""

    def __init__(self, radius: Tensor, sigma: Tensor, disparity: Tensor, weight: Tensor, largest_px: float) -> None:
        self.radius, self.sigma, self.disparity, self.largest_px = radius, sigma, disparity, largest_px
        number = (disparity * 32).long().clamp(0, 31)  # of the range of disparity
        weight = weight * torch.bincount(number, weight, minlength=32)[number].rsqrt()
        self.weight = weight / weight.sum()

    @classmethod
    def of(cls, radius: Tensor, spread: Tensor, disparity: Tensor, largest_px: float) -> "_Pixels":
        stride = -(-max(radius.shape) // _SIDE)
        radius, spread, disparity = (x.detach().float().cpu()[::stride, ::stride] for x in (radius, spread, disparity))
        weight = torch.where(_by_silhouettes(radius / stride, disparity), SILHOUETTE_WEIGHT, 1.0)  # [h, w]
        sigma = torch.maximum(spread, _LEAST_RELATIVE_SIGMA * radius).clamp(min=_LEAST_SIGMA_PX)
        held = radius.clamp(FLOOR_PX, max(largest_px, FLOOR_PX))
        return cls(held.flatten(), sigma.flatten(), disparity.flatten(), weight.flatten(), largest_px)

    def loss(self, planes: Tensor, scales: Tensor) -> Tensor:
        """[P], [S] -> [P, S]."""
        rows = []
        for plane in planes:
            model = scales[:, None] * (self.disparity - plane).abs()  # [S, N]
            u = (self.radius - model.clamp(FLOOR_PX, max(self.largest_px, FLOOR_PX))) / self.sigma
            rows.append((torch.log1p(u.square()) * self.weight).sum(-1))
        return torch.stack(rows)

    def best(self, planes: Tensor, scales: Tensor) -> tuple[float, float]:
        """The plane and scale with the least loss."""
        cost = self.loss(planes, scales) + _PER_SCALE * torch.log2(scales)
        row, column = divmod(int(cost.argmin()), len(scales))
        return float(planes[row]), float(scales[column])

    def is_blurred(self, plane: float, scale: float) -> bool:
        radius = scale * (self.disparity - plane).abs()
        share = float(self.weight[radius > LEAST_RADIUS_PX].sum())
        none, fitted = (float(self.loss(torch.tensor([plane]), torch.tensor([k]))) for k in (0.0, scale))
        return share >= LEAST_SHARE and none - fitted >= LEAST_GAIN


def _by_silhouettes(radius: Tensor, disparity: Tensor) -> Tensor:
    """True as near to a step of disparity as the blur there reaches, [h, w]."""
    steps = dilate(disparity, 1) + dilate(-disparity, 1) > _STEP  # [h, w]
    if not steps.any():
        return steps
    blur_px = float(torch.quantile(radius[steps], 0.75))
    return dilate_mask(steps, 1 + math.ceil(min(blur_px, 12.0)))
