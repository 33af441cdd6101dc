"""Exponential moving average of the weights; refocusing uses the average."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel


def averaged(model: nn.Module, decay: float) -> AveragedModel:
    """A model with averaged weights; call `update_parameters(model)` after every step.

    m ← d·m + (1 − d)·w with d = min(decay, (1 + n) / (10 + n)) in step n: the random initial weights
    fade early. Move `.module` to a device and leave the counter on the CPU.
    """

    def blend(means: Any, weights: Any, count: Tensor | int) -> None:
        n = float(average.n_averaged)  # `count` may be a copy on the GPU, and reading it would wait for the GPU
        torch._foreach_lerp_(means, weights, 1.0 - min(decay, (1.0 + n) / (10.0 + n)))

    average = AveragedModel(model, multi_avg_fn=blend)
    return average
