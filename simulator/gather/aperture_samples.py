"""Samples of the aperture: the pupil cut into square cells, one ray through the center of each.

Letters: u center of a cell, (row, column), |u| <= 1 in radii of the full opening; n cells to a radius; c number of
cells; r labeled blur radius, ρ rendered blur radius in pixels (why they differ: `optics.aperture`).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from simulator.gather.footprint import footprint
from simulator.optics.aperture import Aperture

SHARP_PX = 0.05  # blur radius that moves less than 0.2 % of a pixel's light
RATIO_STEP_PX, RATIO_LAST_PX = 1.0 / 64.0, 6.0
_FEWEST_CELLS = 6.0  # to a radius: about 130 rays, so that silhouettes are smooth in small blur, too
_CELLS_PER_PIXEL = 1.1
_WIDEST_PX = 3.0


class ApertureSamples(NamedTuple):
    """One sample for each cell of the pupil that lets light through.

    position:          [c, 2] u.
    weight:            [c] share of the light on surfaces behind the plane in focus, unit sum.
    weight_in_front:   [c] share of the light in front of it; the same tensor object where both sides agree.
    cells_per_radius:  n.
    rendered_ratios:   ρ/r for r = 0, 1/64, … 6 px.
    """

    position: Tensor
    weight: Tensor
    weight_in_front: Tensor
    cells_per_radius: float
    rendered_ratios: Tensor

    def weights_at(self, batch: slice, s: Float[Tensor, "c h w"]) -> Tensor:
        """Weights of these samples on a surface of blur radius s: [c, 1, 1], or [c, h, w] where sides differ."""
        behind = self.weight[batch].to(s.device)[:, None, None]
        if self.weight_in_front is self.weight:
            return behind
        return torch.where(s > 0, self.weight_in_front[batch].to(s.device)[:, None, None], behind)

    def rendered_ratio(self, s: Tensor) -> Tensor:
        """ρ/r at each blur radius |s|; beyond 6 px, that of 6 px."""
        step = s.abs().mul_(1.0 / RATIO_STEP_PX).round_().clamp_(max=self.rendered_ratios.numel() - 1)
        return self.rendered_ratios.to(s.device)[step.long()]


def aperture_samples(aperture: Aperture, reach_px: float, max_samples: int) -> ApertureSamples:
    """Samples dense enough for a blur radius of `reach_px`, and about `max_samples` at most.

    There are more only where footprints would be wider than 3 px.
    """
    needed = max(_FEWEST_CELLS, _CELLS_PER_PIXEL * reach_px)
    limit = max(math.sqrt(max_samples / math.pi), reach_px / _WIDEST_PX)
    return _sampled(aperture, math.ceil(2 * min(needed, limit)) / 2)


@lru_cache(maxsize=64)
def _sampled(aperture: Aperture, n: float) -> ApertureSamples:
    """n cells to a radius. Light spread evenly over a cell adds 1/3 cell² to the pupil's second moment, m n² cell²."""
    mask = aperture.mask(-math.sqrt(n * n - 1.0 / (3.0 * aperture.moment(-n))))  # behind the focus a spot is upright
    lit = mask
    if aperture.has_two_pictures:  # in front of the plane in focus the same rays have other weights
        front = aperture.mask(math.sqrt(n * n - 1.0 / (3.0 * aperture.moment(n)))).flip(0, 1)
        mask, front = _padded_to_one_size(mask, front)
        lit = mask + front
    row, column = lit.nonzero(as_tuple=True)
    half = lit.shape[0] // 2
    position = (torch.stack([row, column], dim=1) - half).float() / n
    weight = mask[row, column].float()
    in_front = front[row, column].float() if aperture.has_two_pictures else weight
    return ApertureSamples(position, weight, in_front, n, _rendered_ratios(aperture, position, weight, n))


def _padded_to_one_size(*masks: Tensor) -> list[Tensor]:
    """Square masks, padded with zeros to the size of the largest."""
    largest = max(mask.shape[0] for mask in masks)
    return [F.pad(mask, ((largest - mask.shape[0]) // 2,) * 4) for mask in masks]


def _rendered_ratios(aperture: Aperture, position: Tensor, weight: Tensor, n: float) -> Float[Tensor, "r"]:
    """ρ/r for r = 0, 1/64, … 6 px: a point rendered with ρ has the second moment of the label r."""
    radius = torch.arange(0.0, RATIO_LAST_PX + 1.0, RATIO_STEP_PX)  # [r]
    hit = radius[:, None, None] * position  # [r, c, 2] where rays of radius ρ meet the surface
    pixel = hit.floor()
    fraction = footprint(hit.clone(), (radius / n).clamp(min=1e-6)[:, None, None]) - pixel
    moment = (1.0 - fraction) * pixel**2 + fraction * (pixel + 1.0) ** 2
    measured = (moment.sum(dim=2) * weight).sum(dim=1).cummax(dim=0).values.contiguous()  # [r]
    mask = aperture.mask(-16.0)
    distance = torch.arange(mask.shape[0], dtype=mask.dtype) - mask.shape[0] // 2
    moment_per_r2 = float((mask * (distance[:, None] ** 2 + distance**2)).sum() - 1 / 6) / 16.0**2
    target = moment_per_r2 * radius**2 + (2.0 * radius - 0.5).clamp(0.0, 1.0) / 6  # [r], as Aperture.mask from 0.75 px
    after = torch.searchsorted(measured, target).clamp(1, radius.numel() - 1)
    rise = (measured[after] - measured[after - 1]).clamp(min=1e-9)
    rendered = radius[after - 1] + ((target - measured[after - 1]) / rise).clamp(0.0, 1.0) * RATIO_STEP_PX
    ratio = torch.where(radius > SHARP_PX, rendered / radius.clamp(min=1e-6), 1.0)
    return ratio[: int(RATIO_LAST_PX / RATIO_STEP_PX) + 1]
