"""Depth converted to disparity, bigger is nearer: the only form of depth that the renderer reads."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

_LOW, _HIGH = 0.001, 0.999  # quantiles mapped to 0 and 1, so that outliers do not set the scale


def normalized(inverse_depth: Float[Tensor, "h w"]) -> Float[Tensor, "h w"]:
    """Disparity in [0, 1] from relative inverse depth of any scale and offset, [h, w].

    The 0.1 % and 99.9 % quantiles become 0 and 1; values beyond are clipped.

    Raises ValueError when values are not finite, or constant, so that no plane can be focused on.
    """
    if not torch.isfinite(inverse_depth).all():
        raise ValueError("inverse_depth must be finite, got NaN or infinity")
    flat = inverse_depth.flatten()
    # kthvalue rather than quantile: torch.quantile refuses inputs above 16 million elements.
    low, high = (flat.kthvalue(1 + round(q * (flat.numel() - 1))).values.double() for q in (_LOW, _HIGH))
    if high <= low:
        raise ValueError(f"inverse_depth must vary over the image, got {float(low)} everywhere that counts")
    return ((inverse_depth.double() - low) / (high - low)).clamp(0.0, 1.0).to(inverse_depth.dtype)
