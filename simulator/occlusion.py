"""The surface hidden behind each silhouette.

A defocused foreground lets the lens look past its rim, at background that the photo does not contain. Here it is
guessed from the far side of the silhouette. Letters: D disparity; R largest blur radius in pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor


@dataclass(frozen=True)
class HiddenSurface:
    """light [3, H, W] times coverage [H, W] (0 where nothing is hidden), and disparity [H, W]."""

    light: Float[Tensor, "3 h w"]
    coverage: Float[Tensor, "h w"]
    disparity: Float[Tensor, "h w"]


def hidden_surface(
    image: Float[Tensor, "3 h w"], disparity: Float[Tensor, "h w"], reach_px: int, step: float
) -> HiddenSurface | None:
    """What lies behind the near side of every disparity step wider than `step`, up to `reach_px` inside.

    Colour and disparity come from the far side by pull-push. None when no step is that wide.
    """
    far = -_max_pool(-disparity, reach_px)  # farthest disparity within reach
    hides = (disparity - far > step) & _near_steps(disparity, step, reach_px)
    if not hides.any():
        return None
    known = (disparity - far <= step).float()
    content = torch.cat([image, disparity[None]])  # [4, H, W]
    filled = pull_push(content, known)
    return HiddenSurface(
        light=filled[:3] * hides, coverage=hides.float(), disparity=torch.minimum(filled[3], disparity)
    )


def _near_steps(disparity: Tensor, step: float, reach_px: int) -> Bool[Tensor, "h w"]:
    """Pixels within `reach_px` of a place where disparity changes by more than `step` over three pixels."""
    high, low = _max_pool(disparity, 1), -_max_pool(-disparity, 1)
    return _max_pool((high - low > step).float(), reach_px) > 0


def _max_pool(x: Tensor, radius: int) -> Tensor:
    """Largest value within a square of side 2·radius + 1, edges replicated: separable, any radius."""
    size = 2 * radius + 1
    padded = F.pad(x[None, None], (radius, radius, 0, 0), mode="replicate")
    rows = F.max_pool2d(padded, (1, size), stride=1)
    padded = F.pad(rows, (0, 0, radius, radius), mode="replicate")
    return F.max_pool2d(padded, (size, 1), stride=1)[0, 0]


def pull_push(content: Float[Tensor, "c h w"], weight: Float[Tensor, "h w"]) -> Float[Tensor, "c h w"]:
    """Fills pixels of weight 0 smoothly from those of weight 1, from the nearest scale that has any.

    Gortler, Grzeszczuk, Szeliski, Cohen, "The Lumigraph" (1996), §3.4.
    """
    h, w = weight.shape
    if h == 1 and w == 1:
        return content
    total = F.avg_pool2d(weight[None], 2, ceil_mode=True)  # [1, h/2, w/2]
    mean = F.avg_pool2d(content * weight, 2, ceil_mode=True) / total.clamp(min=1e-8)
    coarse = pull_push(mean, (total[0] * 4).clamp(max=1.0))
    spread = F.interpolate(coarse[None], size=(h, w), mode="bilinear", align_corners=False)[0]
    return content * weight + spread * (1.0 - weight)
