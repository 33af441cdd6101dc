"""Pupils of every shape: closed forms of area, moment, ratio and symmetry, on spots as they are drawn."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from simulator.optics.aperture import Aperture
from simulator.optics.pupil import PupilRaster, aberrated
from simulator.optics.spot import Spot, second_moment
from tests.simulator.closeness import assert_close
from tests.simulator.optics.closed_forms import blades_area, two_disc_area

HEART = PupilRaster(
    torch.tensor(
        [
            [0, 1, 1, 0, 1, 1, 0],
            [1, 1, 1, 1, 1, 1, 1],
            [1, 1, 1, 1, 1, 1, 1],
            [0, 1, 1, 1, 1, 1, 0],
            [0, 0, 1, 1, 1, 0, 0],
            [0, 0, 0, 1, 0, 0, 0],
        ],
        dtype=torch.float64,
    )
)
SHAPES = {
    "five blades": Aperture(blades=5, rotation_deg=11.0),
    "round blades": Aperture(blades=7, roundness=0.6),
    "mirror": Aperture(obstruction=0.45),
    "soap bubble": Aperture(spherical=0.8),
    "anamorphic": Aperture(squeeze=2.0),
    "cat-eye": Aperture(cat_eye=0.5, field=(-0.6, 0.8)),
    "heart": Aperture(raster=HEART),
}
every_shape = pytest.mark.parametrize("aperture", SHAPES.values(), ids=SHAPES)


def area(aperture: Aperture) -> float:
    transmission = aperture.transmission()
    return float(transmission.sum()) * (2.0 / transmission.shape[0]) ** 2


def axes(mask: Tensor) -> tuple[Tensor, Tensor]:
    """Rows and columns about the middle pixel."""
    half = mask.shape[0] // 2
    center = torch.arange(-half, half + 1, dtype=torch.float64)
    return center[:, None].expand_as(mask), center.expand_as(mask)


@every_shape
@pytest.mark.parametrize("defocus", [0.3, 0.5, 0.51, 0.7, 0.75, 1.0, 2.3, -2.3, 9.0, -64.0])
def test_every_spot_keeps_all_light_in_pixels_of_a_whole_grid(aperture: Aperture, defocus: float) -> None:
    mask = aperture.mask(defocus)
    assert float(mask.sum()) == pytest.approx(1.0, abs=1e-12)
    assert float(mask.min()) >= 0.0
    assert mask.shape[0] % 2 == 1


@every_shape
@pytest.mark.parametrize("defocus", [0.75, 1.0, -1.3, 3.7, -8.0, 40.0])
def test_the_second_moment_is_the_labeled_one(aperture: Aperture, defocus: float) -> None:
    side = 1 if defocus > 0 else -1
    labeled = aperture.moment(float(side)) * defocus**2 + 1 / 6
    # below 16 px solved for; above, what sampling leaves
    assert second_moment(aperture.mask(defocus)) == pytest.approx(labeled, rel=2e-3)


def test_a_disc_is_the_limit_of_every_shape() -> None:
    """Drawn from the sampled pupil, a disc's spot is that of the exact areas; so is one of 64 round blades."""
    disc = Spot(Aperture().transmission())
    for radius in (0.75, 1.5, 6.2, 30.0):
        # cells of the pupil are r / 256 px wide; the rim of a pixel of 1 / (π r²) is right to a thousandth of it
        assert_close(disc.mask(radius), Aperture().mask(radius), atol=4e-3 / radius**2, what=f"disc of {radius} px")
    assert Aperture(blades=7, roundness=1.0).is_disc
    assert area(Aperture()) == pytest.approx(math.pi, rel=1e-5)
    assert area(Aperture(blades=64, roundness=0.5)) == pytest.approx(math.pi, rel=1e-3)


@pytest.mark.parametrize("blades", [3, 5, 6, 9])
@pytest.mark.parametrize("roundness", [0.0, 0.4, 0.9])
def test_the_area_of_an_iris_is_the_polygon_s_and_its_segments(blades: int, roundness: float) -> None:
    expected = blades_area(blades, roundness)
    assert area(Aperture(blades=blades, roundness=roundness, rotation_deg=17.0)) == pytest.approx(expected, rel=3e-5)


def test_the_area_s_closed_form_at_both_ends() -> None:
    assert blades_area(4, 0.0) == pytest.approx(2.0)  # a square of diagonal 2
    assert blades_area(6, 0.0) == pytest.approx(1.5 * math.sqrt(3.0))
    assert blades_area(5, 1.0 - 1e-12) == pytest.approx(math.pi)
    assert two_disc_area(0.0) == pytest.approx(math.pi)
    assert two_disc_area(2.0) == pytest.approx(0.0)


@pytest.mark.parametrize("blades", [3, 5, 6, 7, 9])
def test_the_spot_has_as_many_corners_as_blades(blades: int) -> None:
    """The strongest angular frequency of the light near the rim, and its phase, tell blades and rotation."""
    mask = Aperture(blades=blades, rotation_deg=10.0).mask(-40.0)
    y, x = axes(mask)
    angle, distance = torch.atan2(y, x), torch.hypot(y, x)
    rim = mask * (distance > 0.75 * 40 * math.cos(math.pi / blades)) * distance**2
    waves = [complex((rim * torch.exp(1j * k * angle)).sum()) for k in range(2, 12)]
    strongest = max(range(len(waves)), key=lambda k: abs(waves[k])) + 2
    assert strongest == blades
    turned = math.degrees(math.atan2(waves[blades - 2].imag, waves[blades - 2].real)) / blades
    assert turned == pytest.approx(10.0, abs=0.3)  # a corner, from right towards down


@pytest.mark.parametrize("ratio", [0.2, 0.45, 0.7])
def test_the_dark_middle_of_a_mirror_lens_has_the_ratio_of_the_radii(ratio: float) -> None:
    assert area(Aperture(obstruction=ratio)) == pytest.approx(math.pi * (1 - ratio**2), rel=1e-4)
    mask = Aperture(obstruction=ratio).mask(60.0)
    y, x = axes(mask)
    lit = mask > mask.max() / 2
    dark_px = math.sqrt(float((~lit & (torch.hypot(y, x) < 55)).sum()) / math.pi)
    assert dark_px / 60.0 == pytest.approx(ratio, abs=0.005)  # a third of a pixel


@pytest.mark.parametrize("squeeze", [1.33, 2.0, 0.5])
def test_an_anamorphic_spot_is_as_much_higher_than_wide_as_the_squeeze(squeeze: float) -> None:
    mask = Aperture(squeeze=squeeze).mask(30.0)
    y, x = axes(mask)
    high, wide = (math.sqrt(float((mask * t**2).sum()) - 1 / 12) for t in (y, x))
    assert high / wide == pytest.approx(squeeze, rel=2e-3)
    assert 2 * max(high, wide) == pytest.approx(30.0, rel=2e-3)  # the longer side is the labeled radius


@pytest.mark.parametrize("spherical", [-0.9, 0.5, 1.0])
def test_spherical_aberration_puts_the_light_where_its_rays_land(spherical: float) -> None:
    """Rays from within ρ of an evenly lit pupil, ρ² of the light, land within t = ρ (1 + a ρ²) / (1 + a)."""
    mask = Aperture(spherical=spherical).mask(-80.0)  # behind the plane of focus: a = −0.3 spherical
    y, x = axes(mask)
    a = -0.3 * spherical
    for rho in (0.3, 0.5, 0.7, 0.9):
        t = rho * (1 + a * rho**2) / (1 + a)
        inside = float((mask * (t * 80.0 - torch.hypot(y, x) + 0.5).clamp(0, 1)).sum())
        assert inside == pytest.approx(rho**2, abs=4e-3)


def test_spherical_aberration_is_mirrored_between_front_and_back() -> None:
    bubble = Aperture(spherical=1.0)
    assert_close(bubble.mask(20.0), Aperture(spherical=-1.0).mask(-20.0), atol=1e-12, what="front against back")
    behind, front = bubble.mask(-20.0), bubble.mask(20.0)
    assert float(behind[20, 2]) > 2 * float(behind[20, 20])  # a bright rim
    assert float(front[20, 2]) < 0.6 * float(front[20, 20])  # a soft one


def test_where_rays_land_is_undone_by_where_they_come_from() -> None:
    x = torch.linspace(-1.0, 1.0, 41, dtype=torch.float64)[None]
    for a in (-0.3, 0.3):
        _, back, _ = aberrated(torch.zeros_like(x), x * (1 + a * x**2) / (1 + a), a / 0.3)
        assert_close(back, x, atol=1e-9, what=f"a = {a}")


@pytest.mark.parametrize("distance", [0.2, 0.5, 1.2])
def test_a_clipped_pupil_is_what_two_discs_share(distance: float) -> None:
    clipped = Aperture(cat_eye=distance, field=(-0.6, 0.8))
    assert area(clipped) == pytest.approx(two_disc_area(distance), rel=1e-4)
    mask = clipped.mask(-50.0)
    y, x = axes(mask)
    centroid = [float((mask * t).sum()) / 50 for t in (y, x)]
    assert centroid == pytest.approx([0.3 * distance, -0.4 * distance], abs=1e-3)  # half-way between the two


def test_a_heart_is_upright_behind_the_focus_and_turned_in_front() -> None:
    behind, front = Aperture(raster=HEART).mask(-24.0), Aperture(raster=HEART).mask(24.0)
    assert_close(front, behind.flip(0, 1), atol=1e-12, what="half a turn")
    y, x = axes(behind)
    assert float((behind * y).sum()) < -1.0  # broad above, its tip below
    assert abs(float((behind * x).sum())) < 1e-6
    reach = torch.hypot(y, x)[behind > 1e-9].max()
    assert float(reach) == pytest.approx(24.0, abs=1.5)  # the farthest light lies on the labeled circle


def test_equal_rasters_are_equal_and_symmetry_is_seen() -> None:
    assert PupilRaster(torch.ones(4, 4)) == PupilRaster(torch.ones(4, 4))
    assert PupilRaster(torch.ones(4, 4)) != PupilRaster(torch.ones(2, 8))
    assert Aperture(raster=PupilRaster(torch.ones(4, 6))).is_point_symmetric
    assert not Aperture(raster=HEART).is_point_symmetric
    assert not Aperture(blades=5).is_point_symmetric
    assert Aperture(blades=6).is_point_symmetric
    assert Aperture(blades=6, spherical=0.1).is_two_sided


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"blades": 2}, r"aperture blades must be 0 \(a disc\) or 3 to 64, got 2"),
        ({"blades": 1}, "aperture blades must be 0"),
        ({"blades": -3}, "aperture blades must be 0"),
        ({"roundness": 1.1}, r"aperture roundness must lie in \[0, 1\], got 1.1"),
        ({"roundness": -0.1}, "aperture roundness must lie"),
        ({"rotation_deg": math.inf}, "aperture rotation_deg must be finite, got inf"),
        ({"obstruction": 1.0}, r"aperture obstruction must lie in \[0, 1\), got 1.0"),
        ({"obstruction": -0.1}, "aperture obstruction must lie"),
        ({"spherical": 1.5}, r"aperture spherical must lie in \[-1, 1\], got 1.5"),
        ({"squeeze": 0.0}, r"aperture squeeze must lie in \[0.25, 4\], got 0.0"),
        ({"field": (math.nan, 0.0)}, "aperture field must lie within the frame"),
        ({"focus_shift": (0.0, math.nan, 0.0)}, "aperture focus_shift must be finite, got nan"),
        ({"magnification": (1.0, 1.0, 2.0)}, r"aperture magnification must lie in \[0.9, 1.1\], got 2.0"),
    ],
)
def test_a_field_out_of_range_is_named(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Aperture(**fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("raster", "message"),
    [
        (torch.ones(3, 8, 8), r"raster must be one channel \[h, w\], got \[3, 8, 8\]"),
        (torch.ones(0, 8), "raster must hold floating-point cells"),
        (torch.ones(8, 8, dtype=torch.uint8), "raster must hold floating-point cells, got .* of torch.uint8"),
        (torch.full((8, 8), 255.0), r"raster must lie in \[0, 1\]"),
        (torch.full((8, 8), math.nan), r"raster must lie in \[0, 1\]"),
        (torch.zeros(8, 8), "raster must let light through"),
    ],
)
def test_a_raster_that_is_no_mask_is_refused(raster: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PupilRaster(raster)


def test_a_pupil_with_nothing_open_is_refused() -> None:
    ring_only = torch.zeros(41, 41)
    ring_only[20, 40] = 1.0
    with pytest.raises(ValueError, match="aperture must let light through"):
        Aperture(raster=PupilRaster(ring_only), cat_eye=1.5, field=(0.0, 1.0)).mask(4.0)


def test_two_discs_of_different_radii() -> None:
    assert two_disc_area(0.1, 0.5) == pytest.approx(math.pi / 4)
    assert two_disc_area(1.6, 0.5) == 0.0
    assert two_disc_area(1.0, 1.0) == pytest.approx(2 * math.pi / 3 - math.sqrt(3) / 2)
    place = torch.linspace(-1, 1, 2001, dtype=torch.float64)
    y, x = place[:, None], place[None]
    both = (y * y + x * x <= 1) & (y * y + (x - 0.6) ** 2 <= 0.64)
    assert two_disc_area(0.6, 0.8) == pytest.approx(float(both.sum()) * 1e-6, rel=1e-3)
