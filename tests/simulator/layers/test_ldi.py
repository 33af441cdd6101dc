"""The layered depth image: its pinhole view against a pixel-by-pixel twin, and what it refuses."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from simulator.layers.ldi import LayeredDepthImage


def image_of(*surfaces: tuple[float, float, float], size: tuple[int, int] = (3, 4)) -> LayeredDepthImage:
    """Even surfaces (gray, coverage, disparity)."""
    h, w = size
    columns = zip(*surfaces, strict=True)
    gray, coverage, disparity = (torch.tensor(column)[:, None, None].expand(-1, h, w) for column in columns)
    return LayeredDepthImage(gray[:, None].expand(-1, 3, -1, -1), coverage, disparity)


def seen_one_by_one(layers: LayeredDepthImage) -> tuple[Tensor, Tensor]:
    """Twin of `photo`, in loops."""
    m = layers.margin_px
    image, disparity = torch.zeros(3, layers.height, layers.width), torch.zeros(layers.height, layers.width)
    for y in range(layers.height):
        for x in range(layers.width):
            at = (slice(None), m + y, m + x)
            order = sorted(range(layers.color.shape[0]), key=lambda i: -float(layers.disparity[at][i]))
            left, found = 1.0, False
            for i in order:
                alpha = float(layers.coverage[at][i])
                image[:, y, x] += left * alpha * layers.color[i, :, m + y, m + x]
                left *= 1.0 - alpha
                if alpha >= 0.5 and not found:
                    disparity[y, x], found = layers.disparity[at][i], True
    return image, disparity


def test_an_opaque_surface_is_its_own_photo() -> None:
    image, disparity = image_of((0.3, 1.0, 0.7)).photo()
    assert torch.equal(image, torch.full((3, 3, 4), 0.3))
    assert torch.equal(disparity, torch.full((3, 4), 0.7))


def test_the_photo_equals_its_twin_in_loops() -> None:
    draw = torch.Generator().manual_seed(5)
    coverage = (torch.rand(5, 9, 11, generator=draw) * 2.0 - 0.5).clamp(0.0, 1.0)
    layers = LayeredDepthImage(
        torch.rand(5, 3, 9, 11, generator=draw), coverage, torch.rand(5, 9, 11, generator=draw), margin_px=2
    )
    image, disparity = layers.photo()
    twin_image, twin_disparity = seen_one_by_one(layers)
    assert (image - twin_image).abs().max() < 1e-6  # five products and sums in float32
    assert torch.equal(disparity, twin_disparity)


def test_surfaces_may_cross_and_the_nearer_wins_at_each_pixel() -> None:
    slope = torch.linspace(0.0, 1.0, 4).expand(3, 4)
    color = torch.stack([torch.full((3, 3, 4), 0.2), torch.full((3, 3, 4), 0.9)])
    layers = LayeredDepthImage(color, torch.ones(2, 3, 4), torch.stack([slope, torch.full((3, 4), 0.5)]))
    image, disparity = layers.photo()
    assert image[0, 0].tolist() == pytest.approx([0.9, 0.9, 0.2, 0.2])
    assert disparity[0].tolist() == pytest.approx([0.5, 0.5, 2 / 3, 1.0])


@pytest.mark.parametrize(("alpha", "expected"), [(0.25, 0.1), (0.5, 0.8), (0.75, 0.8)])
def test_disparity_is_that_of_the_nearest_surface_that_covers_half(alpha: float, expected: float) -> None:
    image, disparity = image_of((1.0, alpha, 0.8), (0.0, 1.0, 0.1)).photo()
    assert image[0, 0, 0] == pytest.approx(alpha)
    assert disparity[0, 0] == pytest.approx(expected)


def test_where_nothing_covers_half_lies_infinity() -> None:
    image, disparity = image_of((1.0, 0.4, 0.8)).photo()
    assert float(image.max()) == pytest.approx(0.4)
    assert float(disparity.max()) == 0.0


def test_a_surface_without_coverage_hides_nothing_however_near() -> None:
    image, disparity = image_of((9.0, 0.0, 5.0), (0.5, 1.0, 0.1)).photo()
    assert float(image.max()) == 0.5
    assert float(disparity.max()) == pytest.approx(0.1)


def test_the_photo_leaves_the_margin_out() -> None:
    color = torch.rand(1, 3, 9, 10)
    layers = LayeredDepthImage(color, torch.ones(1, 9, 10), torch.rand(1, 9, 10), margin_px=3)
    assert (layers.height, layers.width) == (3, 4)
    assert torch.equal(layers.photo()[0], color[0, :, 3:6, 3:7])


def refused(**changes: object) -> str:
    parts: dict[str, object] = {
        "color": torch.rand(2, 3, 4, 5),
        "coverage": torch.rand(2, 4, 5),
        "disparity": torch.rand(2, 4, 5),
        "margin_px": 0,
    }
    with pytest.raises(ValueError, match="must") as caught:
        LayeredDepthImage(**{**parts, **changes})  # type: ignore[arg-type]
    return str(caught.value)


def test_it_refuses_what_is_no_layered_image_and_says_what_must_hold() -> None:
    bad = torch.rand(2, 4, 5)
    bad[1, 2, 3] = float("nan")
    assert "disparity must be finite" in refused(disparity=bad)
    assert "disparity must be finite" in refused(disparity=torch.full((2, 4, 5), float("inf")))
    assert "coverage must lie in [0, 1]" in refused(coverage=torch.full((2, 4, 5), 1.5))
    assert "coverage must lie in [0, 1]" in refused(coverage=bad)
    assert "color must be finite linear light >= 0" in refused(color=torch.full((2, 3, 4, 5), -0.1))
    assert "color must be finite linear light >= 0" in refused(color=torch.full((2, 3, 4, 5), float("nan")))
    assert "margin_px must be >= 0 and leave a frame of 4x5" in refused(margin_px=2)
    assert "margin_px must be >= 0" in refused(margin_px=-1)
