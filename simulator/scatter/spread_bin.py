"""One disparity bin of a depth group, ready to be summed: its spectrum and the spectra of its spots."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from simulator.scatter.spot_spectra import SpotMix


class SpreadBin(NamedTuple):
    """A bin's spectrum [4, X/f, 2 H'/f] as pairs of real numbers, and the spectra of its spots for one lens.

    coarseness: f, how many times coarser than the group's grid this spectrum is; no smaller than that of the sum.
    """

    spectrum: Tensor
    spots: SpotMix
    coarseness: int
