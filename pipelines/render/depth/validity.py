"""Which pixels of a depth map are known. Unknown and infinitely far are different: only the unknown is filled.

| map               | unknown                                    | infinitely far (sky)      |
|-------------------|--------------------------------------------|---------------------------|
| metric depth      | NaN, <= 0, nearer than 1 mm, spikes        | infinite                  |
| metric disparity  | NaN, infinite, < 0, above 1000/m, spikes   | 0                         |
| relative disparity| NaN, infinite                              | the smallest value        |

A depth.json changes both columns: `unknown` names a stored value that means "not measured" (often 0 in disparity maps
of stereo cameras), `"infinite": "unknown"` takes infinite depth for a failed measurement.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from pipelines.errors import Rejection

NEAREST_DIOPTERS = 1000.0
"""1/m. Nothing in a photo is nearer than a millimeter."""
_NEAREST_MEDIAN_M, _FARTHEST_MEDIAN_M = 0.05, 300.0  # photos beyond are macros, landscapes, or in another unit
_LOW, _HIGH = 0.001, 0.999  # quantiles; a spike lies beyond the upper one by more than their distance


def metric_disparity(values: Tensor, *, is_depth: bool) -> Tensor:
    """Disparity in 1/m [h, w] of metric depth in meters, or of metric disparity; NaN where it is unknown.

    Raises Rejection (`depth/no_depth`) when no pixel is known.
    """
    unsigned = torch.where(values > 0 if is_depth else (values >= 0) & (values < math.inf), values, math.nan)
    disparity = 1.0 / unsigned if is_depth else unsigned  # infinitely far: 0
    disparity = torch.where(disparity <= NEAREST_DIOPTERS, disparity, math.nan)
    known = _known_values(disparity, "depth must be > 0" if is_depth else "disparity must be >= 0")
    low, high = _quantile(known, _LOW), _quantile(known, _HIGH)
    return torch.where(disparity <= high + (high - low), disparity, math.nan)


def relative_disparity(values: Tensor) -> Tensor:
    """Relative disparity [h, w], NaN where it is unknown.

    Raises Rejection (`depth/no_depth`) when no pixel is known.
    """
    disparity = torch.where(torch.isfinite(values), values, math.nan)
    _known_values(disparity, "disparity must be finite")
    return disparity


def unit_warning(disparity: Tensor) -> str:
    """What looks wrong about the unit of metric disparity [h, w] (NaN: unknown), with the median; "" for nothing."""
    median = float(disparity.nanmedian())
    distance = f"half of the photo is farther than {1 / median:.3g} m" if median > 0 else ""
    if 0 < median < 1 / _FARTHEST_MEDIAN_M:
        return f'{distance}; if the file holds millimeters, add a depth.json with "scale": 0.001'
    if median > 1 / _NEAREST_MEDIAN_M:
        return (
            f"{distance}; if the file holds pixels of a stereo pair, add a depth.json with `scale` and `offset` to 1/m"
        )
    return ""


def _known_values(disparity: Tensor, must: str) -> Tensor:
    known = disparity[~torch.isnan(disparity)]
    if not known.numel():
        limit = f"{must} and stand for a millimeter or more" if "finite" not in must else must
        raise Rejection("depth", "no_depth", f"{limit} at some pixels, is nowhere; check its unit and depth.json")
    return known


def _quantile(values: Tensor, share: float) -> Tensor:
    """torch.quantile refuses more than 16 million values."""
    return values.kthvalue(1 + round(share * (values.numel() - 1))).values
