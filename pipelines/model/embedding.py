"""A number as channels: time, or the blur level."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

TIME_UNIT = 1000.0
BLUR_UNIT = 100.0
_MAX_PERIOD = 10_000.0


class SinusoidalMLP(nn.Module):
    """Embeds a number in C channels: cosines and sines of 32 frequencies, then two layers."""

    def __init__(self, width: int, frequencies: int = 32) -> None:
        super().__init__()
        self.frequencies = frequencies
        self.fc1, self.fc2 = nn.Linear(2 * frequencies, width), nn.Linear(width, width)

    def forward(self, value: Float[Tensor, " n"]) -> Float[Tensor, "n c"]:
        """[N] -> [N, C]."""
        steps = torch.arange(self.frequencies, device=value.device, dtype=torch.float32)  # [32]
        angles = value.float()[:, None] * torch.exp(-math.log(_MAX_PERIOD) * steps / self.frequencies)  # [N, 32]
        waves = torch.cat([angles.cos(), angles.sin()], dim=-1)  # [N, 64]
        return self.fc2(functional.silu(self.fc1(waves)))  # [N, C]
