"""Scatter: every source pixel spreads its light over its disc, bin by bin in the frequency domain.

A bin is light times share (3 channels) and the share itself (the fourth, "coverage"), so that colour and coverage are
blurred alike. A product of spectra is a circular convolution: the frame is padded by the largest radius, and nothing
wraps into it.

Spectra lie as the second of the two transforms wants them, the frequency along x first, and as pairs of real numbers:
the spectrum of a point-symmetric spot is real, so that multiplying by it is a real product, with each of its values
standing twice. The others' are complex. With longitudinal colour each channel has a spot, and a coverage, of its own.
Letters: L bins, r radius in cells of the grid; X = W'/2 + 1 frequencies along x.
"""

from __future__ import annotations

import bisect
from functools import lru_cache

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from simulator.aperture import IDENTITY_RADIUS_PX, Aperture
from simulator.octave import OctaveGrid


def spectra(pictures: Float[Tensor, "l c h w"], grid: OctaveGrid, margin: int) -> Float[Tensor, "l c x twohp"]:
    """Spectra of real pictures with `margin` cells beyond the frame: padded, transformed along x, then along y."""
    count, channels = pictures.shape[:2]
    size = (count, channels, grid.padded_width // 2 + 1, grid.padded_height)
    result = torch.empty(size, dtype=torch.complex64, device=pictures.device)
    step = count if pictures.is_cuda else 1  # large pieces leave a CPU's caches, and are cleared page by page
    for start in range(0, count, step):
        some = slice(start, start + step)
        along_x = torch.fft.rfft(grid.padded(pictures[some], margin)).transpose(-1, -2)  # [l, C, X, H']
        torch.fft.fft(along_x.contiguous(), out=result[some])
    return torch.view_as_real(result).flatten(-2)


def blurred(bins: Float[Tensor, "l c x twohp"], spots: list[Tensor], grid: OctaveGrid) -> Float[Tensor, "k h w"]:
    """The frame's part of the inverse transform of Σ_l bin_l · spot_l.

    spots: real [X, 2 H'] or complex [X, H'], all alike; or such a one for each of the channels, [k, …].
    """
    is_real = not spots[0].is_complex()
    if not is_real:
        bins = torch.view_as_complex(bins.unflatten(-1, (-1, 2)))  # [L, C, X, H']
    total = bins[0] * spots[0]
    for bin_, spot in zip(bins[1:], spots[1:], strict=True):
        total.addcmul_(bin_, spot)
    if is_real:
        total = torch.view_as_complex(total.unflatten(-1, (-1, 2)))
    along_x = torch.fft.ifft(total)[..., grid.rows]  # [C, X, h]
    return torch.fft.irfft(along_x.transpose(-1, -2), n=grid.padded_width)[..., grid.columns]


def blurred_by_channel(
    bins: Float[Tensor, "l 4 x twohp"], spots: list[Tensor], grid: OctaveGrid
) -> Float[Tensor, "6 h w"]:
    """Light of three channels and the coverage that each of them sees; spots: one for each of the three, [3, …]."""
    return torch.cat([blurred(bins[:, :3], spots, grid), blurred(bins[:, 3:], spots, grid)])


class SpotSpectra:
    """Spectra of an aperture's spots on a grid of one size, made when first asked for.

    Spots are tabulated at the radii of `radius_steps`. A radius between two steps mixes the two neighbouring spots so
    that the second moment, and with it the labelled radius, is met exactly: w = (r² − r_a²)/(r_b² − r_a²).
    """

    def __init__(self, aperture: Aperture, height: int, width: int, device: torch.device) -> None:
        self._aperture, self._size, self._device = aperture, (height, width), device
        self._steps = radius_steps((min(height, width) - 1) // 2 - 1)
        self._table: dict[tuple[int, int], Tensor] = {}

    def of(self, defocus: float) -> Tensor:
        """Spectrum of the spot of this defocus, in cells, positive in front of the plane in focus.

        Of a point-symmetric spot: real [X, 2 H'], each value twice, as `spectra` are multiplied by it. Else complex
        [X, H'].
        """
        radius, side = abs(defocus), 1 if defocus > 0 and self._aperture.is_two_sided else -1
        b = min(max(bisect.bisect_left(self._steps, radius), 1), len(self._steps) - 1)
        low, high = self._steps[b - 1], self._steps[b]
        w = min(max((radius**2 - low**2) / (high**2 - low**2), 0.0), 1.0)
        if w in (0.0, 1.0):
            return self._tabulated(b if w else b - 1, side)
        return torch.lerp(self._tabulated(b - 1, side), self._tabulated(b, side), w)

    def _tabulated(self, step: int, side: int) -> Tensor:
        if (step, side) not in self._table:
            mask = self._aperture.mask(side * self._steps[step]).float().to(self._device)
            whole = _complex_spectrum(mask, *self._size).T  # [X, H']
            real = self._aperture.is_point_symmetric
            self._table[step, side] = (whole.real.repeat_interleave(2, dim=-1) if real else whole).contiguous()
        return self._table[step, side]


def spot_spectra(aperture: Aperture, height: int, width: int, device: torch.device) -> SpotSpectra:
    """The table of this aperture and size.

    A disc's is kept for the scenes to come: those of a data set are mostly one size. Other pupils are mostly drawn anew
    for every scene, so few of theirs are kept.
    """
    return (_tables_of_discs if aperture.is_disc else _tables_of_others)(aperture, height, width, device)


_tables_of_discs = lru_cache(maxsize=16)(SpotSpectra)
_tables_of_others = lru_cache(maxsize=6)(SpotSpectra)


def radius_steps(largest: int) -> list[float]:
    """Radii of the table: a quarter of a cell apart while spots are small, a cell apart where that is a thin rim."""
    fine = [IDENTITY_RADIUS_PX + 0.25 * i for i in range(14)]  # 0.5 … 3.75
    middle = [4.0 + 0.5 * i for i in range(24)]  # 4 … 15.5
    coarse = [float(r) for r in range(16, max(17, largest + 1))]
    return [r for r in fine + middle + coarse if r <= max(largest, 1)]


def spot_spectrum(mask: Float[Tensor, "d d"], height: int, width: int) -> Float[Tensor, "height freq"]:
    """Real part of the spectrum of a mask centred on the origin of a [height, width] torus."""
    return _complex_spectrum(mask, height, width).real


def _complex_spectrum(mask: Tensor, height: int, width: int) -> Complex[Tensor, "height freq"]:
    half = mask.shape[0] // 2
    if 2 * half + 1 > min(height, width):
        raise ValueError(f"mask of {mask.shape[0]} px must fit the padded frame of {height}x{width} px")
    grid = torch.zeros(height, width, dtype=mask.dtype, device=mask.device)
    grid[: mask.shape[0], : mask.shape[1]] = mask
    return torch.fft.rfft2(grid.roll((-half, -half), dims=(0, 1)))
