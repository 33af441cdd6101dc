"""Tables of point-spread functions: one sampled from a pupil of ours is drawn as that; light, labels, errors."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from simulator import Aperture, PsfTable, ThinLens, render_stack
from simulator.optics.spot import second_moment

RADII = (-12.0, -6.0, 6.0, 12.0)


def sampled(
    aperture: Aperture, fields: tuple[float, ...], finer: int = 4, radii: tuple[float, ...] = RADII
) -> PsfTable:
    """The table of an aperture, in cells of 1/`finer` px: of points to the right of the middle."""
    half = math.ceil(max(map(abs, radii)) * finer) + 1
    psf = torch.zeros(len(radii), len(fields), 1, 2 * half + 1, 2 * half + 1)
    for i, radius in enumerate(radii):
        for j, rho in enumerate(fields):
            mask = aperture.at_field(0.0, rho).mask(radius * finer)
            reach = mask.shape[0] // 2
            psf[i, j, 0, half - reach : half + reach + 1, half - reach : half + reach + 1] = mask
    return PsfTable(torch.tensor(radii), torch.tensor(fields), psf, 1 / finer)


def lamps(size: tuple[int, int] = (81, 121)) -> tuple[Tensor, Tensor]:
    image = torch.full((3, *size), 0.05)
    for row, column in ((40, 60), (14, 18), (62, 100), (40, 104)):
        image[:, row, column] = 60.0
    return image, torch.full(size, 0.5)


def lens(defocus_px: float) -> ThinLens:
    return ThinLens(0.5 - defocus_px / 40.0, 40.0)


@pytest.mark.parametrize("defocus", [-12.0, -8.5, 3.0, 9.0])
@pytest.mark.parametrize("colors", [1, 3])
def test_a_table_of_the_disc_is_drawn_as_the_disc(defocus: float, colors: int) -> None:
    image, disparity = lamps()
    table = sampled(Aperture(), (0.0,))
    table = PsfTable(table.radius_px, table.position, table.psf.expand(-1, -1, colors, -1, -1), table.cell_px)
    frames = [render_stack(image, disparity, [lens(defocus)], aperture=a)[0] for a in (Aperture(), Aperture(psf=table))]
    peak = float(frames[0].max())
    # a cell of ¼ px softens the rim; elsewhere both are the same
    assert float((frames[1] - frames[0]).abs().max()) < 0.12 * peak
    assert float((frames[1] - frames[0]).abs().sum() / frames[0].sum()) < 0.02


@pytest.mark.parametrize("radius", [1.0, 2.3, -6.0, 7.7, 31.0])
def test_spots_keep_unit_sum_and_the_table_s_second_moment(radius: float) -> None:
    table = sampled(Aperture(obstruction=0.5), (0.0,), finer=2)
    mask = Aperture(psf=table).mask(radius * table.reach)
    assert float(mask.sum()) == pytest.approx(1.0, abs=1e-12)
    assert second_moment(mask) == pytest.approx(Aperture(obstruction=0.5).moment() * radius**2 + 1 / 6, rel=2e-3)


def test_radii_and_field_positions_are_mixed_linearly_and_turned_to_the_azimuth() -> None:
    psf = torch.zeros(2, 2, 1, 65, 65)
    for number, column in enumerate((42, 47, 52, 57)):  # light to the right of the point, on the axis of the field
        psf[number // 2, number % 2, 0, 31:34, column - 1 : column + 2] = 1.0
    table = PsfTable(torch.tensor([-40.0, -20.0]), torch.tensor([0.2, 0.8]), psf)

    def centroid(place: tuple[float, float], defocus: float) -> tuple[float, float]:
        mask = Aperture(psf=table.at(*place)).mask(defocus * table.reach)
        index = torch.arange(mask.shape[0], dtype=mask.dtype) - mask.shape[0] // 2
        return float((mask.sum(1) * index).sum()), float((mask.sum(0) * index).sum())

    assert centroid((0.0, 0.2), -40.0) == pytest.approx((0.0, 10.0), abs=0.1)
    assert centroid((0.0, 0.5), -40.0) == pytest.approx((0.0, 12.5), abs=0.1)
    assert centroid((0.0, 0.9), -40.0) == pytest.approx((0.0, 15.0), abs=0.1)  # the last entry holds
    assert centroid((0.5, 0.0), -40.0) == pytest.approx((12.5, 0.0), abs=0.1)  # below the middle: turned down
    assert centroid((0.0, 0.2), -30.0) == pytest.approx((0.0, (10 / 40 + 20 / 20) / 2 * 30), abs=0.1)
    assert centroid((0.0, 0.2), 40.0) == pytest.approx((0.0, -10.0), abs=0.1)  # no entry in front: half a turn


def test_a_table_of_cat_eyes_is_drawn_as_cat_eyes() -> None:
    """A table says what a point sees, a cat-eye what a pixel does: places apart by a radius, r / half diagonal."""
    image, disparity = lamps()
    table = sampled(Aperture(cat_eye=0.8), tuple(i / 8 for i in range(9)), radii=(-6.0, 6.0))
    apertures = (Aperture(cat_eye=0.8), Aperture(psf=table), Aperture())
    eyes, drawn, discs = (render_stack(image, disparity, [lens(-6.0)], aperture=a)[0] - 0.05 for a in apertures)
    assert float((drawn - eyes).abs().sum() / eyes.sum()) < 0.12
    assert float((discs - eyes).abs().sum() / eyes.sum()) > 0.25


def table(**changed: object) -> PsfTable:
    values: dict[str, object] = {
        "radius_px": torch.tensor([4.0, 8.0]),
        "position": torch.tensor([0.0, 1.0]),
        "psf": torch.ones(2, 2, 3, 9, 9),
    }
    return PsfTable(**(values | changed))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"psf": torch.full((2, 2, 3, 9, 9), -1.0)}, "psf must not be negative, got -1"),
        ({"psf": torch.full((2, 2, 3, 9, 9), math.nan)}, "psf must hold finite numbers, got NaN or infinity"),
        ({"psf": torch.zeros(2, 2, 3, 9, 9)}, "psf must hold light in every entry"),
        ({"psf": torch.ones(2, 2, 3, 8, 8)}, "psf must have an odd number of cells, .* got n = 8"),
        (
            {"psf": torch.ones(2, 3, 3, 9, 9)},
            r"psf must be \[radius, field, color, n, n\] = \[2, 2, .*got \[2, 3, 3, 9, 9\]",
        ),
        ({"psf": torch.ones(2, 2, 2, 9, 9)}, r"psf must be .*got \[2, 2, 2, 9, 9\]"),
        ({"psf": torch.ones(2, 2, 9, 9)}, r"psf must be .*got \[2, 2, 9, 9\]"),
        (
            {"psf": torch.nn.functional.pad(torch.ones(2, 2, 1, 1, 1), (4,) * 4)},
            "psf must be wider than one of its cells",
        ),
        ({"radius_px": torch.tensor([1.0, 2.0])}, "psf must hold its light within 4 radii, got 6.2; leave out"),
        ({"radius_px": torch.tensor([8.0, 4.0])}, r"radius_px must be one row of rising numbers, got \[8, 4\]"),
        ({"radius_px": torch.tensor([0.5, 4.0])}, "radius_px must be at least 1 px .*what is in focus stays"),
        ({"radius_px": torch.tensor([4.0, math.inf])}, "radius_px must hold finite numbers"),
        ({"radius_px": torch.ones(0)}, "radius_px must hold finite numbers, got none"),
        ({"position": torch.tensor([0.0, 1.5])}, r"field must lie in \[0, 1\]"),
        ({"position": torch.tensor([0.5, 0.5])}, "field must be one row of rising numbers"),
        ({"cell_px": 0.0}, "cell_px must be positive and finite, got 0"),
    ],
)
def test_what_is_no_table_is_named(changed: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        table(**changed)


def test_a_table_stands_alone() -> None:
    with pytest.raises(ValueError, match="aperture psf must stand alone"):
        Aperture(psf=table(), cat_eye=0.5)
