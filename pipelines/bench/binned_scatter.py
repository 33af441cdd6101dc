"""Binned scatter at its best: radii a pixel apart, spot spectra kept for all frames, transforms at cheap sizes.

The same picture as `simulator.reference.scatter.binned_scatter`, which makes everything anew for every frame.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from simulator import Aperture, ThinLens
from simulator.scatter.spot_spectra import spot_spectrum

_BATCH_BYTES = 256 << 20
"""Bins are transformed together as long as they stay below this."""


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
        size = _cheap(h + 2 * reach), _cheap(w + 2 * reach)
        sides = (reach, size[1] - w - reach, reach, size[0] - h - reach)
        content = F.pad(self._content[None], sides, mode="replicate")[0]  # [4, H', W']
        label = F.pad(index[None, None].to(content.dtype), sides, mode="replicate")[0, 0]
        total = torch.zeros(4, size[0], size[1] // 2 + 1, dtype=torch.complex64, device=content.device)
        batch = max(1, _BATCH_BYTES // (content.numel() * content.element_size()))
        for start in range(0, len(radii), batch):
            some = radii[start : start + batch]
            bins = torch.stack([content * (label == r) for r in some])  # [b, 4, H', W']
            for spectrum, r in zip(torch.fft.rfft2(bins), some, strict=True):
                total.addcmul_(spectrum, self._spot(r, size))
        blurred = torch.fft.irfft2(total, s=size)[:, reach : reach + h, reach : reach + w]
        return (blurred[:3] / blurred[3:].clamp(min=1e-6)).clamp(min=0.0)

    def _spot(self, radius_px: int, size: tuple[int, int]) -> Tensor:
        key = (radius_px, *size)
        if key not in self._spots:
            mask = Aperture().mask(float(radius_px)).float().to(self._disparity.device)
            self._spots[key] = spot_spectrum(mask, *size)
        return self._spots[key]


def _cheap(length: int) -> int:
    """The next even length whose only factors are 2, 3 and 5."""
    n = math.ceil(length / 2)
    while _rest(n) != 1:
        n += 1
    return 2 * n


def _rest(n: int) -> int:
    for factor in (2, 3, 5):
        while n % factor == 0:
            n //= factor
    return n
