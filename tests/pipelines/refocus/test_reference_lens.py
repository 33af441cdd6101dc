"""Fits to radius maps with noise, a fifth of outliers and nothing but noise below the floor."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from pipelines.refocus.reference_lens import FLOOR_PX, fit_reference_lens
from simulator import ThinLens
from simulator.scenes.catalog import builtin_scene

RAMP = torch.linspace(0, 1, 96).expand(64, 96).contiguous()
TWO = torch.where(RAMP < 0.5, 0.2, 0.8)


def estimated(disparity: Tensor, plane: float, scale: float, outliers: float = 0.2) -> tuple[Tensor, Tensor]:
    """r̂ and σ: 20 % off in patches, outliers in patches anywhere up to 8 px, below the floor anything."""
    rng = torch.Generator().manual_seed(0)

    def patches(side: int) -> Tensor:
        coarse = torch.randn(1, 1, 64 // side + 1, 96 // side + 1, generator=rng)
        return torch.nn.functional.interpolate(coarse, size=(64, 96), mode="bilinear")[0, 0]

    radius = scale * (disparity - plane).abs()
    made = torch.where(radius < FLOOR_PX, torch.rand(64, 96, generator=rng) * 0.9, radius * (1 + 0.2 * patches(8)))
    spread, wrong = 0.2 * made + 0.3, patches(8)
    is_outlier = wrong > torch.quantile(wrong, 1 - outliers)
    return torch.where(is_outlier, torch.rand(64, 96, generator=rng) * 8, made), spread


def radius_error(disparity: Tensor, plane: float, scale: float, lens: ThinLens | None) -> Tensor:
    """Of radii at the floor or above it; the lens itself need not be unique."""
    fitted = torch.zeros_like(disparity) if lens is None else lens.defocus_px(disparity).abs()
    return (fitted.clamp(min=FLOOR_PX) - (scale * (disparity - plane).abs()).clamp(min=FLOOR_PX)).abs()


@pytest.mark.parametrize(("plane", "scale"), [(0.6, 10.0), (0.3, 3.0), (0.95, 20.0), (0.0, 5.0)])
@pytest.mark.parametrize("outliers", [0.0, 0.3])
def test_plane_and_scale_of_a_ramp(plane: float, scale: float, outliers: float) -> None:
    lens = fit_reference_lens(*estimated(RAMP, plane, scale, outliers), RAMP)
    assert lens is not None
    assert lens.focus_disparity == pytest.approx(plane, abs=0.03)
    assert lens.blur_scale_px == pytest.approx(scale, rel=0.08)


@pytest.mark.parametrize(
    ("disparity", "plane", "scale"),
    [(TWO, 0.8, 6.0), (TWO, 0.4, 6.0), (TWO, 0.5, 6.0), (torch.full((64, 96), 0.5), 0.9, 10.0)],
    ids=["one of two planes sharp", "plane between", "both equal", "one depth"],
)
def test_where_the_lens_is_not_unique_the_radii_are_right(disparity: Tensor, plane: float, scale: float) -> None:
    lens = fit_reference_lens(*estimated(disparity, plane, scale), disparity)
    assert lens is not None
    assert float(radius_error(disparity, plane, scale, lens).max()) < 0.25


def test_twigs_and_leaves_that_are_silhouettes_nearly_everywhere() -> None:
    disparity = builtin_scene(2, height=64, width=96, kind="foliage").layers.photo()[1]
    plane = float(disparity.quantile(0.4))
    error = radius_error(disparity, plane, 8.0, fit_reference_lens(*estimated(disparity, plane, 8.0), disparity))
    assert float(error.mean()) < 0.25
    assert float(error.quantile(0.95)) < 0.8


@pytest.mark.parametrize("disparity", [RAMP, TWO, torch.full((64, 96), 0.5)])
@pytest.mark.parametrize("outliers", [0.0, 0.3])
def test_a_sharp_photo_is_sharp_everywhere(disparity: Tensor, outliers: float) -> None:
    assert fit_reference_lens(*estimated(disparity, 0.5, 1e-3, outliers), disparity) is None


def test_saturated_estimates_do_not_bend_the_scale() -> None:
    radius, spread = estimated(RAMP, 0.2, 30.0, 0.0)
    lens = fit_reference_lens(radius.clamp(max=8.0), spread.clamp(max=1.9), RAMP, largest_px=8.0)
    assert lens is not None
    assert lens.blur_scale_px == pytest.approx(30.0, rel=0.1)


def test_what_is_known_is_kept() -> None:
    radius, spread = estimated(RAMP, 0.6, 10.0)
    by_plane = fit_reference_lens(radius, spread, RAMP, focus_disparity=0.6)
    by_scale = fit_reference_lens(radius, spread, RAMP, blur_scale_px=10.0)
    assert by_plane is not None
    assert by_scale is not None
    assert by_plane.focus_disparity == pytest.approx(0.6)
    assert by_plane.blur_scale_px == pytest.approx(10.0, rel=0.06)
    assert by_scale.blur_scale_px == pytest.approx(10.0)
    assert by_scale.focus_disparity == pytest.approx(0.6, abs=0.02)


def test_maps_of_different_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"maps of one size, got \[64, 96\], \[64, 96\], \[64, 95\]"):
        fit_reference_lens(RAMP, RAMP, RAMP[:, 1:])
