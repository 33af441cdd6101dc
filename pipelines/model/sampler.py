"""From noise to a picture: Euler's or Heun's method on the flow's differential equation, with guidance.

Letters: z the noisy picture at time t (0 noise, 1 picture), v̂ = (x̂ − z) / (1 − t) the velocity (flow.py), g guidance.

    Euler   z' = z + Δt·v̂(z, t)
    Heun    z' = z + Δt·(v̂(z, t) + v̂(z + Δt·v̂(z, t), t + Δt)) / 2     (second order)
    classifier-free guidance   x̂ = x̂_uncond + g·(x̂_cond − x̂_uncond)    (Ho and Salimans 2022, arXiv 2207.12598)

The last step is Euler's step to t = 1, which gives x̂ itself; a velocity at t = 1 would divide by zero.
"""

import dataclasses
from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn

from pipelines.model.condition import Condition
from pipelines.model.flow import velocity
from pipelines.model.sampler_config import SamplerConfig

Denoiser = Callable[[Tensor, Tensor], Tensor]
"""z [N, 3, H, W] and t [N] -> x̂ [N, 3, H, W]."""


def sample(denoise: Denoiser, noise: Tensor, config: SamplerConfig) -> Tensor:
    """Solve from `noise` [N, 3, H, W] at t = 0 to pictures [N, 3, H, W] at t = 1."""
    times = torch.linspace(0.0, 1.0, config.steps + 1).tolist()
    z = noise
    for t, t_next in pairwise(times[:-1]):
        slope = _velocity(denoise, z, t)
        z_next = z + (t_next - t) * slope
        if config.solver == "heun":
            z_next = z + (t_next - t) * (slope + _velocity(denoise, z_next, t_next)) / 2
        z = z_next
    return denoise(z, _filled(z, times[-2]))


def guided(model: nn.Module, condition: Condition, guidance: float) -> Denoiser:
    """The model under a condition, with classifier-free guidance; at guidance 1 the model runs once per call."""
    if guidance == 1.0:
        return lambda z, time: _picture(model, z, time, condition)
    unconditional = dataclasses.replace(condition, is_unconditional=torch.ones_like(condition.is_unconditional))

    def denoise(z: Tensor, time: Tensor) -> Tensor:
        free = _picture(model, z, time, unconditional)
        return free + guidance * (_picture(model, z, time, condition) - free)

    return denoise


def _picture(model: nn.Module, z: Tensor, time: Tensor, condition: Condition) -> Tensor:
    """x̂ without the blur map that some networks add."""
    output: Tensor = model(z, time, condition)
    return output[:, :3]


def seeded_noise(shape: tuple[int, ...], seed: int, device: torch.device | str) -> Tensor:
    """Unit normal noise, drawn on the CPU and thus the same on every device."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(device)


def _velocity(denoise: Denoiser, z: Tensor, t: float) -> Tensor:
    time = _filled(z, t)
    return velocity(denoise(z, time), z, time)


def _filled(z: Tensor, t: float) -> Tensor:
    return torch.full((z.shape[0],), t, device=z.device)
