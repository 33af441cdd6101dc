"""Checks of a caller's arguments: each error names the argument, what must hold, and what came."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from simulator.optics.lens import ThinLens


def check_photo(image: Tensor, disparity: Tensor) -> None:
    """Raises ValueError unless image is [3, H, W] linear light and disparity [H, W], both finite floats."""
    if image.ndim != 3 or image.shape[0] != 3:
        raise ValueError(f"image must be [3, H, W], got {list(image.shape)}")
    if disparity.ndim != 2:
        raise ValueError(f"disparity must be [H, W], got {list(disparity.shape)}")
    if image.shape[1:] != disparity.shape:
        raise ValueError(f"disparity must be {list(image.shape[1:])} like the image, got {list(disparity.shape)}")
    if not (image.is_floating_point() and disparity.is_floating_point()):
        raise ValueError(f"image and disparity must be floating point, got {image.dtype} and {disparity.dtype}")
    if not torch.isfinite(image).all() or image.min() < 0:
        raise ValueError("image must be finite linear light >= 0, got NaN, infinity or negative light")
    if not torch.isfinite(disparity).all():
        raise ValueError("disparity must be finite, got NaN or infinity")


def check_lenses(lenses: Sequence[ThinLens]) -> None:
    """Raises ValueError when there is no lens."""
    if len(lenses) == 0:
        raise ValueError("lenses must hold at least one ThinLens, got an empty sequence")


def check_radius(max_radius_px: float) -> None:
    """Raises ValueError unless the radius is finite and not negative."""
    if not (math.isfinite(max_radius_px) and max_radius_px >= 0):
        raise ValueError(f"max_radius_px must be finite and >= 0, got {max_radius_px}")


def check_quality(quality: str) -> None:
    """Raises ValueError unless quality is "fast" or "exact"."""
    if quality not in ("fast", "exact"):
        raise ValueError(f'quality must be "fast" or "exact", got {quality!r}')
