"""Settings of the sampler, apart from it: the command line needs them and must not wait for torch."""

from dataclasses import dataclass
from typing import Literal

from pipelines.errors import require


@dataclass(frozen=True)
class SamplerConfig:
    """How the equation is solved."""

    steps: int = 8
    """Steps from noise to picture; Heun's method runs the model twice in each but the last."""
    solver: Literal["heun", "euler"] = "heun"
    """heun: second order. euler: first order, half the work."""
    guidance: float = 1.0
    """Classifier-free guidance: above 1 exaggerates focus and blur; 1 is the model as trained, at half the work."""

    def __post_init__(self) -> None:
        require(1 <= self.steps <= 1000, "--steps", "lie between 1 and 1000", self.steps)
        require(0.0 <= self.guidance <= 20.0, "--guidance", "lie in [0, 20]", self.guidance)
