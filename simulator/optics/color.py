"""sRGB <-> linear light: the only place where gamma exists.

Source of the curve: IEC 61966-2-1. Light adds in linear light, so everything else in `simulator` works there;
names of display values say `srgb`.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

_LINEAR_KNEE = 0.0031308
_SRGB_KNEE = 0.04045


def srgb_to_linear(srgb: Float[Tensor, ...]) -> Float[Tensor, ...]:
    """Display values to linear light, element by element; 0 -> 0, 1 -> 1. Any shape.

    Values above 1 follow the same power law, so that `linear_to_srgb` undoes it there too.
    """
    power = ((srgb.clamp(min=_SRGB_KNEE) + 0.055) / 1.055) ** 2.4
    return torch.where(srgb <= _SRGB_KNEE, srgb / 12.92, power)


def linear_to_srgb(linear: Float[Tensor, ...]) -> Float[Tensor, ...]:
    """Linear light to display values, element by element, without clipping. Any shape."""
    power = 1.055 * linear.clamp(min=_LINEAR_KNEE) ** (1 / 2.4) - 0.055
    return torch.where(linear <= _LINEAR_KNEE, linear * 12.92, power)
