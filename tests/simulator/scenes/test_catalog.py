"""Built-in scenes: pure functions, exact and whole, whatever their kind and size."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest
import torch
from torch import Tensor

from simulator.scenes.catalog import KINDS, BuiltinScene, builtin_scene

BRIGHT = ("night_street", "market", "interior")  # promise lights far above 1
PORTRAIT = (42, 27)  # small: enough where two pictures are compared
UNDER_THE_SKY = ("night_street", "hills", "fence", "colonnade", "market", "interior")


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Thousands of tiny operations: waiting for a second thread on a busy machine takes longer than the work."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@cache
def scene(kind: str, seed: int = 3, height: int = 65, width: int = 97, margin_px: int = 0) -> BuiltinScene:
    return builtin_scene(seed, height=height, width=width, kind=kind, margin_px=margin_px)


def parts(built: BuiltinScene) -> tuple[Tensor, Tensor, Tensor]:
    return built.layers.color, built.layers.coverage, built.layers.disparity


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("height", "width"), [(65, 97), PORTRAIT])
def test_every_kind_fills_any_frame(kind: str, height: int, width: int) -> None:
    built = scene(kind, height=height, width=width)
    image, disparity = built.layers.photo()
    assert built.kind == kind
    assert image.shape == (3, height, width)
    assert disparity.shape == (height, width)
    assert 3 <= built.layers.color.shape[0] <= 24


@pytest.mark.parametrize("kind", KINDS)
def test_one_surface_covers_everything(kind: str) -> None:
    _, coverage, _ = parts(scene(kind))
    assert bool((coverage == 1).flatten(1).all(dim=1).any())


@pytest.mark.parametrize("kind", KINDS)
def test_disparity_spans_the_range_and_stays_within_it(kind: str) -> None:
    _, coverage, disparity = parts(scene(kind))
    seen = disparity[coverage > 0]
    assert float(seen.min()) == pytest.approx(0.02, abs=1e-6)
    assert float(seen.max()) == pytest.approx(0.98, abs=1e-6)
    photo = scene(kind).layers.photo()[1]
    assert float(photo.max() - photo.min()) > 0.5  # and is not all hidden


@pytest.mark.parametrize("kind", UNDER_THE_SKY)
def test_the_sky_lies_near_zero(kind: str) -> None:
    _, coverage, disparity = parts(scene(kind))
    sky = (coverage == 1).flatten(1).all(dim=1).nonzero()[0, 0]
    assert float(disparity[sky].max()) == pytest.approx(0.02, abs=1e-6)


@pytest.mark.parametrize(("kind", "layer"), [("still_life", 0), ("still_life", 1), ("cutouts", 0), ("hills", 0)])
def test_walls_and_tables_are_affine_in_pixel_coordinates(kind: str, layer: int) -> None:
    _, coverage, disparity = parts(scene(kind))
    for dim in (0, 1):
        flat = coverage[layer].double()
        three = flat.narrow(dim, 0, flat.shape[dim] - 2) * flat.narrow(dim, 1, flat.shape[dim] - 2)
        three = three * flat.narrow(dim, 2, flat.shape[dim] - 2)
        bend = disparity[layer].double().diff(n=2, dim=dim)
        assert float((bend * (three == 1)).abs().max()) < 4e-7  # float32 of values below 1


@pytest.mark.parametrize("kind", ["still_life", "fence", "cutouts"])
def test_the_same_arguments_give_the_same_bytes_whatever_the_number_of_threads(kind: str) -> None:
    try:
        torch.set_num_threads(2)
        again = builtin_scene(3, height=65, width=97, kind=kind)
    finally:
        torch.set_num_threads(1)
    assert all(torch.equal(a, b) for a, b in zip(parts(scene(kind)), parts(again), strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_the_frame_does_not_depend_on_the_margin(kind: str) -> None:
    plain, wide = scene(kind, 3, *PORTRAIT), scene(kind, 3, *PORTRAIT, margin_px=9)
    for plain_part, part in zip(parts(plain), parts(wide), strict=True):
        inner = part[..., 9:-9, 9:-9]
        # sums of the same numbers in other blocks: rounding only
        assert float((inner - plain_part).abs().max()) < 1e-5
    assert torch.equal(wide.layers.photo()[1], plain.layers.photo()[1])


@pytest.mark.parametrize("kind", ["still_life", "night_street", "cutouts", "clutter", "fence"])
def test_seeds_give_other_compositions(kind: str) -> None:
    one, other = (scene(kind, seed, *PORTRAIT).layers.photo()[1] for seed in (3, 4))
    assert float((one - other).abs().mean()) > 0.02


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_hidden_is_drawn_and_textured(kind: str) -> None:
    color, coverage, disparity = parts(scene(kind))
    nearest = scene(kind).layers.photo()[1]
    hidden = (coverage == 1) & (disparity < nearest - 0.05)  # [N, h, w]
    assert int(hidden.sum()) > 0.3 * nearest.numel()
    textured = [
        float((picture[:, where].std(dim=1) / picture[:, where].mean(dim=1)).max()) > 0.05
        for picture, where in zip(color, hidden, strict=True)
        if int(where.sum()) > 100
    ]
    assert sum(textured) >= 0.6 * len(textured)


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_are_exposed_like_photos(kind: str) -> None:
    image, _ = scene(kind).layers.photo()
    luminance = image.mean(dim=0)
    assert 0.03 < float(luminance.median()) < 0.75
    assert float((luminance > 1.0).float().mean()) < 0.2
    assert float((image.amax(dim=0) < 1e-4).float().mean()) < 0.02  # no holes


@pytest.mark.parametrize("kind", BRIGHT)
def test_lights_shine_brighter_than_white(kind: str) -> None:
    brightest = float(scene(kind).layers.photo()[0].max())
    assert brightest > 2.0
    if kind == "night_street":
        assert 8.0 < brightest <= 41.0


def test_without_a_kind_seeds_take_turns() -> None:
    assert [builtin_scene(seed, height=16, width=16).kind for seed in (0, len(KINDS) + 4)] == [KINDS[0], KINDS[4]]


def test_bad_arguments_are_named() -> None:
    with pytest.raises(ValueError, match=r"kind must be one of still_life, .*; got 'beach'"):
        builtin_scene(0, height=64, width=64, kind="beach")
    with pytest.raises(ValueError, match="height and width must be >= 16 px, got 8 and 64"):
        builtin_scene(0, height=8, width=64)
    with pytest.raises(ValueError, match="margin_px must be >= 0, got -1"):
        builtin_scene(0, height=64, width=64, margin_px=-1)
