"""PSNR, SSIM and MAE of a predicted picture, over the frame and region by region, by torchmetrics.

On 8-bit sRGB pictures, in display values from 0 to 1.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pipelines.measure.regions import Mask, regions

Picture = npt.NDArray[np.uint8]  # [H, W, 3], sRGB
Disparity = npt.NDArray[np.floating]  # [H, W], bigger is nearer

PSNR_LIMIT_DB = round(10.0 * math.log10(255.0**2 * 12.0), 6)
"""58.9 dB: two roundings of one picture to 8 bits cannot be told from one another; equal pictures score this."""
LEAST_PIXELS = 64
"""A region with fewer pixels is left out: a handful of pixels is no measurement."""


@dataclass(frozen=True)
class Fidelity:
    """PSNR (dB, at most PSNR_LIMIT_DB), SSIM, MAE (of the range 0 to 1), and the share of the frame they are over."""

    psnr: float
    ssim: float
    mae: float
    share: float


def fidelity(prediction: Picture, truth: Picture, mask: Mask | None = None) -> Fidelity:
    """Compare two pictures [H, W, 3], over the pixels of mask [H, W] or all.

    Raises ValueError when they are not uint8 pictures of one size, or the mask is empty.
    """
    return _Comparison(prediction, truth).over(mask)


def fidelity_by_region(
    prediction: Picture, truth: Picture, defocus_px: npt.NDArray[np.floating]
) -> dict[str, Fidelity]:
    """Fidelity by name: of `all` pixels, and of each region that has LEAST_PIXELS or more.

    defocus_px [H, W]: signed blur radii of the true frame.
    """
    comparison = _Comparison(prediction, truth)
    large = {name: mask for name, mask in regions(defocus_px).items() if mask.sum() >= LEAST_PIXELS}
    return {"all": comparison.over(None), **{name: comparison.over(mask) for name, mask in large.items()}}


class _Comparison:
    """Two pictures and their similarity map, which all regions share."""

    def __init__(self, prediction: Picture, truth: Picture) -> None:
        self._prediction, self._truth = _display(prediction, "prediction"), _display(truth, "truth")
        if self._prediction.shape != self._truth.shape:
            raise ValueError(f"prediction must be {_size(truth)} like the truth, got {_size(prediction)}")
        self._similarity = _ssim_map(self._prediction, self._truth)  # [H, W]

    def over(self, mask: Mask | None) -> Fidelity:
        """The scores over a mask [H, W], or all."""
        from torchmetrics.functional import mean_absolute_error  # of an extra that `audit` does without
        from torchmetrics.functional.image import peak_signal_noise_ratio

        everywhere = torch.ones_like(self._similarity, dtype=torch.bool)
        inside = everywhere if mask is None else torch.from_numpy(mask)
        if not inside.any():
            raise ValueError("mask must hold at least one pixel, got an empty one")
        pixels, true_pixels = self._prediction[:, inside], self._truth[:, inside]
        psnr = float(peak_signal_noise_ratio(pixels, true_pixels, data_range=1.0))
        return Fidelity(
            psnr=min(psnr, PSNR_LIMIT_DB),
            ssim=float(self._similarity[inside].mean()),
            mae=float(mean_absolute_error(pixels.flatten(), true_pixels.flatten())),
            share=float(inside.double().mean()),
        )


def _display(picture: Picture, name: str) -> Tensor:
    """float64 [3, H, W] in [0, 1]."""
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
        raise ValueError(f"{name} must be uint8 [H, W, 3], got {picture.dtype} {list(picture.shape)}")
    return torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1).double() / 255


def _ssim_map(prediction: Tensor, truth: Tensor) -> Tensor:
    """Structural similarity (Wang et al. 2004) at every pixel, mean of the channels: [H, W]."""
    from torchmetrics.functional.image import structural_similarity_index_measure

    # float32: torch's convolution of float64 takes eighty times as long, and float32 is exact enough
    pair = prediction[None].float(), truth[None].float()
    _, full = structural_similarity_index_measure(*pair, data_range=1.0, return_full_image=True)
    return full[0].double().mean(dim=0)


def _size(picture: Picture) -> str:
    return f"{picture.shape[1]} x {picture.shape[0]}"
