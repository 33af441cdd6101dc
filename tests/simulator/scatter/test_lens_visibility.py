"""Slabs seen through points of the lens, against closed forms."""

from __future__ import annotations

import pytest
import torch

from simulator.optics.aperture import Aperture
from simulator.optics.regional_pupils import regional_pupils
from simulator.scatter.covering import Covering
from simulator.scatter.lens_visibility import LensVisibility, Visible, lens_points

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


def visibility() -> LensVisibility:
    return LensVisibility(lens_points(Aperture(), 80), SIZE, SIZE, torch.device("cpu"))


def ratio_in_frame(visible: Visible | None, channels: int) -> torch.Tensor:
    """[channels, SIZE, SIZE]: the ratio, also beyond the box."""
    if visible is None:
        return torch.zeros(channels, SIZE, SIZE)
    ratio = torch.full((channels, SIZE, SIZE), float(visible.is_rest_visible))
    rows, columns = visible.box
    ratio[:, rows, columns] = visible.ratio
    return ratio


def test_the_first_slab_is_seen_entirely_and_hides_one_at_its_own_radius() -> None:
    lens, slab = visibility(), Covering.from_content(half_plane(0.5), 0)
    first, second = (ratio_in_frame(lens.lay(slab, 6.0), 2) for _ in range(2))
    assert bool((first == 1.0).all())
    assert float(second[1, :, :31].max()) < 0.06  # the footprint of a point is a pixel wide


@pytest.mark.parametrize("radius", [8.0, 20.0])
def test_a_wall_behind_is_seen_through_the_part_of_the_lens_that_passes(radius: float) -> None:
    """At the edge of a half-plane, half of the lens passes; the wall is complete. From 16 px on, colors are sampled."""
    lens = visibility()
    lens.lay(Covering.from_content(half_plane(0.5), 0), radius)
    wall = ratio_in_frame(lens.lay(Covering.from_content(torch.ones(2, SIZE, SIZE), 0), -radius), 2)
    for channel in wall:
        assert float(channel[SIZE // 2, 31:33].mean()) == pytest.approx(0.5, abs=0.03)
        assert float(channel[SIZE // 2, 32 + int(1.5 * radius)]) == pytest.approx(1.0, abs=1e-3)
        assert float(channel[SIZE // 2, 31 - int(1.5 * radius)]) == pytest.approx(0.0, abs=1e-3)


def test_light_of_a_disc_beyond_all_points_keeps_the_free_share() -> None:
    """A pixel that no whole shift reaches lies at a true disc's rim: nothing is in the way, so it is not cut off."""
    lens = visibility()
    both_ends = torch.ones(2, SIZE, SIZE)
    both_ends[:, :, 1:32] = 0.0
    lens.lay(Covering.from_content(both_ends, 0), 0.0)
    spot = torch.zeros(2, SIZE, SIZE)
    spot[:, 20, 31] = 1.0
    visible = ratio_in_frame(lens.lay(Covering.from_content(spot, 0), -2.4), 2)
    assert visible[:, 20, 28].tolist() == pytest.approx([1.0, 1.0], abs=1e-3)
    assert visible[:, 20, 34].tolist() == pytest.approx([0.0, 0.0], abs=1e-3)


def test_a_seam_takes_only_where_a_point_shifts_both_slabs_differently() -> None:
    lens = visibility()
    assert lens.cracked(0.4, -0.4) == frozenset()
    cracked = lens.cracked(3.0, 2.0)
    weights = lens_points(Aperture(), 80).in_front
    others = sum(weight for number, weight in enumerate(weights) if number not in cracked)
    assert 0 < len(cracked) < 80
    lens.close_cracks(Covering.from_content(torch.ones(1, SIZE, SIZE), 0), 2.0, cracked)
    wall = ratio_in_frame(lens.lay(Covering.from_content(torch.ones(2, SIZE, SIZE), 0), 2.0), 2)
    assert float(wall[1].mean()) == pytest.approx(others, abs=1e-3)


@pytest.mark.parametrize(
    "pupil",
    [region.aperture for region in regional_pupils(Aperture(cat_eye=0.9, blades=7), (40, 60), 14.0)]
    + [Aperture(squeeze=0.5), Aperture(spherical=-0.8)],
)
def test_points_of_clipped_and_squeezed_pupils_lie_where_light_comes_through(pupil: Aperture) -> None:
    """The mask of a clipped pupil ends before the full opening does."""
    points, opening = lens_points(pupil, 80), pupil.transmission(-1)
    for place, weight in zip(points.position, points.weight, strict=True):
        row, column = (int((x + 1) / 2 * (opening.shape[0] - 1)) for x in place)
        around = opening[max(row - 14, 0) : row + 15, max(column - 14, 0) : column + 15]
        assert weight == 0 or float(around.max()) > 0
    assert sum(points.weight) == pytest.approx(1.0)
    assert len(points.position) > 20
