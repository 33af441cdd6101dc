"""Discs drawn along lines are the aperture's masks, wherever they lie."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from simulator import Aperture, ThinLens, render_stack
from simulator.layers.bright_spots import BrightSpots
from simulator.optics.spot import second_moment
from simulator.scatter.disc_lines import DirectLight, DiscTable, SpotDots
from tests.simulator.closeness import assert_close

PUPILS = [Aperture(), Aperture(obstruction=0.5), Aperture(blades=5, rotation_deg=20.0), Aperture(spherical=0.8)]


def dots(places: list[tuple[int, int]], defocus_px: list[float], light: list[float]) -> SpotDots:
    row, column = torch.tensor(places).T
    return SpotDots(row, column, torch.tensor(defocus_px, dtype=torch.float64), torch.tensor(light).expand(3, -1))


def frame(drawn: DirectLight | None, height: int, width: int) -> Tensor:
    result = torch.zeros(3, height, width)
    if drawn is not None:
        result[:, drawn.top : drawn.top + drawn.light.shape[1]] = drawn.light
    return result


def stamped(pupil: Aperture, d: SpotDots, height: int, width: int) -> Tensor:
    """The same, pixel by pixel."""
    result = torch.zeros(height + 200, width + 200, dtype=torch.float64)
    for row, column, s, light in zip(d.row, d.column, d.defocus_px, d.light[0], strict=True):
        mask = pupil.mask(float(s))
        half = mask.shape[0] // 2
        y, x = int(row) + 100 - half, int(column) + 100 - half
        result[y : y + mask.shape[0], x : x + mask.shape[0]] += float(light) * mask
    return result[100 : 100 + height, 100 : 100 + width].float().expand(3, -1, -1)


@pytest.mark.parametrize("pupil", PUPILS, ids=["disc", "ring", "blades", "spherical"])
def test_at_tabulated_radii_they_are_the_masks_also_across_the_frames_edges(pupil: Aperture) -> None:
    places = [(20, 30), (0, 0), (45, 59), (20, -6), (-30, 10), (21, 33)]
    d = dots(places, [7.5, -12.25, 4.0, -9.0, 8.0, 0.2], [1.0, 40.0, 2.0, 3.0, 1.0, 5.0])
    drawn = frame(DiscTable(pupil, torch.device("cpu")).drawn(d, 46, 60), 46, 60)
    assert_close(drawn, stamped(pupil, d, 46, 60), atol=1e-5, what="discs")


@pytest.mark.parametrize("radius_px", [0.6, 1.13, 3.3, 9.87, 41.1])
def test_between_them_the_second_moment_is_the_labeled_one(radius_px: float) -> None:
    d = dots([(60, 60)], [-radius_px], [1.0])
    drawn = frame(DiscTable(Aperture(), torch.device("cpu")).drawn(d, 121, 121), 121, 121)[0]
    assert float(drawn.sum()) == pytest.approx(1.0, abs=1e-5)
    labeled = 0.5 * radius_px**2 + 1 / 6 if radius_px > 0.75 else second_moment(Aperture().mask(radius_px))
    assert second_moment(drawn) == pytest.approx(labeled, rel=1e-4)


def test_spots_that_reach_no_row_of_the_frame_draw_nothing() -> None:
    assert DiscTable(Aperture(), torch.device("cpu")).drawn(dots([(-30, 5)], [4.0], [1.0]), 20, 20) is None


def test_on_a_slope_the_middle_of_a_disc_moves() -> None:
    """By s ∇s / 4, in parts of a pixel as well, and no light is lost."""
    slope = torch.tensor([[0.0], [0.02]], dtype=torch.float64)  # disparity a pixel, times K = 10: 0.2 px/px
    spot = BrightSpots(torch.tensor([50 * 101 + 50]), torch.ones(3, 1), torch.tensor([1.0]).double(), slope)
    seen = SpotDots.seen(spot, ThinLens(0.0, 10.0), Aperture(), 101, 0)
    drawn = frame(DiscTable(Aperture(), torch.device("cpu")).drawn(seen, 101, 101), 101, 101)[0].double()
    assert float(drawn.sum()) == pytest.approx(1.0, abs=1e-5)
    middle = float((drawn.sum(0) * torch.arange(101)).sum())
    assert middle == pytest.approx(50.0 + 10.0 * 0.2 / 4, abs=1e-3)


def test_a_full_table_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulator.scatter.disc_lines._MOST_ENTRIES", 50)
    table = DiscTable(Aperture(), torch.device("cpu"))
    for radius_px in (6.0, 9.0, 6.0):
        d = dots([(30, 30), (32, 40)], [radius_px, -radius_px - 1], [1.0, 2.0])
        assert_close(frame(table.drawn(d, 64, 64), 64, 64), stamped(Aperture(), d, 64, 64), atol=1e-5, what="discs")


def test_a_spot_in_a_dense_range_is_one_disc_of_its_color() -> None:
    """Also with a lens for each color, and where its depth group lies on a coarse grid."""
    aperture = Aperture(focus_shift=(0.02, 0.0, -0.02))
    image = torch.full((3, 96, 128), 0.01)
    image[:, 48, 64] = 0.9
    disparity = torch.linspace(0, 1, 128).expand(96, 128).contiguous()
    frames = render_stack(image, disparity, [ThinLens(0.05, 30.0)], aperture=aperture)[0].double() - 0.01
    for color, shift in zip(frames, aperture.focus_shift, strict=True):
        moment = second_moment(color[48 - 31 : 48 + 32, 64 - 31 : 64 + 32].clamp(min=2e-4).sub(2e-4))
        radius = 30.0 * (float(disparity[48, 64]) - 0.05 - shift)
        assert (2 * (moment - 1 / 6)) ** 0.5 == pytest.approx(radius, rel=0.04)
