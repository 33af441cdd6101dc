"""From noise to a picture: the flow's differential equation, solved by Euler's or Heun's method, with guidance.

Letters: z the canvas at time t (0 noise, 1 picture), v̂ = (x̂ − z) / (1 − t) the velocity (train/flow.py), g guidance.

    Euler   z' = z + Δt·v̂(z, t)
    Heun    z' = z + Δt·(v̂(z, t) + v̂(z + Δt·v̂(z, t), t + Δt)) / 2     (second order)
    guided  x̂  = x̂_without + g·(x̂_with − x̂_without)                     (Ho and Salimans 2022, arXiv 2207.12598)

The last step is Euler's to t = 1, which lands on x̂ itself: there the velocity would divide by nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

from pipelines.errors import UserError
from pipelines.model.dit import Condition
from pipelines.model.flow import velocity

Predict = Callable[[Tensor, Tensor], Tensor]
"""z [N, 3, H, W] and t [N] -> x̂ [N, 3, H, W]."""


@dataclass(frozen=True)
class SamplerConfig:
    """How the equation is solved."""

    steps: int = 8
    """Steps from noise to picture; Heun's method asks the model twice in each but the last."""
    solver: Literal["heun", "euler"] = "heun"
    """heun: second order. euler: first order, half the work."""
    guidance: float = 1.0
    """Above 1 exaggerates what focus point and blur level ask for; 1 is what was learnt, and half the work."""

    def __post_init__(self) -> None:
        if not 1 <= self.steps <= 1000:
            raise UserError(f"--steps must lie between 1 and 1000; got {self.steps}")
        if not 0.0 <= self.guidance <= 20.0:
            raise UserError(f"--guidance must lie in [0, 20]; got {self.guidance}")


def sample(predict: Predict, noise: Tensor, config: SamplerConfig) -> Tensor:
    """Solve from `noise` [N, 3, H, W] at t = 0 to pictures at t = 1."""
    times = torch.linspace(0.0, 1.0, config.steps + 1).tolist()
    canvas = noise
    for t, t_next in pairwise(times[:-1]):
        slope = _slope(predict, canvas, t)
        ahead = canvas + (t_next - t) * slope
        if config.solver == "heun":
            ahead = canvas + (t_next - t) * (slope + _slope(predict, ahead, t_next)) / 2
        canvas = ahead
    return predict(canvas, _filled(canvas, times[-2]))


def guided(model: nn.Module, condition: Condition, guidance: float) -> Predict:
    """The model's x̂ under a condition; at guidance 1 the model is asked once."""
    if guidance == 1.0:
        return lambda canvas, time: model(canvas, time, condition)
    without = dataclasses.replace(condition, is_withheld=torch.ones_like(condition.is_withheld))

    def predict(canvas: Tensor, time: Tensor) -> Tensor:
        free = model(canvas, time, without)
        return free + guidance * (model(canvas, time, condition) - free)

    return predict


def seeded_noise(shape: tuple[int, ...], seed: int, device: torch.device | str) -> Tensor:
    """Unit normal, the same on every device: drawn on the CPU."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(device)


def _slope(predict: Predict, canvas: Tensor, t: float) -> Tensor:
    time = _filled(canvas, t)
    return velocity(predict(canvas, time), canvas, time)


def _filled(canvas: Tensor, t: float) -> Tensor:
    return torch.full((canvas.shape[0],), t, device=canvas.device)
