"""Scatter: every source pixel spreads its light over its disc, bin by bin in the frequency domain.

A bin is light times share (3 channels) and the share itself (the fourth, "coverage"), so that colour and coverage are
blurred alike. A product of spectra is a circular convolution: the frame is padded by the largest radius, and nothing
wraps into it.

Spectra lie as the second of the two transforms wants them, the frequency along x first, and as pairs of real numbers:
the spectrum of a point-symmetric spot is real, so that multiplying by it is a real product, with each of its values
standing twice. The others' are complex. With longitudinal colour each channel has a spot, and a coverage, of its own.

A wide spot passes only low frequencies: its bin is multiplied within the inner part of the spectrum, and a group whose
spots are all wide is inverted on a grid as many times coarser. "Coarseness" f is that factor: 1, 2, 4 or 8; the inner
part has X/f frequencies along x and H'/f along y.
Letters: L bins; n lenses; r radius in cells of the grid; X = W'/2 + 1 frequencies along x; f coarseness.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Complex, Float, Inexact
from torch import Tensor

from simulator.aperture import IDENTITY_RADIUS_PX, Aperture
from simulator.octave import OctaveGrid


def spectra(
    pictures: Float[Tensor, "l c h w"], grid: OctaveGrid, margin: int, rows: slice | None = None
) -> Float[Tensor, "l c x twohp"]:
    """Spectra of real pictures with `margin` cells beyond the frame: padded, transformed along x, then along y.

    Padding repeats the edges, rows after they are transformed: as often as one is repeated, it is transformed once.
    Nothing is looked for outside of `rows`.
    """
    trim = max(0, margin - grid.padding)
    height, width = pictures.shape[-2:]
    held = slice(0, height) if rows is None else rows
    start = min(max(held.start, trim), height - trim - 1)
    stop = max(min(held.stop, height - trim), start + 1)
    before = grid.padding - (margin - trim)
    sides = (before, grid.padded_width - (width - 2 * trim) - before, 0, 0)
    wide = F.pad(pictures[..., start:stop, trim : width - trim], sides, mode="replicate")
    along_x = torch.fft.rfft(wide, norm="forward").transpose(-1, -2)  # [l, c, X, h]
    size = (*pictures.shape[:2], grid.padded_width // 2 + 1, grid.padded_height)
    padded = torch.empty(size, dtype=along_x.dtype, device=along_x.device)
    to_padded = grid.above - grid.top - margin  # from a row of the pictures
    first, end = to_padded + start, to_padded + stop
    padded[..., :first] = along_x[..., :1] if start == 0 else 0
    padded[..., first:end] = along_x
    padded[..., end:] = along_x[..., -1:] if stop == height else 0
    return torch.view_as_real(torch.fft.fft(padded, norm="forward")).flatten(-2)


def inner(spectrum: Inexact[Tensor, "*n x hp"], coarseness: int) -> Inexact[Tensor, "*n xf hf"]:
    """The part of spectra that a grid `coarseness` times coarser can hold: low frequencies of both signs."""
    if coarseness == 1:
        return spectrum
    x = (spectrum.shape[-2] - 1) // coarseness + 1
    half = spectrum.shape[-1] // coarseness // 2
    return torch.cat([spectrum[..., :x, :half], spectrum[..., :x, -half:]], dim=-1)


def _outer(spectrum: Inexact[Tensor, "*n xf hf"], times: int) -> Inexact[Tensor, "*n x hp"]:
    """The reverse: a spectrum `times` as fine, dark where `inner` did not look."""
    if times == 1:
        return spectrum
    x, whole = (spectrum.shape[-2] - 1) * times + 1, spectrum.shape[-1] * times
    half = spectrum.shape[-1] // 2
    result = spectrum.new_zeros(*spectrum.shape[:-2], x, whole)
    result[..., : spectrum.shape[-2], :half] = spectrum[..., :half]
    result[..., : spectrum.shape[-2], -half:] = spectrum[..., half:]
    return result


class SpreadBin(NamedTuple):
    """A bin's spectrum [4, X, 2 H'] and its spots', within the inner part of `coarseness`.

    spots: for n lenses, real [n, k, X, 2 H'] or complex [n, k, X, H']; k = 1, or 3 where each colour has its own.
    """

    spectrum: Tensor
    spots: Tensor
    coarseness: int


class BlurredGroup:
    """The frame's part of the inverse transform of Σ_l bin_l · spot_l, channel by channel when asked for.

    It lies on a grid `coarseness` times coarser than the bins' own; bins are all at least as coarse as that. On coarse
    octaves a ring of one cell lies around the frame. `rows` are those to compute, of the grid with its ring: all, or
    what the group reaches. Raises ValueError without a bin.
    """

    def __init__(self, bins: Sequence[SpreadBin], grid: OctaveGrid, coarseness: int, rows: slice | None = None) -> None:
        if not bins:
            raise ValueError("bins must hold at least one bin, got none")
        self._bins = sorted(bins, key=lambda spread: -spread.coarseness)
        self._finest, self._grid = grid, grid.coarser(grid.octave + coarseness.bit_length() - 1)
        self._rows = rows or slice(0, self._grid.rows.stop - self._grid.rows.start)

    @property
    def octave(self) -> int:
        return self._grid.octave

    @property
    def rows(self) -> slice:
        """Where the group lies in the whole frame with its ring."""
        return slice(self._grid.top + self._rows.start, self._grid.top + self._rows.stop)

    @property
    def coverages(self) -> int:
        """k: how many lenses the three colours see through."""
        return self._bins[0].spots.shape[1]

    def light(self, color: int) -> Float[Tensor, "n 1 h w"]:
        """One of the three colours."""
        of_lens = color if self.coverages > 1 else 0
        return self._blurred(slice(color, color + 1), slice(of_lens, of_lens + 1))

    def coverage(self, of_lens: int) -> Float[Tensor, "n 1 h w"]:
        """What one of the k lenses sees covered."""
        return self._blurred(slice(3, 4), slice(of_lens, of_lens + 1))

    def whole(self) -> Float[Tensor, "n c h w"]:
        """Light and coverage: c = 3 + k."""
        if self.coverages == 1:
            return self._blurred(slice(4), slice(1))
        return torch.cat([self._blurred(slice(3), slice(3)), self._blurred(slice(3, 4), slice(3))], dim=1)

    def _blurred(self, channels: slice, lenses: slice) -> Float[Tensor, "n c h w"]:
        total: Tensor | None = None
        coarseness = 2 ** (self._grid.octave - self._finest.octave)
        at = coarseness
        for whole, of_lenses, own in self._bins:
            spectrum, spots = whole[channels], of_lenses[:, lenses]
            if spots.is_complex():
                spectrum = torch.view_as_complex(spectrum.unflatten(-1, (-1, 2)))  # [c, X, H']
            total = spectrum * spots if total is None else _outer(total, at // own).addcmul_(spectrum, spots)
            at = own
        assert total is not None
        total = _outer(total, at // coarseness)
        if not total.is_complex():
            total = torch.view_as_complex(total.unflatten(-1, (-1, 2)))
        if coarseness > 1:
            total = total * _to_cell_middles(self._finest, coarseness, total.device)
        first = self._grid.rows.start
        rows = slice(first + self._rows.start, first + self._rows.stop)
        # The spectra are scaled already ("forward"): no scaling here, however few of the frequencies are left.
        along_x = torch.fft.ifft(total, norm="forward")[..., rows].transpose(-1, -2)  # [n, c, h, X]
        return torch.fft.irfft(along_x, n=self._grid.padded_width, norm="forward")[..., self._grid.columns]


@lru_cache(maxsize=64)
def _to_cell_middles(grid: OctaveGrid, coarseness: int, device: torch.device) -> Complex[Tensor, "x hp"]:
    """A coarse cell's middle lies (f − 1)/2 fine cells beyond the middle of its first one: that shift."""
    phases = []
    for length, frequencies in ((grid.padded_width, torch.fft.rfftfreq), (grid.padded_height, torch.fft.fftfreq)):
        cycles = frequencies(length // coarseness, dtype=torch.float64) / coarseness  # per fine cell
        phases.append(torch.polar(torch.ones_like(cycles), math.pi * (coarseness - 1) * cycles))
    return (phases[0][:, None] * phases[1]).to(torch.complex64).to(device)


class SpotSpectra:
    """Spectra of an aperture's spots on a grid of one size, made when first asked for.

    Spots are tabulated at the radii of `radius_steps`. A radius between two steps mixes the two neighbouring spots so
    that the second moment, and with it the labelled radius, is met exactly: w = (r² − r_a²)/(r_b² − r_a²).
    """

    def __init__(self, aperture: Aperture, height: int, width: int, device: torch.device) -> None:
        self._aperture, self._size, self._device = aperture, (height, width), device
        self._steps = radius_steps((min(height, width) - 1) // 2 - 1)
        self._table: dict[tuple[int, int, int, int], Tensor] = {}

    def of(self, defocus: float, coarseness: int = 1, parts: int = 1) -> Tensor:
        """Inner part of the spectrum of the spot of this defocus, in cells, positive in front of the plane in focus.

        For a strip whose padded height is `parts` times smaller.

        Of a point-symmetric spot: real [X, 2 H'], each value twice, as `spectra` are multiplied by it. Else complex
        [X, H'].
        """
        low, high, w = self._neighbours(defocus, coarseness, parts)
        return torch.lerp(low, high, w) if 0.0 < w < 1.0 else high if w else low

    def of_all(self, defocus: Sequence[float], coarseness: int = 1, parts: int = 1) -> Tensor:
        """Those of several, [n, …], by few calls."""
        if len(defocus) == 1:
            return self.of(defocus[0], coarseness, parts)[None]
        low, high, w = zip(*(self._neighbours(s, coarseness, parts) for s in defocus), strict=True)
        weight = torch.tensor(w, device=self._device)[:, None, None]
        return torch.stack(low).lerp_(torch.stack(high), weight.to(low[0].dtype))

    def _neighbours(self, defocus: float, coarseness: int, parts: int) -> tuple[Tensor, Tensor, float]:
        """Of the two tabulated spots around a defocus, and the share of the second."""
        radius, side = abs(defocus), 1 if defocus > 0 and self._aperture.is_two_sided else -1
        b = min(max(bisect.bisect_left(self._steps, radius), 1), len(self._steps) - 1)
        low, high = self._steps[b - 1], self._steps[b]
        w = min(max((radius**2 - low**2) / (high**2 - low**2), 0.0), 1.0)
        return self._tabulated(b - 1, side, coarseness, parts), self._tabulated(b, side, coarseness, parts), w

    def _tabulated(self, step: int, side: int, coarseness: int, parts: int) -> Tensor:
        key = step, side, coarseness, parts
        if key not in self._table:
            mask = self._aperture.mask(side * self._steps[step]).float().to(self._device)
            whole = _complex_spectrum(mask, *self._size)[::parts].T  # [X, H' / parts]
            real = self._aperture.is_point_symmetric
            spot = whole.real.repeat_interleave(2, dim=-1) if real else whole
            self._table[key] = self._windowed(inner(spot, coarseness), coarseness, parts, 2 if real else 1)
        return self._table[key]

    def _windowed(self, spot: Tensor, coarseness: int, parts: int, times: int) -> Tensor:
        """Down to nothing where the spectrum is cut, by cos² along each axis (see `octave.cut_variance`)."""
        if coarseness == 1:
            return spot.contiguous()
        along = []
        for length, frequencies in ((self._size[1], torch.fft.rfftfreq), (self._size[0] // parts, torch.fft.fftfreq)):
            cycles = frequencies(length // coarseness, dtype=torch.float64)  # per coarse cell
            along.append(torch.cos(math.pi * cycles) ** 2)
        window = along[0][:, None] * along[1].repeat_interleave(times)
        return spot * window.to(self._device, torch.float32)


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
