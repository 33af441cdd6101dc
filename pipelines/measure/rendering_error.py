"""PSNR and SSIM of rendered frames in linear light, as displayed: clipped to [0, 1] and sRGB-encoded."""

import math

import torch
from torch import Tensor
from torchmetrics.functional.image import structural_similarity_index_measure

from simulator.optics.color import linear_to_srgb


def displayed(linear: Tensor) -> Tensor:
    """Display values of linear light: clipped to [0, 1] and sRGB-encoded; any shape."""
    return linear_to_srgb(linear.double().clamp(0.0, 1.0))


def without_border(picture: Tensor, border_px: float) -> Tensor:
    """The picture [..., H, W] without a border of `border_px`, rounded up.

    Raises ValueError when nothing is left.
    """
    border = math.ceil(border_px)
    height, width = picture.shape[-2:]
    if min(height, width) <= 2 * border:
        raise ValueError(f"border_px must leave something of {height}x{width} pixels, got {border_px}")
    return picture[..., border : height - border, border : width - border]


def psnr(frame: Tensor, reference: Tensor) -> float:
    """Peak signal to noise ratio of linear pictures [3, H, W], in dB, on the display; inf when they are equal."""
    error = (displayed(frame) - displayed(reference)).square().mean()
    return float(-10.0 * torch.log10(error))


def ssim(frame: Tensor, reference: Tensor) -> float:
    """Structural similarity (Wang et al. 2004) of linear pictures [3, H, W], on the display."""
    value = structural_similarity_index_measure(displayed(frame)[None], displayed(reference)[None], data_range=1.0)
    return float(value)
