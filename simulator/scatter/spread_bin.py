"""One disparity bin of a depth group, ready to be summed: its spectrum and the spectra of its spots."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from simulator.scatter.spot_spectra import SpotMix


class SpreadBin(NamedTuple):
    """A bin's spectrum [4, X/f, 2 H'/f], pairs of real numbers, and its spots' for one lens, f = coarseness.

    f counts from the grid of the group, as the coarseness of the sum does, which is no larger.
    """

    spectrum: Tensor
    spots: SpotMix
    coarseness: int
