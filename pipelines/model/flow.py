"""Rectified flow with a network that predicts the picture.

Letters: x the picture, ε unit normal noise, t in [0, 1] the time (0 noise, 1 picture), z_t what the network sees,
v the velocity, x̂ and v̂ what is predicted.

    z_t = t·x + (1 − t)·ε                 straight from noise to picture (Liu et al. 2022, arXiv 2209.03003)
    v   = dz_t/dt = x − ε = (x − z_t) / (1 − t)
    loss = ‖v̂ − v‖² = ‖x̂ − x‖² / (1 − t)²  the network gives x̂, the loss weighs v̂ (Li and He, "Back to Basics: Let
                                          Denoising Generative Models Denoise", 2025, arXiv 2511.13720, table 1)

1 − t is held at LEAST_REST in the loss, as there: its weight would blow up where the picture is nearly there. The
sampler never divides by less than one of its own steps and needs no such care.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

LEAST_REST = 0.05


def noisy(picture: Float[Tensor, "*b c h w"], noise: Float[Tensor, "*b c h w"], time: Float[Tensor, "*b"]) -> Tensor:
    """z_t. `time` has a value for each picture."""
    t = time[..., None, None, None]
    return t * picture + (1.0 - t) * noise


def velocity(predicted: Tensor, noisy: Tensor, time: Tensor) -> Tensor:
    """v̂ = (x̂ − z_t) / (1 − t) for t < 1; shapes as in `noisy`."""
    return (predicted - noisy) / (1.0 - time)[..., None, None, None]


def velocity_weight(time: Tensor) -> Tensor:
    """1 / (1 − t)²: what an error of the picture counts as an error of the velocity. Any shape."""
    return 1.0 / (1.0 - time).clamp(min=LEAST_REST).square()


def flow_loss(
    predicted: Float[Tensor, "*b c h w"], picture: Float[Tensor, "*b c h w"], time: Float[Tensor, "*b"]
) -> Float[Tensor, "*b"]:
    """‖v̂ − v‖², the mean over the pixels of each picture."""
    return velocity_weight(time) * (predicted - picture).square().mean((-3, -2, -1))
