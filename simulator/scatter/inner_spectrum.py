"""The inner part of a spectrum: what a grid 2, 4 or 8 times coarser can hold of it.

Letters: X = W'/2 + 1 frequencies along x, which come first; H' along y, or 2 H' numbers where each stands as a pair.
"""

from __future__ import annotations

import torch
from jaxtyping import Inexact
from torch import Tensor


def inner(spectrum: Inexact[Tensor, "*n x hp"], coarseness: int) -> Inexact[Tensor, "*n xf hf"]:
    """The part of spectra that a grid `coarseness` times coarser can hold: low frequencies of both signs."""
    x = (spectrum.shape[-2] - 1) // coarseness + 1
    return inner_rows(spectrum[..., :x, :], coarseness)


def inner_rows(spectrum: Inexact[Tensor, "*n x hp"], coarseness: int) -> Inexact[Tensor, "*n x hf"]:
    """The same along y alone."""
    if coarseness == 1:
        return spectrum
    half = spectrum.shape[-1] // coarseness // 2
    return torch.cat([spectrum[..., :half], spectrum[..., -half:]], dim=-1)


def outer(spectrum: Inexact[Tensor, "*n xf hf"], times: int) -> Inexact[Tensor, "*n x hp"]:
    """The reverse: a spectrum `times` as fine, dark where `inner` did not look."""
    if times == 1:
        return spectrum
    x, whole = (spectrum.shape[-2] - 1) * times + 1, spectrum.shape[-1] * times
    half = spectrum.shape[-1] // 2
    result = spectrum.new_zeros(*spectrum.shape[:-2], x, whole)
    result[..., : spectrum.shape[-2], :half] = spectrum[..., :half]
    result[..., : spectrum.shape[-2], -half:] = spectrum[..., half:]
    return result
