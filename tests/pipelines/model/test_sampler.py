from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from pipelines.errors import UserError
from pipelines.model.condition import Condition
from pipelines.model.sampler import guided, sample, seeded_noise
from pipelines.model.sampler_config import SamplerConfig

SHAPE = (2, 3, 4, 5)
NOISE = seeded_noise(SHAPE, 1, "cpu").double()


@pytest.mark.parametrize("solver", ["heun", "euler"])
@pytest.mark.parametrize("steps", [1, 2, 7])
def test_a_model_that_knows_the_picture_gives_it(solver: str, steps: int) -> None:
    """With x̂ = x at every time the way is a straight line, which both methods follow exactly."""
    picture = seeded_noise(SHAPE, 2, "cpu").double()
    config = SamplerConfig(steps, solver)  # type: ignore[arg-type]
    torch.testing.assert_close(sample(lambda z, time: picture, NOISE, config), picture)


def gaussian(z: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
    """The best guess x̂ = E[x | z] for pictures that are themselves normal with deviation s = 0.5, mean 0:

    z = t·x + (1 − t)·ε, so x̂ = t·s² / (t²·s² + (1 − t)²)·z.
    """
    t = time[:, None, None, None]
    return t * 0.25 / (t**2 * 0.25 + (1 - t) ** 2) * z


def error(steps: int, solver: str) -> float:
    """Distance to the exact solution: z keeps its place among the deviations, so x = s·ε at t = 1."""
    made = sample(gaussian, NOISE, SamplerConfig(steps, solver))  # type: ignore[arg-type]
    return float((made - 0.5 * NOISE).abs().max())


def test_heun_is_of_second_order_and_euler_of_first() -> None:
    """Twice the steps: a quarter of the error, and half of it; measured orders 2.04 and 0.99."""
    heun, euler = (math.log2(error(40, solver) / error(80, solver)) for solver in ("heun", "euler"))
    assert heun == pytest.approx(2.0, abs=0.1)
    assert euler == pytest.approx(1.0, abs=0.1)
    assert error(20, "heun") < error(40, "euler")


class TwoMinds(nn.Module):
    """Says 1 when it is told the condition, -1 when it is withheld."""

    calls = 0

    def forward(self, z: torch.Tensor, time: torch.Tensor, condition: Condition) -> torch.Tensor:
        self.calls += 1
        said = torch.where(condition.is_unconditional, -1.0, 1.0)
        return said[:, None, None, None].expand_as(z)


def given() -> Condition:
    nothing = torch.zeros(2, 1, 4, 5)
    row = torch.zeros(2)
    told = torch.zeros(2, dtype=torch.bool)
    return Condition(NOISE.float(), nothing, nothing, torch.zeros(2, 2), row, row + 1, told, nothing, nothing, nothing)


@pytest.mark.parametrize(("guidance", "expected", "calls"), [(1.0, 1.0, 1), (3.0, 5.0, 2), (0.0, -1.0, 2)])
def test_guidance_goes_beyond_the_condition(guidance: float, expected: float, calls: int) -> None:
    model = TwoMinds()
    made = guided(model, given(), guidance)(NOISE.float(), torch.zeros(2))
    assert float(made.mean()) == pytest.approx(expected)
    assert model.calls == calls


def test_noise_is_the_seed_s() -> None:
    torch.testing.assert_close(seeded_noise(SHAPE, 3, "cpu"), seeded_noise(SHAPE, 3, "cpu"))
    assert not torch.equal(seeded_noise(SHAPE, 3, "cpu"), seeded_noise(SHAPE, 4, "cpu"))


@pytest.mark.parametrize(("settings", "said"), [({"steps": 0}, "--steps must lie"), ({"guidance": -1.0}, "--guidance")])
def test_settings_out_of_range_are_named(settings: dict[str, float], said: str) -> None:
    with pytest.raises(UserError, match=said):
        SamplerConfig(**settings)  # type: ignore[arg-type]
