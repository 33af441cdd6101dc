"""Scatter: every source pixel spreads its light over its disc, bin by bin in the frequency domain.

A bin is light times share (3 channels) and the share itself (the fourth, "coverage"), so that colour and coverage are
blurred alike. A product of spectra is a circular convolution: the frame is padded by the largest radius, and nothing
wraps into it. A wide disc passes no high frequencies (|2 J₁(x)/x| < 0.06 for x > 9), so its group is blurred on a grid
two, four or eight times coarser: the inner part of the spectrum is all it needs.
Letters: L bins, r radius in pixels, q = 2^octave pixels of the frame to a pixel of the coarser grid.
"""

from __future__ import annotations

import bisect
import math
from dataclasses import dataclass
from functools import lru_cache

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from simulator.aperture import IDENTITY_RADIUS_PX, Aperture

COARSEST = 3
_OCTAVE_RADIUS_PX = (8.0, 18.0, 38.0)  # smallest radius at which a group may move to octave 1, 2, 3
_TAPER = 0.75  # width σ/q of the Gaussian that ends a coarse spectrum: cut off sharply, a bright spot's rim would ring


@dataclass(frozen=True)
class PaddedGrid:
    """The frame with room for the largest radius on every side, on every octave a whole number of pixels.

    Sides have only the factors 2, 3 and 5, at which transforms are cheap.
    """

    height: int
    width: int
    padding: int
    padded_height: int
    padded_width: int

    @classmethod
    def around(cls, height: int, width: int, reach_px: int) -> PaddedGrid:
        """The smallest grid with at least `reach_px` of padding."""
        step = 2**COARSEST
        padding = step * math.ceil((reach_px + step) / step)  # one coarse pixel more: enlarging looks at neighbours
        return cls(height, width, padding, _cheap_length(height + 2 * padding), _cheap_length(width + 2 * padding))

    def cropped(self, padded: Float[Tensor, "c hp wp"], octave: int) -> Float[Tensor, "c h w"]:
        """The frame out of a padded image of an octave, enlarged to the frame's own pixels."""
        q = 2**octave
        top = self.padding // q
        if octave == 0:
            return padded[:, top : top + self.height, top : top + self.width]
        rows, columns = math.ceil(self.height / q) + 2, math.ceil(self.width / q) + 2  # a pixel around for enlarging
        coarse = padded[:, top - 1 : top - 1 + rows, top - 1 : top - 1 + columns]
        fine = F.interpolate(coarse[None], scale_factor=q, mode="bilinear", align_corners=False)[0]
        return fine[:, q : q + self.height, q : q + self.width]


def _cheap_length(length: int) -> int:
    even = 2 ** (COARSEST + 1)  # the coarsest grid's sides are even
    n = math.ceil(length / even)
    while _without_small_factors(n) != 1:
        n += 1
    return n * even


def _without_small_factors(n: int) -> int:
    for factor in (2, 3, 5):
        while n % factor == 0:
            n //= factor
    return n


def octave_of(smallest_radius_px: float) -> int:
    """How coarse a grid a group may be blurred on, by its smallest radius."""
    return bisect.bisect_right(_OCTAVE_RADIUS_PX, smallest_radius_px)


def planar_spectra(padded: Float[Tensor, "l c hp wp"]) -> Float[Tensor, "l 2 c hp freq"]:
    """Spectra of real images, real and imaginary parts apart: a disc's spectrum is real, and so is every product."""
    spectra = torch.fft.rfft2(padded)
    return torch.stack([spectra.real, spectra.imag], dim=1)


def octave_spectra(
    spectra: Float[Tensor, "l 2 c hp freq"], padded_width: int, octave: int
) -> Float[Tensor, "l 2 c hq freqq"]:
    """The inner part of full spectra, as spectra of the images sampled on the coarser grid.

    A coarse pixel's centre lies (q − 1)/2 fine pixels beyond its first fine pixel's: a shift, here a phase. The factor
    1/q² is the inverse transform's. A Gaussian of σ = _TAPER · q fine pixels fades the highest frequencies out.
    """
    q = 2**octave
    if octave == 0:
        return spectra
    height, rows, columns = spectra.shape[-2], spectra.shape[-2] // (2 * q), padded_width // (2 * q)
    inner = torch.cat([spectra[..., :rows, :], spectra[..., height - rows :, :]], dim=-2)[..., : columns + 1].clone()
    inner[..., rows, :] = 0.0  # the highest frequency has no partner to keep the image real
    inner[..., columns] = 0.0
    ky = torch.fft.fftfreq(2 * rows, d=1 / (2 * rows), device=spectra.device) / height
    kx = torch.arange(columns + 1, device=spectra.device) / padded_width
    angle = math.pi * (q - 1) * (ky[:, None] + kx[None, :])
    taper = torch.exp(-2.0 * (math.pi * _TAPER * q) ** 2 * (ky[:, None] ** 2 + kx[None, :] ** 2)) / q**2
    cosine, sine = taper * angle.cos(), taper * angle.sin()
    real, imaginary = inner[:, 0], inner[:, 1]
    return torch.stack([real * cosine - imaginary * sine, real * sine + imaginary * cosine], dim=1)


class SpotSpectra:
    """Spectra of an aperture's spots on one grid, made when first asked for.

    Spots are tabulated at the radii of `radius_steps`. A radius between two steps mixes the two neighbouring spots so
    that the second moment, and with it the labelled radius, is met exactly: w = (r² − r_a²)/(r_b² − r_a²).
    """

    def __init__(self, aperture: Aperture, grid: PaddedGrid, device: torch.device) -> None:
        self._aperture, self._grid, self._device = aperture, grid, device
        self._steps = radius_steps(grid.padding + 2**COARSEST)
        self._table: dict[tuple[int, int], Tensor] = {}

    def of(self, radius_px: float, octave: int) -> Float[Tensor, "hq freqq"]:
        """Real spectrum of the spot of this radius, on the grid of an octave.

        On a coarse grid the taper and the linear enlargement widen the spot as well, by variances (_TAPER q)² and
        q²/6 along each axis; a disc has r²/4, so the radius drawn is that much smaller.
        """
        r2 = radius_px**2 - (0.0 if octave == 0 else 4.0 * 4**octave * (_TAPER**2 + 1.0 / 6.0))
        r = math.sqrt(max(r2, 0.0))
        b = min(max(bisect.bisect_left(self._steps, r), 1), len(self._steps) - 1)
        low, high = self._steps[b - 1], self._steps[b]
        w = min(max((r2 - low**2) / (high**2 - low**2), 0.0), 1.0)
        if w in (0.0, 1.0):
            return self._tabulated(b if w else b - 1, octave)
        return torch.lerp(self._tabulated(b - 1, octave), self._tabulated(b, octave), w)

    def _tabulated(self, step: int, octave: int) -> Tensor:
        key = (step, octave)
        if key not in self._table:
            mask = self._aperture.mask(self._steps[step]).float().to(self._device)
            full = spot_spectrum(mask, self._grid.padded_height, self._grid.padded_width)
            q = 2**octave
            rows, columns = full.shape[0] // (2 * q), self._grid.padded_width // (2 * q)
            inner = torch.cat([full[:rows], full[full.shape[0] - rows :]])[:, : columns + 1]
            self._table[key] = (full if octave == 0 else inner).contiguous()
        return self._table[key]


@lru_cache(maxsize=8)
def spot_spectra(aperture: Aperture, grid: PaddedGrid, device: torch.device) -> SpotSpectra:
    """The table of this aperture and grid, kept for the scenes to come: those of a data set are mostly one size."""
    return SpotSpectra(aperture, grid, device)


def radius_steps(largest_px: int) -> list[float]:
    """Radii of the table: a quarter of a pixel apart while spots are small, a pixel apart where that is a thin rim."""
    fine = [IDENTITY_RADIUS_PX + 0.25 * i for i in range(14)]  # 0.5 … 3.75
    middle = [4.0 + 0.5 * i for i in range(24)]  # 4 … 15.5
    coarse = [float(r) for r in range(16, max(17, largest_px + 1))]
    return [r for r in fine + middle + coarse if r <= max(largest_px, 1)]


def spot_spectrum(mask: Float[Tensor, "d d"], height: int, width: int) -> Float[Tensor, "height freq"]:
    """Real part of the spectrum of a mask centred on the origin of a [height, width] torus."""
    half = mask.shape[0] // 2
    if 2 * half + 1 > min(height, width):
        raise ValueError(f"mask of {mask.shape[0]} px must fit the padded frame of {height}x{width} px")
    grid = torch.zeros(height, width, dtype=mask.dtype, device=mask.device)
    grid[: mask.shape[0], : mask.shape[1]] = mask
    return torch.fft.rfft2(grid.roll((-half, -half), dims=(0, 1))).real


def blurred(bins: Float[Tensor, "l 2 c hq freqq"], discs: list[Float[Tensor, "hq freqq"]]) -> Float[Tensor, "c hq wq"]:
    """The inverse transform of Σ_l bin_l · disc_l."""
    total = bins[0] * discs[0]
    for bin_, disc in zip(bins[1:], discs[1:], strict=True):
        total.addcmul_(bin_, disc)
    return torch.fft.irfft2(torch.complex(total[0], total[1]), s=(bins.shape[3], 2 * (bins.shape[4] - 1)))
