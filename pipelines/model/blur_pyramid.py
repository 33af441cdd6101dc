"""Blurred copies of the reference; a refocused photo is mostly a mixture of them.

Letters: σ standard deviation of a Gaussian, in pixels. A disc of radius r has σ = r/2 along each axis, so Gaussians of
p/8, p/4, p/2 and p, for patches of p pixels, stand for discs of radius p/4 to 2·p. The convolution is in linear light;
the border pixels are replicated, as the scene beyond the frame is unknown.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from simulator.optics.color import linear_to_srgb, srgb_to_linear

SIGMAS = (1 / 8, 1 / 4, 1 / 2, 1.0)
"""σ in patch sides."""
_REACH = 2.5  # half width of the kernel in σ; 1 % of the light lies beyond


def blur_pyramid(reference: Float[Tensor, "n 3 h w"], patch_px: int) -> Float[Tensor, "n m 3 h w"]:
    """The reference blurred by each of the M = len(SIGMAS) Gaussians; display values in [-1, 1]."""
    light = srgb_to_linear((reference.float() + 1.0) / 2.0)  # [N, 3, H, W]
    blurred = torch.stack([gaussian_blur(light, sigma * patch_px) for sigma in SIGMAS], dim=1)  # [N, M, 3, H, W]
    return 2.0 * linear_to_srgb(blurred) - 1.0


def gaussian_blur(light: Float[Tensor, "n c h w"], sigma_px: float) -> Float[Tensor, "n c h w"]:
    """Convolve with a Gaussian of unit sum, along rows and then columns. Same shape."""
    reach = max(1, math.ceil(_REACH * sigma_px))
    taps = torch.arange(-reach, reach + 1, device=light.device, dtype=light.dtype)  # [taps]
    kernel = torch.exp(-0.5 * (taps / sigma_px) ** 2)
    channels = light.shape[1]
    kernel = (kernel / kernel.sum()).expand(channels, 1, 1, -1)  # [C, 1, 1, taps]
    padded = functional.pad(light, (reach, reach, reach, reach), mode="replicate")
    across = functional.conv2d(padded, kernel, groups=channels)
    return functional.conv2d(across, kernel.transpose(2, 3), groups=channels)
