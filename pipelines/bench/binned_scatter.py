"""Binned scatter at its best: radii a pixel apart, spot spectra kept for all frames, transforms at cheap sizes.

The same picture as `simulator.reference.scatter.binned_scatter`, which makes everything anew for every frame.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from simulator import Aperture, ThinLens
from simulator.scatter.fft_length import fft_friendly_length
from simulator.scatter.spot_spectra import spot_spectrum

_BATCH_BYTES = 256 << 20
"""On a GPU, bins are transformed together up to this size. On a CPU they go one by one, which stays in the caches."""


class BinnedScatter:
    """Frames of one photo; the spectra of the discs are made when first asked for, and kept."""

    def __init__(self, image: Tensor, disparity: Tensor) -> None:
        self._disparity = disparity
        self._content = torch.cat([image, torch.ones_like(disparity)[None]])  # [4, H, W]
        self._spots: dict[tuple[int, int, int], Tensor] = {}

    def frame(self, lens: ThinLens) -> Tensor:
        """[3, H, W]."""
        index = lens.defocus_px(self._disparity).abs().round().int()
        radii = torch.unique(index).tolist()
        reach = radii[-1] + 1
        h, w = self._disparity.shape
        size = fft_friendly_length(h + 2 * reach), fft_friendly_length(w + 2 * reach)
        sides = (reach, size[1] - w - reach, reach, size[0] - h - reach)
        content = F.pad(self._content[None], sides, mode="replicate")[0]  # [4, H', W']
        label = F.pad(index[None, None].to(content.dtype), sides, mode="replicate")[0, 0]
        total = torch.zeros(4, size[0], size[1] // 2 + 1, dtype=torch.complex64, device=content.device)
        for batch in _batches(radii, content):
            masks = [label == r for r in batch]
            spots = [self._spot(r, size) for r in batch]
            if content.is_cuda:
                spectra = torch.fft.rfft2(torch.stack([content * mask for mask in masks]))  # [b, 4, H', W' / 2 + 1]
                for spectrum, spot in zip(spectra, spots, strict=True):
                    total.addcmul_(spectrum, spot)
            else:
                for channel, light in zip(total, content, strict=True):
                    channel.addcmul_(torch.fft.rfft2(light * masks[0]), spots[0])
        blurred = torch.fft.irfft2(total, s=size)[:, reach : reach + h, reach : reach + w]
        return (blurred[:3] / blurred[3:].clamp(min=1e-6)).clamp(min=0.0)

    def _spot(self, radius_px: int, size: tuple[int, int]) -> Tensor:
        key = (radius_px, *size)
        if key not in self._spots:
            mask = Aperture().mask(float(radius_px)).float().to(self._disparity.device)
            self._spots[key] = spot_spectrum(mask, *size)
        return self._spots[key]


def _batches(radii: list[int], content: Tensor) -> list[list[int]]:
    size = max(1, _BATCH_BYTES // (content.numel() * content.element_size())) if content.is_cuda else 1
    return [radii[start : start + size] for start in range(0, len(radii), size)]
