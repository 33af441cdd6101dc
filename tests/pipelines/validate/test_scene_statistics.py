"""Statistics of pictures that are known beforehand."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.validate.scene_statistics import (
    Picture,
    flat_share,
    gradient_kurtosis,
    lies_low,
    place_share,
    spectrum_slope,
    table,
)


@pytest.mark.parametrize("slope", [-1.0, -2.0, -3.0])
def test_noise_of_a_known_spectrum_has_its_slope(slope: float) -> None:
    frequency = np.hypot(np.fft.fftfreq(256)[:, None], np.fft.fftfreq(384))
    frequency[0, 0] = 1.0
    slopes = []
    for seed in range(8):
        white = np.fft.fft2(np.random.default_rng(seed).normal(size=(256, 384)))
        luma = np.fft.ifft2(white * frequency ** (slope / 2)).real
        slopes.append([spectrum_slope(luma), spectrum_slope(luma, lowest=0.25)])
    whole, fine = np.mean(slopes, axis=0)  # each scatters by 0.06
    assert whole == pytest.approx(slope, abs=0.08)
    assert fine == pytest.approx(slope, abs=0.08)


def test_differences_of_a_known_distribution_have_its_kurtosis() -> None:
    rng = np.random.default_rng(1)
    for steps, expected in ((rng.normal(size=(300, 300)), 3.0), (rng.uniform(-1, 1, (300, 300)), 1.8)):
        assert gradient_kurtosis(steps.cumsum(axis=1)) == pytest.approx(expected, rel=0.03)


def test_only_pixels_without_a_step_are_flat() -> None:
    luma = np.zeros((101, 101))
    luma[:, 51:] = np.arange(50) * (2.0 / 255.0)
    assert flat_share(luma) == pytest.approx(0.51)  # 50 of 100 columns, and the first step of the ramp, which is 0


def test_position_explains_what_all_maps_of_a_kind_share() -> None:
    ramp = np.linspace(0.0, 1.0, 32)[:, None].repeat(48, axis=1)
    noise = np.random.default_rng(2).uniform(size=(6, 32, 48))
    assert place_share([("a", ramp)] * 3 + [("b", 1.0 - ramp)] * 3) == pytest.approx(1.0)
    assert place_share([("a", values) for values in noise]) == pytest.approx(
        -0.2, abs=0.02
    )  # 1 − 6/5: the mean of five is off
    assert lies_low(ramp)
    assert not lies_low(1.0 - ramp)


def test_the_table_names_every_kind() -> None:
    rng = np.random.default_rng(3)
    scenes = [Picture(rng.uniform(size=(64, 96)), rng.uniform(size=(64, 96)), kind) for kind in ("hills", "fence")]
    holes = np.where(scenes[0].disparity < 0.2, np.nan, scenes[0].disparity)
    photo = Picture(scenes[0].luma, holes, "photo")
    names = [line.split("|")[1].strip() for line in table(scenes, [photo]).splitlines()[2:]]
    assert names == ["built-in scenes", "hills", "fence", "photos"]
