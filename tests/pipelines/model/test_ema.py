from __future__ import annotations

import pytest
import torch
from torch import nn

from pipelines.model.ema import averaged


def test_the_average_follows_its_recursion() -> None:
    """m ← d·m + (1 − d)·w with d = min(decay, (1 + n) / (10 + n)), n counted from the first update after the copy."""
    model = nn.Linear(1, 1, bias=False)
    model.weight.data.fill_(1.0)
    average = averaged(model, 0.3)
    values, expected = [2.0, -1.0, 5.0, 5.0, 0.5], 2.0  # the first update copies
    for count, value in enumerate(values):
        model.weight.data.fill_(value)
        average.update_parameters(model)
        if count:
            decay = min(0.3, (1 + count) / (10 + count))
            expected = decay * expected + (1 - decay) * value
        assert float(average.module.weight.detach()) == pytest.approx(expected)


def test_weights_that_stand_still_are_their_average() -> None:
    model = nn.Linear(3, 2)
    average = averaged(model, 0.999)
    for _ in range(5):
        average.update_parameters(model)
    torch.testing.assert_close(average.module.state_dict(), model.state_dict())
