"""The inner part of a spectrum: the frequencies that a grid 2, 4 or 8 times coarser can represent.

Letters: X = W'/2 + 1 frequencies along x, which come first; H' along y, or 2 H' numbers where each stands as a pair.
"""

from __future__ import annotations

import torch
from jaxtyping import Inexact
from torch import Tensor


def cropped(spectrum: Inexact[Tensor, "*n x hp"], coarseness: int) -> Inexact[Tensor, "*n xf hf"]:
    """The frequencies, of both signs, that a grid `coarseness` times coarser can represent."""
    x = (spectrum.shape[-2] - 1) // coarseness + 1
    return cropped_rows(spectrum[..., :x, :], coarseness)


def cropped_rows(spectrum: Inexact[Tensor, "*n x hp"], coarseness: int) -> Inexact[Tensor, "*n x hf"]:
    """Spectra cropped along y alone."""
    if coarseness == 1:
        return spectrum
    half = spectrum.shape[-1] // coarseness // 2
    return torch.cat([spectrum[..., :half], spectrum[..., -half:]], dim=-1)


def zero_padded(spectrum: Inexact[Tensor, "*n xf hf"], factor: int) -> Inexact[Tensor, "*n x hp"]:
    """The reverse of `cropped`: spectra of a grid `factor` times finer, 0 at the added frequencies."""
    if factor == 1:
        return spectrum
    x, y = (spectrum.shape[-2] - 1) * factor + 1, spectrum.shape[-1] * factor
    half = spectrum.shape[-1] // 2
    result = spectrum.new_zeros(*spectrum.shape[:-2], x, y)
    result[..., : spectrum.shape[-2], :half] = spectrum[..., :half]
    result[..., : spectrum.shape[-2], -half:] = spectrum[..., half:]
    return result
