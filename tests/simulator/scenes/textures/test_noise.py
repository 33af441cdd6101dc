"""Noise: the same numbers everywhere, evenly spread, periodic."""

from __future__ import annotations

import torch

from simulator.scenes.textures.noise import cellular, fractal, hash_uniform, mix_seeds

FROZEN = [0.303596, 0.539602, 0.36477, 0.92045, 0.329547]


def test_hashed_values_are_the_same_on_every_machine() -> None:
    assert [round(float(v), 6) for v in hash_uniform(torch.tensor([0, 1, 2, -1, 10**12]), 7)] == FROZEN


def test_hashed_values_are_uniform_and_differ_between_seeds() -> None:
    values = hash_uniform(torch.arange(20_000), 3)
    counts = torch.histc(values, bins=10, min=0.0, max=1.0)
    assert ((counts - 2000).abs() < 200).all()  # 4.7 standard deviations of a binomial count
    other = hash_uniform(torch.arange(20_000), 4)
    assert abs(float(torch.corrcoef(torch.stack([values, other]))[0, 1])) < 0.03  # 4 standard deviations


def test_neighboring_seeds_are_unrelated() -> None:
    assert len({mix_seeds(a, b) for a in range(30) for b in range(30)}) == 900


def test_noise_has_no_seam() -> None:
    for picture in (fractal(48, 64, 7, 1, octaves=1), fractal(64, 64, 4, 2), cellular(60, 80, 9, 3).nearest):
        for dim in (0, 1):
            inside = picture.diff(dim=dim).abs().max()
            across = (picture.select(dim, 0) - picture.select(dim, -1)).abs().max()
            assert across <= 1.2 * inside


def test_fractal_noise_is_centered_and_keeps_its_range() -> None:
    picture = fractal(128, 128, 8, 5)
    assert abs(float(picture.mean())) < 0.15
    assert 0.25 < float(picture.std()) < 0.8
    assert float(picture.abs().max()) < 2.0
