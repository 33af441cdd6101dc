"""Spectra of what a depth group holds: of its bins, of their skew on slopes, and of other content on the same grid.

They are made when a frame asks for them; their inner parts, for coarser octaves, are cut from the whole.
Letters: X, H' frequencies along x and y; coarseness f, a power of two.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

from simulator.layers.bins import BinnedSurfaces
from simulator.scatter.convolve import spectra
from simulator.scatter.inner_spectrum import inner
from simulator.scatter.octave import OctaveGrid


class Bin(NamedTuple):
    """One disparity bin of a group.

    number:    among the scene's bins.
    is_sharp:  whether it holds light whose disc shows its rim: such a bin is drawn on the finest grid.
    rows:      of the pictures, those that hold anything.
    variance:  in disparity², what sharing pixels with the next bins adds.
    slope2:    mean of |∇D|² over its coverage.
    """

    number: int
    disparity: float
    is_sharp: bool
    rows: slice
    variance: float = 0.0
    slope2: float = 0.0


class GroupSpectra:
    """Spectra of the bins of one group, on the part of the frame that the group can reach."""

    def __init__(self, bins: Sequence[Bin], surfaces: BinnedSurfaces, margin: int, frame: OctaveGrid) -> None:
        """margin: of the pictures. frame: the grid of the whole frame."""
        self._bins, self._surfaces, self._margin = bins, surfaces, margin
        self._rows = slice(min(b.rows.start for b in bins), max(b.rows.stop for b in bins))
        self.grid = frame.strip(*self.rows_held)
        self._of_bins: dict[int, list[Tensor]] = {}
        self._of_skews: dict[tuple[int, int], Tensor] = {}

    @property
    def rows_held(self) -> tuple[int | None, int | None]:
        """First and end row with content, in cells of the frame; None where content reaches the picture's edge."""
        first = self._rows.start - self._margin if self._rows.start else None
        return first, self._rows.stop - self._margin if self._rows.stop < self._surfaces.height else None

    @property
    def nbytes(self) -> int:
        """What the bins' spectra take, in bytes; their inner parts, a third more, left out."""
        return len(self._bins) * 4 * (self.grid.padded_width // 2 + 1) * self.grid.padded_height * 8

    def of_bin(self, place: int, coarseness: int) -> Float[Tensor, "4 x twohp"]:
        """Of the bin at this place of the group."""
        if coarseness not in self._of_bins:
            self._of_bins[coarseness] = (
                self._all_bins() if coarseness == 1 else [inner(whole, coarseness) for whole in self._at_finest()]
            )
        return self._of_bins[coarseness][place]

    def of_skew(self, place: int, coarseness: int) -> Float[Tensor, "4 x twohp"]:
        """Of ∇·(content ∇D) of the bin at this place."""
        if (place, coarseness) not in self._of_skews:
            whole = self.of_content(self._surfaces.flux_divergence(self._bins[place].number))
            self._of_skews[place, coarseness] = inner(whole, coarseness).contiguous()
        return self._of_skews[place, coarseness]

    def of_content(self, content: Float[Tensor, "4 h w"]) -> Float[Tensor, "4 x twohp"]:
        """Of a picture within the group's rows."""
        return spectra(content[None], self.grid, self._margin, self._rows)[0]

    def release(self) -> None:
        """Free all spectra; they are computed again when needed."""
        self._of_bins.clear()
        self._of_skews.clear()

    def _at_finest(self) -> list[Tensor]:
        self.of_bin(0, 1)
        return self._of_bins[1]

    def _all_bins(self) -> list[Tensor]:
        """Of each bin, [4, X, 2 H']. On a CPU one by one: large pieces leave its caches."""
        if self._surfaces.bins.device.type == "cuda":
            pictures = self._surfaces.pictures([b.number for b in self._bins])
            return list(spectra(pictures, self.grid, self._margin, self._rows))
        return [spectra(self._surfaces.pictures([b.number]), self.grid, self._margin, b.rows)[0] for b in self._bins]
