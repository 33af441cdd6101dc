from __future__ import annotations

import torch

from simulator.optics.color import linear_to_srgb, srgb_to_linear
from tests.simulator.closeness import assert_close


def test_known_values_of_the_standard() -> None:
    srgb = torch.tensor([0.0, 0.04045, 0.5, 1.0], dtype=torch.float64)
    linear = torch.tensor([0.0, 0.0031308049535, 0.2140411405, 1.0], dtype=torch.float64)
    assert_close(srgb_to_linear(srgb), linear, atol=1e-9, what="IEC 61966-2-1")


def test_each_undoes_the_other_also_above_white() -> None:
    srgb = torch.linspace(0.0, 3.0, 5001, dtype=torch.float64)
    assert_close(linear_to_srgb(srgb_to_linear(srgb)), srgb, atol=2e-7, what="there and back")  # the knees differ


def test_every_8_bit_value_survives_float32() -> None:
    values = torch.arange(256)
    back = (linear_to_srgb(srgb_to_linear(values.float() / 255)) * 255).round().long()
    assert torch.equal(back, values)
