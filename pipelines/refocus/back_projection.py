"""A sharpened picture made to agree with its photo: blurred again with the photo's lens, it must be the photo.

Letters: P the photo, A the picture made sharp, R the renderer with the lens that the photo was taken with, W the Wiener
filter of each pixel's radius (deconvolution.py); linear light.

    A ← A + W·(P − R A)         iterative back-projection (Irani and Peleg 1991, CVGIP 53)

What a network left out because it is unlikely, and the photo shows, comes back; as R knows which surface hides which,
outlines do not ring. A clipped pixel of P says only that there was as much light or more.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from pipelines.model.deconvolution import wiener_filtered
from simulator import Scene, ThinLens

STEPS, NOISE_TO_SIGNAL = 2, 0.03
_CLIPPED = 0.995  # linear light; 254 of 255 gray levels is 0.991


def back_projected(
    sharp: Float[Tensor, "3 h w"],
    photo: Float[Tensor, "3 h w"],
    disparity: Float[Tensor, "h w"],
    lens: ThinLens,
    steps: int = STEPS,
) -> Float[Tensor, "3 h w"]:
    """`sharp` after so many steps towards the photo; all of one size, lens in its pixels."""
    defocus_px = lens.defocus_px(disparity)  # [H, W]
    is_clipped = photo >= _CLIPPED
    for _ in range(steps):
        scene = Scene.from_rgbd(sharp, disparity, max_radius_px=float(defocus_px.abs().max()))
        missing = photo - next(iter(scene.render([lens])))
        missing = torch.where(is_clipped, missing.clamp(min=0.0), missing)
        sharp = (sharp + wiener_filtered(missing[None], defocus_px[None, None], NOISE_TO_SIGNAL)[0]).clamp(min=0.0)
    return sharp
