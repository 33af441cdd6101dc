"""Contrast of a picture around each pixel, in a window as wide as the pixel's blur.

Where a blurred picture has none, the scene had no detail that deconvolution could bring back: what appears there, in a
sky or on water, is the ringing of an outline farther off.
"""

from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor

from pipelines.model.blur_pyramid import gaussian_blur

SIGMAS_PX = (1.0, 2.0, 4.0, 8.0)


def local_contrast(display: Float[Tensor, "3 h w"], radius_px: Float[Tensor, "h w"]) -> Float[Tensor, "h w"]:
    """Standard deviation of a channel, root mean square of the three, under a Gaussian of σ = r held in 1 to 8 px."""
    moments = torch.stack([display, display.square()])  # [2, 3, H, W]
    contrast = []
    for sigma in SIGMAS_PX:
        mean, square = gaussian_blur(moments, sigma)
        contrast.append((square - mean.square()).mean(dim=0).clamp(min=0.0).sqrt())
    place = torch.log2(radius_px.clamp(SIGMAS_PX[0], SIGMAS_PX[-1]))  # [H, W]
    mixed = contrast[0]
    for number, (finer, coarser) in enumerate(pairwise(contrast)):
        share = (place - number).clamp(0.0, 1.0)
        mixed = torch.where(place > number, torch.lerp(finer, coarser, share), mixed)
    return mixed
