"""What a network says of the reference's own blur: a radius at each pixel, and how far it may be off.

Letters: r blur radius in pixels, u = asinh(r) (as r up to a pixel, as its logarithm beyond), b spread of u.

The two maps are fitted as a Laplace distribution of u: |û − u|/b + log b, so that pixels without texture, where no
radius can be told, say so by a large spread (Kendall and Gal 2017, arXiv 1703.04977).
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

LEAST_SPREAD = 0.02


@dataclass(frozen=True, eq=False)
class BlurMap:
    """r and its spread in pixels, [N, H, W] each."""

    radius_px: Float[Tensor, "n h w"]
    spread_px: Float[Tensor, "n h w"]


def blur_map_of(output: Float[Tensor, "n 2 h w"]) -> BlurMap:
    """The last two channels of a network -> pixels."""
    u, b = _read(output)
    radius = torch.sinh(u.clamp(0.0, 8.0))
    return BlurMap(radius, b * torch.sqrt(1.0 + radius.square()))


def blur_map_loss(output: Float[Tensor, "n 2 h w"], radius_px: Float[Tensor, "n h w"]) -> Float[Tensor, " n"]:
    """Mean of |û − u|/b + log b over each picture."""
    u, b = _read(output)
    return ((u - torch.asinh(radius_px)).abs() / b + torch.log(b)).mean((1, 2))


def _read(output: Tensor) -> tuple[Tensor, Tensor]:
    return output[:, 0] + 1.0, LEAST_SPREAD + torch.nn.functional.softplus(output[:, 1])
