from __future__ import annotations

import math

import pytest
import torch

from simulator.optics.sensor import SensorNoise


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("level", [0.05, 0.5, 4.0])
def test_the_variance_is_that_of_photons_and_reading(level: float) -> None:
    light = torch.full((3, 200, 200), level)
    noisy = SensorNoise(1000.0, 4.0).apply(light, seeded(1))
    expected = level / 1000 + (4.0 / 1000) ** 2
    # 120,000 pixels: the variance is known within 0.4 %
    assert float(noisy.var()) == pytest.approx(expected, rel=0.02)
    assert float(noisy.mean()) == pytest.approx(level, abs=4 * math.sqrt(expected / 120_000))


def test_the_same_seed_is_the_same_noise_and_no_well_is_none() -> None:
    light = torch.rand(3, 8, 8, generator=seeded(0))
    noise = SensorNoise(500.0, 2.0)
    assert torch.equal(noise.apply(light, seeded(3)), noise.apply(light, seeded(3)))
    assert not torch.equal(noise.apply(light, seeded(3)), noise.apply(light, seeded(4)))
    assert SensorNoise().apply(light, seeded(3)) is light
    assert float(SensorNoise(2.0, 9.0).apply(light * 0, seeded(3)).min()) == 0.0


def test_numbers_that_make_no_sense() -> None:
    with pytest.raises(ValueError, match="full_well_electrons must be finite and >= 0"):
        SensorNoise(-1.0)
    with pytest.raises(ValueError, match="read_noise_electrons must be finite"):
        SensorNoise(1.0, math.nan)
