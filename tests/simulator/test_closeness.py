from __future__ import annotations

import pytest
import torch

from tests.simulator.closeness import assert_close


def test_equal_tensors_pass() -> None:
    assert_close(torch.ones(2, 3), torch.ones(2, 3), atol=0.0, what="ones")


def test_the_worst_place_is_named() -> None:
    actual = torch.zeros(2, 3)
    actual[1, 2] = 0.5
    with pytest.raises(AssertionError, match=r"zeros: off by 0.5 > 0.1 at \(1, 2\): 0.5 instead of 0"):
        assert_close(actual, torch.zeros(2, 3), atol=0.1, what="zeros")


def test_shapes_must_agree() -> None:
    with pytest.raises(AssertionError, match=r"shape \[2\] instead of \[3\]"):
        assert_close(torch.zeros(2), torch.zeros(3), atol=1.0, what="x")


def test_nan_never_passes() -> None:
    with pytest.raises(AssertionError, match="NaN"):
        assert_close(torch.tensor([float("nan")]), torch.zeros(1), atol=1e9, what="x")
