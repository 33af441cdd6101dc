"""Spectra of a depth group: of its bins, of their skew on slopes, and of other content on the same grid.

They are computed when a frame first needs them. Their inner parts, for coarser octaves, are cropped from them.
Letters: X, H' frequencies along x and y; coarseness f, a power of two.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

from simulator.layers.bins import BinnedSurfaces
from simulator.scatter.convolve import spectra
from simulator.scatter.inner_spectrum import cropped
from simulator.scatter.octave import OctaveGrid


class Bin(NamedTuple):
    """One disparity bin of a group.

    number:    index among the scene's bins.
    is_sharp:  whether it holds light whose discs show their rims: such a bin is rendered on the finest grid.
    rows:      rows of the pictures that have content.
    slope2:    mean of |∇D|² over its coverage.
    """

    number: int
    disparity: float
    is_sharp: bool
    rows: slice
    slope2: float = 0.0


class GroupSpectra:
    """Spectra of the bins of one group, on the part of the frame that the group can reach."""

    def __init__(self, bins: Sequence[Bin], surfaces: BinnedSurfaces, margin: int, frame: OctaveGrid) -> None:
        """margin: cells of the pictures beyond the frame, on every side. frame: the grid of the entire frame."""
        self._bins, self._surfaces, self._margin = bins, surfaces, margin
        self._rows = slice(min(b.rows.start for b in bins), max(b.rows.stop for b in bins))
        self.grid = frame.strip(*self.rows_held)
        self._bin_spectra: dict[int, list[Tensor]] = {}
        self._skew_spectra: dict[tuple[int, int], Tensor] = {}

    @property
    def rows_held(self) -> tuple[int | None, int | None]:
        """First and end row with content, in cells of the frame; None where content reaches the picture's edge."""
        first = self._rows.start - self._margin if self._rows.start else None
        return first, self._rows.stop - self._margin if self._rows.stop < self._surfaces.height else None

    @property
    def finest_skew_octave(self) -> int:
        """Octave of the spectra of skews, or a coarser one: they change nothing finer than a disc."""
        return self.grid.octave + int(self.grid.divisor > 1)

    def nbytes(self, slanted: int) -> int:
        """Bytes of the spectra of all bins and of `slanted` skews, without inner parts, which take a third more."""
        size = 4 * (self.grid.padded_width // 2 + 1) * self.grid.padded_height * 8
        return len(self._bins) * size + slanted * size // 4 ** (self.finest_skew_octave - self.grid.octave)

    def bin_spectrum(self, index: int, coarseness: int) -> Float[Tensor, "4 x twohp"]:
        """Spectrum of the bin at this index of the group."""
        if coarseness not in self._bin_spectra:
            self._bin_spectra[coarseness] = (
                self._all_bins() if coarseness == 1 else [cropped(spectrum, coarseness) for spectrum in self._finest()]
            )
        return self._bin_spectra[coarseness][index]

    def skew_spectrum(self, index: int, coarseness: int) -> Float[Tensor, "4 x twohp"]:
        """Spectrum of ∇·(content ∇D) of the bin at this index."""
        if (index, coarseness) not in self._skew_spectra:
            divergence = self._surfaces.flux_divergence(self._bins[index].number)
            # The content goes on beyond the picture's edge, and its flux alike: nothing diverges there.
            spectrum = spectra(divergence[None], self.grid, self._margin, self._rows_shifted, repeats_edges=False)[0]
            self._skew_spectra[index, coarseness] = cropped(spectrum, coarseness).contiguous()
        return self._skew_spectra[index, coarseness]

    def spectrum(self, content: Float[Tensor, "4 h w"], rows: slice) -> Float[Tensor, "4 x twohp"]:
        """Spectrum of a picture whose content lies within these rows: some of the group's, or a row beyond."""
        return spectra(content[None], self.grid, self._margin, rows)[0]

    @property
    def _rows_shifted(self) -> slice:
        """The group's rows, and the next ones, to which slopes shift some of its content."""
        return slice(max(self._rows.start - 1, 0), min(self._rows.stop + 1, self._surfaces.height))

    def release(self) -> None:
        """Free all spectra; they are computed again when needed."""
        self._bin_spectra.clear()
        self._skew_spectra.clear()

    def _finest(self) -> list[Tensor]:
        self.bin_spectrum(0, 1)
        return self._bin_spectra[1]

    def _all_bins(self) -> list[Tensor]:
        """For each bin, its spectrum [4, X, 2 H']. A CPU transforms one bin at a time, to stay in its caches."""
        if self._surfaces.device.type == "cuda":
            pictures = self._surfaces.pictures([b.number for b in self._bins])
            return list(spectra(pictures, self.grid, self._margin, self._rows))
        return [spectra(self._surfaces.pictures([b.number]), self.grid, self._margin, b.rows)[0] for b in self._bins]
