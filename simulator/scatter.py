"""Scatter: every source pixel spreads its light over its disc, bin by bin in the frequency domain.

Letters: F frames, L bins, r radius in pixels. A bin is light times share (3 channels) and the share itself (the fourth,
"coverage"), so that colour and coverage are blurred alike. The product of spectra is a circular convolution: the frame
is padded by the largest radius, so that nothing wraps into it.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from simulator.aperture import IDENTITY_RADIUS_PX, Aperture


def transform_size(length: int, padding: int) -> int:
    """The next length >= length + 2·padding with only the factors 2, 3 and 5, at which transforms are cheap."""
    n = length + 2 * padding
    while True:
        rest = n
        for factor in (2, 3, 5):
            while rest % factor == 0:
                rest //= factor
        if rest == 1 and n % 2 == 0:
            return n
        n += 1


def disc_spectra(
    aperture: Aperture, radii_px: Float[Tensor, "*s"], height: int, width: int
) -> Float[Tensor, "*s height freq"]:
    """Spectrum of the spot of each radius on a [height, width] grid: real, as the spot is symmetric.

    Radii between two steps of the table mix the two neighbouring spots so that the second moment, and with it the
    labelled radius, is met exactly: with w = (r² − r_a²)/(r_b² − r_a²) the mixture measures r.
    """
    table_radii, table = _spectrum_table(
        aperture, math.ceil(float(radii_px.max()) + 1.0), height, width, radii_px.device
    )
    b = torch.searchsorted(table_radii, radii_px).clamp(1, table_radii.numel() - 1)
    a = b - 1
    w = (radii_px**2 - table_radii[a] ** 2) / (table_radii[b] ** 2 - table_radii[a] ** 2)
    w = w.clamp(0.0, 1.0)[..., None, None]
    return table[a] * (1.0 - w) + table[b] * w


def radius_steps(largest_px: int) -> list[float]:
    """Radii of the table: a quarter of a pixel apart while spots are small, a pixel apart where that is a thin rim."""
    fine = [IDENTITY_RADIUS_PX + 0.25 * i for i in range(14)]  # 0.5 … 3.75
    middle = [4.0 + 0.5 * i for i in range(24)]  # 4 … 15.5
    coarse = [float(r) for r in range(16, max(17, largest_px + 1))]
    steps = fine + middle + coarse
    return [r for r in steps if r <= max(largest_px, 1)]


@lru_cache(maxsize=8)
def _spectrum_table(
    aperture: Aperture, largest_px: int, height: int, width: int, device: torch.device
) -> tuple[Tensor, Tensor]:
    steps = radius_steps(largest_px)
    spectra = [spot_spectrum(aperture.mask(r).float(), height, width) for r in steps]
    return torch.tensor(steps, device=device), torch.stack(spectra).to(device)


def spot_spectrum(mask: Float[Tensor, "d d"], height: int, width: int) -> Float[Tensor, "height freq"]:
    """Real part of the spectrum of a mask centred on the origin of a [height, width] torus."""
    half = mask.shape[0] // 2
    if 2 * half + 1 > min(height, width):
        raise ValueError(f"mask of {mask.shape[0]} px must fit the padded frame of {height}x{width} px")
    grid = torch.zeros(height, width, dtype=mask.dtype)
    grid[: mask.shape[0], : mask.shape[1]] = mask
    return torch.fft.rfft2(grid.roll((-half, -half), dims=(0, 1))).real


def blurred(
    bins: Complex[Tensor, "l 4 height freq"], discs: Float[Tensor, "f l height freq"], width: int
) -> Float[Tensor, "f 4 height width"]:
    """Sum over bins of bin * disc, for every frame: the inverse transform of Σ_l bin_l · disc_fl."""
    total = torch.zeros(discs.shape[0], *bins.shape[1:], dtype=bins.dtype, device=bins.device)  # [F, 4, H, W/2+1]
    for l in range(bins.shape[0]):
        total.addcmul_(bins[l], discs[:, l, None].to(bins.dtype))
    return torch.fft.irfft2(total, s=(bins.shape[2], width))
