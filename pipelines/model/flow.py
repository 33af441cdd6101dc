"""Rectified flow with a network that predicts the clean picture.

Letters: x the picture, ε unit normal noise, t in [0, 1] the time (0 noise, 1 picture), z_t the noisy picture, v the
velocity; x̂ and v̂ are predictions.

    z_t = t·x + (1 − t)·ε                    a straight line from noise to picture (Liu et al. 2022, arXiv 2209.03003)
    v   = dz_t/dt = x − ε = (x − z_t) / (1 − t)
    loss = ‖v̂ − v‖² = ‖x̂ − x‖² / (1 − t)²   the network gives x̂, the loss is that of v̂ (Li and He, "Back to Basics: Let
                                            Denoising Generative Models Denoise", 2025, arXiv 2511.13720, table 1)

The loss clamps 1 − t at MIN_TIME_LEFT, as the paper does: otherwise its weight diverges at t = 1. The sampler never
divides by less than one of its steps and needs no clamp.
"""

from jaxtyping import Float
from torch import Tensor

MIN_TIME_LEFT = 0.05


def add_noise(
    picture: Float[Tensor, "*b c h w"], noise: Float[Tensor, "*b c h w"], time: Float[Tensor, "*b"]
) -> Tensor:
    """z_t, of the shape of `picture`; each picture has its own time."""
    t = time[..., None, None, None]  # [*B, 1, 1, 1]
    return t * picture + (1.0 - t) * noise


def velocity(prediction: Tensor, noisy: Tensor, time: Tensor) -> Tensor:
    """v̂ = (x̂ − z_t) / (1 − t) for t < 1; shapes as in `add_noise`."""
    return (prediction - noisy) / (1.0 - time)[..., None, None, None]


def velocity_weight(time: Tensor) -> Tensor:
    """1 / (1 − t)², the weight of a squared error of x̂ as one of v̂. Any shape."""
    return 1.0 / (1.0 - time).clamp(min=MIN_TIME_LEFT).square()


def flow_loss(
    prediction: Float[Tensor, "*b c h w"], truth: Float[Tensor, "*b c h w"], time: Float[Tensor, "*b"]
) -> Float[Tensor, "*b"]:
    """‖v̂ − v‖², the mean over the pixels of each picture."""
    return velocity_weight(time) * (prediction - truth).square().mean((-3, -2, -1))
