"""The lens cut into square cells, one ray through the middle of each: how much light it stands for, and where it looks.

Letters: u middle of a cell, |u| <= 1; n cells to a radius; r blur radius as labelled, ρ as drawn.
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

SHARP_PX = 0.05  # blur that moves less than 0.2 % of a pixel's light
RATIO_STEP_PX, RATIO_LAST_PX = 1.0 / 64.0, 6.0
_FEWEST_CELLS = 6.0  # to a radius: about 130 rays, so that silhouettes fall smoothly in small blur, too
_CELLS_A_PIXEL = 1.1
_WIDEST_PX = 3.0


class Cells(NamedTuple):
    """Cells of the lens: middles u = (row, column) [c, 2]; n; ρ/r of small radii.

    share, share_in_front: of the lens's light [c], unit sum, on surfaces behind and in front of the plane in focus.
    """

    middle: Tensor
    share: Tensor
    share_in_front: Tensor
    per_radius: float
    ratios: Tensor

    def shares(self, some: slice, s: Float[Tensor, "c h w"]) -> Tensor:
        """Share of each ray where it meets a surface of blur radius s: [c, 1, 1], or [c, h, w] where sides differ."""
        behind = self.share[some].to(s.device)[:, None, None]
        if self.share_in_front is self.share:
            return behind
        return torch.where(s > 0, self.share_in_front[some].to(s.device)[:, None, None], behind)

    def ratio(self, s: Tensor) -> Tensor:
        """ρ/r of each blur radius |s|."""
        step = s.abs().mul_(1.0 / RATIO_STEP_PX).round_().clamp_(max=self.ratios.numel() - 1)
        return self.ratios.to(s.device)[step.long()]


def cells_for(aperture: Aperture, reach_px: float, samples: int) -> Cells:
    """As many cells to a radius as blur of `reach_px` pixels wants, as far as `samples` rays allow."""
    wanted = max(_FEWEST_CELLS, _CELLS_A_PIXEL * reach_px)
    most = max(math.sqrt(samples / math.pi), reach_px / _WIDEST_PX)
    return _cut_lens(aperture, math.ceil(2 * min(wanted, most)) / 2)


@lru_cache(maxsize=64)
def _cut_lens(aperture: Aperture, n: float) -> Cells:
    """n cells to a radius. Light spread evenly over a cell adds 1/3 cell² to the pupil's second moment, m n² cell²."""
    mask = aperture.mask(-math.sqrt(n * n - 1.0 / (3.0 * aperture.moment())))  # behind the focus a spot is upright
    lit = mask
    if aperture.spherical:  # the same rays carry other shares of the light in front of the plane in focus
        front = aperture.mask(math.sqrt(n * n - 1.0 / (3.0 * aperture.moment(1)))).flip(0, 1)
        mask, front = _of_one_size(mask, front)
        lit = mask + front
    row, column = lit.nonzero(as_tuple=True)
    half = lit.shape[0] // 2
    middle = (torch.stack([row, column], dim=1) - half).float() / n
    share = mask[row, column].float()
    in_front = front[row, column].float() if aperture.spherical else share
    return Cells(middle, share, in_front, n, _drawn_ratios(aperture, middle, share, n))


def _of_one_size(*masks: Tensor) -> list[Tensor]:
    largest = max(mask.shape[0] for mask in masks)
    return [F.pad(mask, ((largest - mask.shape[0]) // 2,) * 4) for mask in masks]


def _drawn_ratios(aperture: Aperture, middle: Tensor, share: Tensor, n: float) -> Float[Tensor, "r"]:
    """ρ/r for r = 0, 1/64, … 6 px: drawn with ρ, a point measures r by its second moment, as labels say."""
    radius = torch.arange(0.0, RATIO_LAST_PX + 1.0, RATIO_STEP_PX)  # [r]
    position = radius[:, None, None] * middle  # [r, c, 2] where rays of radius ρ look
    pixel = position.floor()
    beyond = footprint(position.clone(), (radius / n).clamp(min=1e-6)[:, None, None]) - pixel
    moment = (1.0 - beyond) * pixel**2 + beyond * (pixel + 1.0) ** 2
    measured = (moment.sum(dim=2) * share).sum(dim=1).cummax(dim=0).values.contiguous()  # [r]
    whole = aperture.mask(-16.0)
    distance = torch.arange(whole.shape[0], dtype=whole.dtype) - whole.shape[0] // 2
    per_area = float((whole * (distance[:, None] ** 2 + distance**2)).sum() - 1 / 6) / 16.0**2
    wanted = per_area * radius**2 + (2.0 * radius - 0.5).clamp(0.0, 1.0) / 6  # [r], from 0.75 px as Aperture.mask
    after = torch.searchsorted(measured, wanted).clamp(1, radius.numel() - 1)
    rise = (measured[after] - measured[after - 1]).clamp(min=1e-9)
    drawn = radius[after - 1] + ((wanted - measured[after - 1]) / rise).clamp(0.0, 1.0) * RATIO_STEP_PX
    ratio = torch.where(radius > SHARP_PX, drawn / radius.clamp(min=1e-6), 1.0)
    return ratio[: int(RATIO_LAST_PX / RATIO_STEP_PX) + 1]
