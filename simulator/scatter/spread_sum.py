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

from simulator.scatter.inner_spectrum import zero_padded
from simulator.scatter.spread_bin import SpreadBin


def spread_sum(
    lenses: Sequence[Sequence[SpreadBin]], channels: slice, spots: slice, coarseness: int
) -> Complex[Tensor, "n c x hp"]:
    """For each of n lenses, the sum of its bins on a grid `coarseness` times coarser than theirs.

    channels, spots: which of the 4 channels, and which of the k spots they pass. There are as many spots as channels,
    one spot for all channels, or all spots for one channel. All lenses have the same bins, each
    with the inner part of its spectrum that its spot passes.
    """
    first = lenses[0][0]
    if first.spectrum.is_cuda and not first.spots.is_complex and (kernel := _kernel()):
        return kernel.spread_sum(lenses, channels, spots, coarseness)
    return spread_sum_by_torch(lenses, channels, spots, coarseness)


def spread_sum_by_torch(
    lenses: Sequence[Sequence[SpreadBin]], channels: slice, spots: slice, coarseness: int
) -> Complex[Tensor, "n c x hp"]:
    """`spread_sum` by torch operations, on every device: also the twin of the kernel."""
    sums = [_summed(bins, channels, spots, coarseness) for bins in lenses]
    return sums[0][None] if len(sums) == 1 else torch.stack(sums)


def _summed(bins: Sequence[SpreadBin], channels: slice, spots: slice, coarseness: int) -> Complex[Tensor, "c x hp"]:
    """The sum for one lens, bin by bin; the coarsest first, so that the sum grows as finer ones are added."""
    total: Tensor | None = None
    current = coarseness
    for all_channels, mix, bin_coarseness in sorted(bins, key=lambda spread: -spread.coarseness):
        spectrum, spot = all_channels[channels], mix.mixed[spots]
        if mix.is_complex:
            spectrum = torch.view_as_complex(spectrum.unflatten(-1, (-1, 2)))  # [c, X, H']
        total = (
            spectrum * spot if total is None else zero_padded(total, current // bin_coarseness).addcmul_(spectrum, spot)
        )
        current = bin_coarseness
    assert total is not None
    total = zero_padded(total, current // coarseness)
    return total if total.is_complex() else torch.view_as_complex(total.unflatten(-1, (-1, 2)))


@lru_cache(maxsize=1)
def _kernel() -> Any:
    """The module of the Triton kernel; None without Triton, which comes with torch for CUDA, or a C compiler."""
    has_compiler = bool(os.environ.get("CC") or shutil.which("gcc") or shutil.which("clang"))
    if not (has_compiler and find_spec("triton")):
        return None
    from simulator.scatter import spread_sum_triton  # needs Triton, which only GPU builds of torch bring

    return spread_sum_triton
