"""Exponential moving average of the weights; refocusing uses the average."""

from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel


def averaged(model: nn.Module, decay: float) -> AveragedModel:
    """A model with averaged weights; call `update_parameters(model)` after every step.

    m ← d·m + (1 − d)·w with d = min(decay, (1 + n) / (10 + n)) in step n: the random initial weights
    fade early.
    """

    def average(mean: Tensor, weight: Tensor, count: Tensor | int) -> Tensor:
        n = float(count)
        return mean.lerp(weight, 1.0 - min(decay, (1.0 + n) / (10.0 + n)))

    return AveragedModel(model, avg_fn=average)
