"""The frequency domain: spectra, spots of every radius, and the blur on every octave."""

from __future__ import annotations

import pytest
import torch

from simulator import Aperture
from simulator.octave import OctaveGrid, drawn_radius, enlarged, halved
from simulator.reference import spread
from simulator.scatter import SpotSpectra, blurred, radius_steps, spectra
from tests.simulator.closeness import assert_close

CPU = torch.device("cpu")


def blur_by_octave(radius: float, octave: int) -> tuple[torch.Tensor, torch.Tensor]:
    """A smooth random picture, drawn well beyond the frame, blurred on an octave's grid, and by the slow twin.

    Without the margin they would differ at the border: what a coarse grid repeats is the mean of a cell.
    """
    height, width, margin = 96, 120, 56
    content = torch.rand(4, 26, 29, generator=torch.Generator().manual_seed(3))
    size = (height + 2 * margin, width + 2 * margin)
    content = torch.nn.functional.interpolate(content[None], size=size, mode="bicubic")[0].clamp(min=0)
    grid = OctaveGrid.around(height, width, 48.0, octave)
    coarse = content[None]
    for _ in range(octave):
        coarse = halved(coarse)
    spot = SpotSpectra(Aperture(), grid.padded_height, grid.padded_width, CPU).of(drawn_radius(radius, octave))
    fast = blurred(spectra(coarse, grid, margin // 2**octave), [spot], grid)
    for finer in range(octave - 1, -1, -1):
        fast = enlarged(fast, height // 2**finer, width // 2**finer, ring=1 if finer else 0)
    return fast, spread(content, Aperture().mask(radius))[:, margin:-margin, margin:-margin]


@pytest.mark.parametrize(("radius", "octave"), [(2.0, 0), (5.5, 0), (9.0, 1), (20.0, 2), (40.0, 3)])
def test_every_octave_blurs_like_the_twin(radius: float, octave: int) -> None:
    fast, slow = blur_by_octave(radius, octave)
    # Octave 0 is exact but for float32. Coarse grids soften the spot's rim at the same second moment: on a picture of
    # random 8 px detail that is 0.7 % rms; on the path-traced scenes it costs nothing (docs/renderer.md).
    if octave == 0:
        assert_close(fast, slow, atol=1e-5, what=f"r = {radius}")
    else:
        assert float((fast - slow).pow(2).mean().sqrt()) < 0.01
        assert_close(fast.mean((1, 2)), slow.float().mean((1, 2)).double(), atol=2e-3, what="mean light")


def test_bins_of_several_radii_add_up() -> None:
    """Linear: the sum of spectra times spots is the sum of the blurred bins; a bin that is empty changes nothing."""
    grid = OctaveGrid.around(40, 50, 6.0, 0)
    bins = torch.rand(3, 4, 40, 50, generator=torch.Generator().manual_seed(1))
    bins[1] = 0.0
    table = SpotSpectra(Aperture(), grid.padded_height, grid.padded_width, CPU)
    together = blurred(spectra(bins, grid, 0), [table.of(r) for r in (1.0, 3.0, 5.0)], grid)
    apart = [spread(content, Aperture().mask(r)) for content, r in ((bins[0], 1.0), (bins[2], 5.0))]
    assert_close(together, apart[0] + apart[1], atol=2e-5, what="two bins")


def test_content_beyond_the_frame_spreads_into_it() -> None:
    """With a margin drawn, a lamp outside the frame lights it up; cut where it is larger than the padding."""
    margin = 16
    canvas = torch.zeros(1, 4, 40 + 2 * margin, 40 + 2 * margin)
    canvas[..., margin - 3, margin + 20] = 1.0  # three pixels above the frame
    grid = OctaveGrid.around(40, 40, 6.0, 0)
    spot = SpotSpectra(Aperture(), grid.padded_height, grid.padded_width, CPU).of(6.0)
    frame = blurred(spectra(canvas, grid, margin), [spot], grid)
    assert float(frame[0, 0, 20]) == pytest.approx(float(Aperture().mask(6.0)[6 + 3, 6]), abs=1e-6)
    assert float(frame[0, 8:].abs().max()) < 1e-6


def test_a_radius_between_steps_keeps_its_second_moment() -> None:
    """The moment is the curvature of the spectrum at zero frequency."""
    spots = SpotSpectra(Aperture(), 240, 240, CPU)
    frequency = torch.fft.fftfreq(240)[1]
    for radius in (1.1, 3.6, 9.3, 16.5):
        drop = 1.0 - spots.of(radius)[0, 2].double()  # every value stands twice
        variance = drop / (2 * torch.pi**2 * frequency**2)  # along one axis: r²/4 + 1/12, to second order
        fourth_order = 1 + 2 * torch.pi**2 * frequency**2 * (radius**2 / 4) / 2
        assert float(variance * fourth_order) == pytest.approx(radius**2 / 4 + 1 / 12, rel=5e-3)


def test_steps_rise_and_reach_the_largest_radius() -> None:
    steps = radius_steps(64)
    assert steps == sorted(set(steps))
    assert steps[-1] == 64.0
