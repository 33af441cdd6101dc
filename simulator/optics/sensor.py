"""Sensor noise: photon noise and read noise.

Letters: W full well, electrons at white; x linear light, 1 is white; σ read noise, electrons.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class SensorNoise:
    """Variance x / W + (σ / W)² of a pixel, in linear light (EMVA 1288, without dark current).

    full_well_electrons: W > 0, or 0 for a sensor without noise; read_noise_electrons: σ >= 0.
    """

    full_well_electrons: float = 0.0
    read_noise_electrons: float = 0.0

    def __post_init__(self) -> None:
        for name in ("full_well_electrons", "read_noise_electrons"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{name} must be finite and >= 0, got {value}")

    def apply(self, light: Float[Tensor, "3 h w"], generator: torch.Generator) -> Float[Tensor, "3 h w"]:
        """Light with noise, never negative. A CPU generator gives the same noise on every device.

        Photon noise is drawn from a normal distribution with the variance of the Poisson distribution: the two agree
        within a percent from 20 electrons up.
        """
        if self.full_well_electrons == 0:
            return light
        w = self.full_well_electrons
        deviation = (light.clamp(min=0.0) / w + (self.read_noise_electrons / w) ** 2).sqrt()
        normal = torch.randn(light.shape, generator=generator).to(light.device)
        return (light + deviation * normal).clamp(min=0.0)
