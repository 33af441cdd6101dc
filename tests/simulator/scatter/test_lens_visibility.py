"""Slabs seen through points of the lens, against closed forms."""

from __future__ import annotations

import pytest
import torch

from simulator.optics.aperture import Aperture
from simulator.scatter.lens_visibility import LensVisibility, lens_points

SIZE = 64


def half_plane(light: float) -> torch.Tensor:
    """[2, SIZE, SIZE]: light and coverage of the columns below 32."""
    covered = (torch.arange(SIZE) < 32).float().expand(SIZE, SIZE)
    return torch.stack([covered * light, covered])


def test_points_have_the_moment_and_weight_of_the_pupil() -> None:
    for pupil in (Aperture(), Aperture(obstruction=0.5)):
        points = lens_points(pupil, 400)
        second = sum(w * (y * y + x * x) for w, (y, x) in zip(points.weight, points.position, strict=True))
        assert sum(points.weight) == pytest.approx(1.0)
        assert second == pytest.approx(pupil.moment(), abs=0.02)


def test_the_first_slab_is_seen_entirely_and_hides_one_at_its_own_radius() -> None:
    visibility = LensVisibility(lens_points(Aperture(), 80), SIZE, SIZE, torch.device("cpu"))
    slab = half_plane(0.5)
    first, second = visibility.lay(slab, 0, 6.0), visibility.lay(slab, 0, 6.0)
    covered = first[1] > 0
    assert torch.allclose(first[:, covered], torch.ones(()), atol=1e-4)
    assert float(second[1, :, :31].max()) < 0.06  # the footprint of a point is a pixel wide


def test_a_wall_behind_is_seen_through_the_part_of_the_lens_that_passes() -> None:
    """At the edge of a half-plane, half of the lens passes; the wall is complete."""
    visibility = LensVisibility(lens_points(Aperture(), 80), SIZE, SIZE, torch.device("cpu"))
    visibility.lay(half_plane(0.5), 0, 8.0)
    wall = visibility.lay(torch.ones(2, SIZE, SIZE), 0, -8.0)
    edge = wall[1, SIZE // 2, 31:33].mean()
    assert float(edge) == pytest.approx(0.5, abs=0.03)
    assert float(wall[1, SIZE // 2, 44]) == pytest.approx(1.0, abs=1e-3)
    assert float(wall[1, SIZE // 2, 20]) == pytest.approx(0.0, abs=1e-3)
