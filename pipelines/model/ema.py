"""Averaged weights: those that refocus."""

from __future__ import annotations

from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel


def averaged(model: nn.Module, decay: float) -> AveragedModel:
    """Exponential moving average of the weights; `update_parameters(model)` after every step.

    In step n the decay is min(decay, (1 + n) / (10 + n)), so that the first weights, which are noise, fade at once.
    """

    def average(mean: Tensor, weight: Tensor, count: Tensor | int) -> Tensor:
        n = float(count)
        return mean.lerp(weight, 1.0 - min(decay, (1.0 + n) / (10.0 + n)))

    return AveragedModel(model, avg_fn=average)
