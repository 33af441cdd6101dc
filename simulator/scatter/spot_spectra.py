"""Spectra of an aperture's spots, tabulated by radius.

Letters: X = W'/2 + 1 frequencies along x, which come first; H' along y; k spots.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import torch
import torch.nn.functional as F
from jaxtyping import Complex, Float
from torch import Tensor

from simulator.optics.aperture import IDENTITY_RADIUS_PX, Aperture
from simulator.optics.pupil_modes import PupilMode
from simulator.scatter.inner_spectrum import cropped_rows
from simulator.scatter.spectrum_cache import SpectrumCache

TABLE_BYTES = {"cpu": 256 << 20, "cuda": 2 << 30}
"""Bound of all tabulated spectra of a process, by device. A CPU recomputes a spectrum nearly as fast as it reads it (a
stack of 1024² needs 360 MB; with a bound of 256 MB it takes the same time, with 64 MB 6 % more); a GPU would wait."""
_CACHES = {device: SpectrumCache(most_bytes) for device, most_bytes in TABLE_BYTES.items()}


@dataclass(frozen=True)
class SpotMix:
    """The k spots of a lens, as mixtures of tabulated ones: (1 − w)·low + w·high.

    Spectra of a point-symmetric pupil are real, [X, 2 H'], with each value twice: they multiply pairs of real numbers.
    Others are complex, [X, H'].
    """

    low: tuple[Tensor, ...]
    high: tuple[Tensor, ...]
    weight: tuple[float, ...]

    @property
    def count(self) -> int:
        """k: 1, or 3 where each color has its own."""
        return len(self.low)

    @property
    def is_complex(self) -> bool:
        return self.low[0].is_complex()

    @cached_property
    def mixed(self) -> Tensor:
        """The mixed spectra, [k, X, …]."""
        mixed = [
            torch.lerp(low, high, w) if 0.0 < w < 1.0 else high if w else low
            for low, high, w in zip(self.low, self.high, self.weight, strict=True)
        ]
        return mixed[0][None] if len(mixed) == 1 else torch.stack(mixed)


class SpotSpectra:
    """Spectra of an aperture's spots on a grid of one size, computed when first needed.

    Spots are tabulated at the radii of `radius_steps`. A radius between two steps mixes the two neighboring spots so
    that the second moment, and with it the labeled radius, is met exactly: w = (r² − r_a²)/(r_b² − r_a²).
    """

    def __init__(
        self,
        aperture: Aperture | PupilMode,
        height: int,
        width: int,
        device: torch.device,
        cache: SpectrumCache | None = None,
    ) -> None:
        """aperture: that of the middle of the frame, see `Aperture.pupil`. cache: the cache of the device if None."""
        self._aperture, self._size, self._device = aperture, (height, width), device
        self._cache = cache or _CACHES[device.type]
        self._steps = radius_steps((min(height, width) - 1) // 2 - 1)

    def mix(self, defocus: Sequence[float | None], coarseness: int = 1, parts: int = 1) -> SpotMix:
        """The k spots of these signed radii: the inner parts of their spectra.

        defocus:    in cells, positive in front of the plane in focus; None: a spot without light.
        coarseness: f, of the grid whose frequencies are returned.
        parts:      the padded height of a strip is `parts` times smaller than the table's.
        """
        brackets = [self._bracket(s, color, coarseness, parts) for color, s in enumerate(defocus)]
        low, high, weight = zip(*brackets, strict=True)
        return SpotMix(low, high, weight)

    def _bracket(self, defocus: float | None, color: int, coarseness: int, parts: int) -> tuple[Tensor, Tensor, float]:
        """The two tabulated spots whose radii enclose a defocus, and the share w of the larger one."""
        if defocus is None:
            dark = torch.zeros_like(self._tabulated(self._aperture, 0, -1, coarseness, parts))
            return dark, dark, 0.0
        radius, side = abs(defocus), 1 if defocus > 0 and self._aperture.is_two_sided else -1
        b = min(max(bisect.bisect_left(self._steps, radius), 1), len(self._steps) - 1)
        low, high = self._steps[b - 1], self._steps[b]
        w = min(max((radius**2 - low**2) / (high**2 - low**2), 0.0), 1.0)
        pupil = self._aperture.of_channel(color)
        low_, high_ = (self._tabulated(pupil, step, side, coarseness, parts) for step in (b - 1, b))
        return low_, high_, w

    def _tabulated(self, pupil: Aperture | PupilMode, step: int, side: int, coarseness: int, parts: int) -> Tensor:
        key = pupil, self._size, self._device, step, side, coarseness, parts
        return self._cache.get(key, lambda: self._computed(pupil, side * self._steps[step], coarseness, parts))

    def _computed(self, pupil: Aperture | PupilMode, defocus: float, coarseness: int, parts: int) -> Tensor:
        mask = pupil.mask(defocus).float().to(self._device)
        is_real = self._aperture.is_point_symmetric
        columns = self._size[1] // 2 // coarseness + 1
        spectrum = _complex_spectrum(mask, self._size[0] // parts, self._size[1], columns)  # [X / f, H' / parts]
        spot = spectrum.real.repeat_interleave(2, dim=-1) if is_real else spectrum
        return self._windowed(cropped_rows(spot, coarseness), coarseness, parts, 2 if is_real else 1)

    def _windowed(self, spot: Tensor, coarseness: int, parts: int, repeats: int) -> Tensor:
        """The spectrum times cos² along each axis: 0 where it is cut (see `octave.cut_variance`)."""
        if coarseness == 1:
            return spot.contiguous()
        axes = []
        for length, frequencies in ((self._size[1], torch.fft.rfftfreq), (self._size[0] // parts, torch.fft.fftfreq)):
            cycles = frequencies(length // coarseness, dtype=torch.float64)  # per coarse cell
            axes.append(torch.cos(math.pi * cycles) ** 2)
        window = axes[0][:, None] * axes[1].repeat_interleave(repeats)
        return spot * window.to(self._device, torch.float32)


@lru_cache(maxsize=32)
def radius_steps(largest: int) -> tuple[float, ...]:
    """Radii of the table, in cells: a quarter of a cell apart for small spots, then half a cell, which rims hide."""
    fine = [IDENTITY_RADIUS_PX + 0.25 * i for i in range(14)]  # 0.5 … 3.75
    return tuple(r for r in fine + [4.0 + 0.5 * i for i in range(2 * max(largest - 3, 1))] if r <= max(largest, 1))


def spot_spectrum(mask: Float[Tensor, "d d"], height: int, width: int) -> Float[Tensor, "height freq"]:
    """Real part of the spectrum of a mask centered on the origin of a [height, width] torus."""
    return _complex_spectrum(mask, height, width, width // 2 + 1).T.real


def _complex_spectrum(mask: Tensor, height: int, width: int, columns: int) -> Complex[Tensor, "columns height"]:
    """The first `columns` frequencies along x, and all along y. Only rows of the mask are transformed along x."""
    side, half = mask.shape[0], mask.shape[0] // 2
    if side > min(height, width):
        raise ValueError(f"mask of {side} px must fit the padded frame of {height}x{width} px")
    lines = F.pad(mask, (0, width - side)).roll(-half, 1)
    along_x = torch.fft.rfft(lines)[:, :columns].T  # [X', d]
    return torch.fft.fft(F.pad(along_x, (0, height - side)).roll(-half, 1))
