"""Σ_l bin_l · spot_l: the spectra of a group's bins, each times its spot's, summed before the one inverse transform.

Letters: L bins; n lenses; c channels; k spots to a lens; X, H' frequencies of the sum's grid.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

import torch
from jaxtyping import Complex
from torch import Tensor

from simulator.scatter.inner_spectrum import outer
from simulator.scatter.spread_bin import SpreadBin


def spread_sum(
    lenses: Sequence[Sequence[SpreadBin]], channels: slice, spots: slice, coarseness: int
) -> Complex[Tensor, "n c x hp"]:
    """For each of n lenses, the sum of its bins on a grid `coarseness` times coarser than theirs.

    Of some of the 4 channels through some of the k spots: as many spots as channels, or one for all, or one channel
    through all spots. Each lens has the same bins, each within the part of its spectrum that its spot takes.
    """
    first = lenses[0][0]
    if first.spectrum.is_cuda and not first.spots.is_complex and (kernel := _kernel()):
        return kernel.spread_sum(lenses, channels, spots, coarseness)
    return spread_sum_by_torch(lenses, channels, spots, coarseness)


def spread_sum_by_torch(
    lenses: Sequence[Sequence[SpreadBin]], channels: slice, spots: slice, coarseness: int
) -> Complex[Tensor, "n c x hp"]:
    """What every device can do, and the kernel's twin."""
    sums = [_summed(bins, channels, spots, coarseness) for bins in lenses]
    return sums[0][None] if len(sums) == 1 else torch.stack(sums)


def _summed(bins: Sequence[SpreadBin], channels: slice, spots: slice, coarseness: int) -> Complex[Tensor, "c x hp"]:
    """Bin by bin, the coarsest first: the sum grows with them."""
    total: Tensor | None = None
    at = coarseness
    for whole, mix, own in sorted(bins, key=lambda spread: -spread.coarseness):
        spectrum, spot = whole[channels], mix.mixed[spots]
        if mix.is_complex:
            spectrum = torch.view_as_complex(spectrum.unflatten(-1, (-1, 2)))  # [c, X, H']
        total = spectrum * spot if total is None else outer(total, at // own).addcmul_(spectrum, spot)
        at = own
    assert total is not None
    total = outer(total, at // coarseness)
    return total if total.is_complex() else torch.view_as_complex(total.unflatten(-1, (-1, 2)))


@lru_cache(maxsize=1)
def _kernel() -> Any:
    """The module of the kernel, where Triton, which comes with torch for CUDA, finds the C compiler that it needs."""
    has_compiler = bool(os.environ.get("CC") or shutil.which("gcc") or shutil.which("clang"))
    if not (has_compiler and find_spec("triton")):
        return None
    from simulator.scatter import spread_sum_triton  # needs Triton, which only GPU builds of torch bring

    return spread_sum_triton
