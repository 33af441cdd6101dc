"""Exact disparity as a depth network would return it: soft, a pixel off, and in 256 steps.

    exact ──area──▶ working size ──Gaussian──▶ soft ──displacement──▶ misplaced ──8 bits──▶ ──bilinear──▶ photo size

A network sees a photo with a short side of about 518 px, and its map is soft by a few of those pixels whatever the
photo's own size is. A scene whose short side is smaller than that counts as a crop of such a photo: it keeps its own
pixels as the working size, so softness and displacement are in scene pixels.
Letters: D disparity; H', W' working size; σ softness; u displacement.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

WORKING_SHORT_SIDE_PX = 518
CONTROL_SPACING_PX = 24
"""Distance of the displacement field's control points: neighboring edges go astray together, distant ones do not."""
STEPS = 255


def degraded(disparity: Tensor, *, seed: int, softness_px: float = 2.0, shift_px: float = 1.0) -> Tensor:
    """Disparity [H, W] -> [H, W], soft by a Gaussian of σ = `softness_px` and displaced by up to `shift_px`.

    Both are in pixels of the working size. The 256 steps span the softened map's own range. A pure function of its
    arguments. Raises ValueError when the map is not a finite floating-point [H, W], or a length is negative.
    """
    _check(disparity, softness_px, shift_px)
    height, width = disparity.shape
    scale = min(1.0, WORKING_SHORT_SIDE_PX / min(height, width))
    working = (max(1, round(height * scale)), max(1, round(width * scale)))
    small = F.interpolate(disparity[None, None], size=working, mode="area")  # [1, 1, H', W']
    soft = _gaussian(small, softness_px)
    misplaced = _displaced(soft, displacement_px(*working, seed=seed, largest_px=shift_px).to(soft))
    coarse = _quantized(misplaced)
    return F.interpolate(coarse, size=(height, width), mode="bilinear", align_corners=False)[0, 0]


def displacement_px(height: int, width: int, *, seed: int, largest_px: float) -> Tensor:
    """A smooth random field u [2, H, W], (x, y), whose longest vector measures `largest_px`."""
    generator = torch.Generator().manual_seed(seed)
    rows, columns = (2 + math.ceil(side / CONTROL_SPACING_PX) for side in (height, width))
    control = torch.rand(1, 2, rows, columns, generator=generator, dtype=torch.float64) * 2.0 - 1.0
    field = F.interpolate(control, size=(height, width), mode="bicubic", align_corners=True)[0]
    return field * (largest_px / field.square().sum(0).max().sqrt())


def _displaced(content: Tensor, field: Tensor) -> Tensor:
    """content(x − u(x)), bilinear, the border repeated."""
    height, width = content.shape[-2:]
    rows, columns = torch.meshgrid(
        torch.arange(height, dtype=content.dtype, device=content.device),
        torch.arange(width, dtype=content.dtype, device=content.device),
        indexing="ij",
    )
    x, y = (columns - field[0] + 0.5) * 2.0 / width - 1.0, (rows - field[1] + 0.5) * 2.0 / height - 1.0
    grid = torch.stack([x, y], dim=-1)[None]
    return F.grid_sample(content, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _gaussian(content: Tensor, sigma_px: float) -> Tensor:
    """[1, 1, H, W] convolved with a Gaussian, the border repeated; σ = 0 leaves it."""
    reach = math.ceil(4.0 * sigma_px)
    if reach == 0:
        return content
    x = torch.arange(-reach, reach + 1, dtype=content.dtype, device=content.device)
    kernel = torch.exp(-0.5 * (x / sigma_px) ** 2)
    kernel = kernel / kernel.sum()
    padded = F.pad(content, (reach, reach, reach, reach), mode="replicate")
    return F.conv2d(F.conv2d(padded, kernel.view(1, 1, 1, -1)), kernel.view(1, 1, -1, 1))


def _quantized(content: Tensor) -> Tensor:
    low, high = content.min(), content.max()
    step = ((high - low) / STEPS).clamp(min=torch.finfo(content.dtype).tiny)
    return low + torch.round((content - low) / step) * step


def _check(disparity: Tensor, softness_px: float, shift_px: float) -> None:
    if disparity.ndim != 2 or not disparity.is_floating_point():
        raise ValueError(f"disparity must be floating point [H, W], got {disparity.dtype} {list(disparity.shape)}")
    if not torch.isfinite(disparity).all():
        raise ValueError("disparity must be finite, got NaN or infinity")
    for name, value in (("softness_px", softness_px), ("shift_px", shift_px)):
        if not (math.isfinite(value) and value >= 0):
            raise ValueError(f"{name} must be finite and >= 0, got {value}")
