"""Textures: reflectances of the asked size, the same for the same arguments, without a seam, never flat."""

from __future__ import annotations

import pytest
import torch

from simulator.scenes.textures.catalog import TEXTURES, texture


@pytest.mark.parametrize("name", TEXTURES)
def test_every_texture_is_a_reflectance_of_its_size_and_not_flat(name: str) -> None:
    picture = texture(name, 64, 96, seed=3)
    assert picture.shape == (3, 64, 96)
    assert picture.dtype == torch.float32
    assert torch.isfinite(picture).all()
    assert float(picture.min()) >= 0.0
    assert float(picture.max()) <= 1.0
    contrast = picture.std(dim=(1, 2)) / picture.mean(dim=(1, 2))
    assert float(contrast.max()) > 0.02


@pytest.mark.parametrize("name", TEXTURES)
def test_every_texture_is_a_function_of_its_arguments(name: str) -> None:
    once, again, other = (texture(name, 32, 32, seed=seed) for seed in (5, 5, 6))
    assert torch.equal(once, again)
    assert not torch.equal(once, other)


@pytest.mark.parametrize("name", TEXTURES)
def test_every_texture_tiles_without_a_seam(name: str) -> None:
    picture = texture(name, 96, 96, seed=2)
    for dim in (1, 2):
        steps = picture.diff(dim=dim).abs().mean(dim=(0, 3 - dim))  # mean step between neighboring lines
        across = (picture.select(dim, 0) - picture.select(dim, -1)).abs().mean()
        assert float(across) <= 1.05 * float(steps.max())


@pytest.mark.parametrize("name", ["brick", "checker", "clouds", "stone", "tiles"])
def test_a_bigger_size_is_the_same_material(name: str) -> None:
    small = texture(name, 96, 96, seed=4)
    large = torch.nn.functional.avg_pool2d(texture(name, 192, 192, seed=4), 2)
    both = torch.stack([small.flatten(), large.flatten()])
    assert float(torch.corrcoef(both)[0, 1]) > 0.8  # the layout is the same; fine grain differs


@pytest.mark.parametrize("size", [(1, 1), (2, 7), (5, 3), (33, 8)])
def test_small_and_odd_sizes_work(size: tuple[int, int]) -> None:
    for name in TEXTURES:
        assert texture(name, *size, seed=1).shape == (3, *size)


def test_the_number_of_threads_does_not_matter() -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = [texture(name, 256, 256, seed=9) for name in ("brick", "wood", "clouds", "wallpaper")]
        torch.set_num_threads(3)
        three = [texture(name, 256, 256, seed=9) for name in ("brick", "wood", "clouds", "wallpaper")]
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(a, b) for a, b in zip(one, three, strict=True))


def test_an_unknown_name_is_answered_with_the_names() -> None:
    with pytest.raises(ValueError, match=r"texture name must be one of plaster, .*; got 'granite'"):
        texture("granite", 8, 8, seed=0)


def test_a_size_must_be_positive() -> None:
    with pytest.raises(ValueError, match="height and width must be >= 1, got 0 and 8"):
        texture("brick", 0, 8, seed=0)
