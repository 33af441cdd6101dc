"""The frequency domain: grids, octaves, and spots of every radius."""

from __future__ import annotations

import pytest
import torch

from simulator import Aperture
from simulator.reference import spread
from simulator.scatter import PaddedGrid, blurred, octave_of, octave_spectra, planar_spectra, radius_steps, spot_spectra
from tests.simulator.closeness import assert_close

CPU = torch.device("cpu")


@pytest.mark.parametrize(("height", "width", "reach"), [(64, 64, 0), (117, 231, 13), (480, 320, 40)])
def test_a_grid_has_room_and_cheap_even_sides_on_every_octave(height: int, width: int, reach: int) -> None:
    grid = PaddedGrid.around(height, width, reach)
    assert grid.padding >= reach
    for side, padded in ((height, grid.padded_height), (width, grid.padded_width)):
        assert padded >= side + 2 * grid.padding
        assert padded % 16 == 0
        rest = padded
        for factor in (2, 3, 5):
            while rest % factor == 0:
                rest //= factor
        assert rest == 1


def blur_by_octave(radius: float, octave: int) -> tuple[torch.Tensor, torch.Tensor]:
    """A smooth random picture blurred on an octave's grid, and by the slow twin."""
    content = torch.rand(4, 12, 15, generator=torch.Generator().manual_seed(3))
    content = torch.nn.functional.interpolate(content[None], size=(96, 120), mode="bicubic")[0].clamp(min=0)
    grid = PaddedGrid.around(96, 120, 48)
    p = grid.padding
    extra = (p, grid.padded_width - 120 - p, p, grid.padded_height - 96 - p)
    padded = torch.nn.functional.pad(content[None], extra, mode="replicate")
    spectra = octave_spectra(planar_spectra(padded), grid.padded_width, octave)
    disc = spot_spectra(Aperture(), grid, CPU).of(radius, octave)
    return grid.cropped(blurred(spectra, [disc]), octave), spread(content, Aperture().mask(radius))


@pytest.mark.parametrize(("radius", "octave"), [(2.0, 0), (5.5, 0), (9.0, 1), (20.0, 2), (40.0, 3)])
def test_every_octave_blurs_like_the_twin(radius: float, octave: int) -> None:
    fast, slow = blur_by_octave(radius, octave)
    # Octave 0 is exact but for float32. Coarse grids soften the spot's rim at the same second moment: on a picture of
    # random 8 px detail that is 1 % rms; on the path-traced scenes it costs nothing (docs/renderer.md).
    if octave == 0:
        assert_close(fast, slow, atol=1e-5, what=f"r = {radius}")
    else:
        assert float((fast - slow).pow(2).mean().sqrt()) < 0.01
        assert_close(fast.mean((1, 2)), slow.float().mean((1, 2)).double(), atol=1e-3, what="mean light")


def test_octaves_follow_the_radius() -> None:
    assert [octave_of(r) for r in (0.0, 7.9, 8.0, 18.0, 38.0, 500.0)] == [0, 0, 1, 2, 3, 3]


def test_a_radius_between_steps_keeps_its_second_moment() -> None:
    """The moment is the curvature of the spectrum at zero frequency."""
    grid = PaddedGrid.around(200, 200, 20)
    spots = spot_spectra(Aperture(), grid, CPU)
    frequency = torch.fft.fftfreq(grid.padded_height)[1]
    for radius in (1.1, 3.6, 9.3, 16.5):
        drop = 1.0 - spots.of(radius, 0)[1, 0].double()
        variance = drop / (2 * torch.pi**2 * frequency**2)  # along one axis: r²/4 + 1/12, to second order
        fourth_order = 1 + 2 * torch.pi**2 * frequency**2 * (radius**2 / 4) / 2
        assert float(variance * fourth_order) == pytest.approx(radius**2 / 4 + 1 / 12, rel=5e-3)


def test_steps_rise_and_reach_the_largest_radius() -> None:
    steps = radius_steps(64)
    assert steps == sorted(set(steps))
    assert steps[-1] == 64.0
