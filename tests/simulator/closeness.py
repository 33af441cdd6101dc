"""How tests compare: one function that reports where two tensors differ most, not only that they do."""

from __future__ import annotations

import torch
from torch import Tensor


def assert_close(actual: Tensor, expected: Tensor, *, atol: float, what: str) -> None:
    """Largest absolute difference <= atol; the error names the worst place and both values there."""
    if actual.shape != expected.shape:
        raise AssertionError(f"{what}: shape {list(actual.shape)} instead of {list(expected.shape)}")
    difference = (actual.double() - expected.double()).abs()
    if bool(torch.isnan(difference).any()):
        raise AssertionError(f"{what}: NaN in the difference")
    worst = float(difference.max())
    if worst > atol:
        place = tuple(int(i) for i in torch.unravel_index(difference.argmax(), difference.shape))
        raise AssertionError(
            f"{what}: off by {worst:.3g} > {atol:.3g} at {place}: {float(actual[place]):.6g}"
            f" instead of {float(expected[place]):.6g}"
        )
