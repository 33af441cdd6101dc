"""The frequency domain: spectra, spots of every radius, and the blur on every octave."""

from __future__ import annotations

import pytest
import torch

from simulator import Aperture
from simulator.reference.scatter import spread
from simulator.scatter.convolve import BlurredGroup, spectra
from simulator.scatter.inner_spectrum import cropped
from simulator.scatter.octave import OctaveGrid, enlarged, rendered_radius
from simulator.scatter.spot_spectra import SpotSpectra, radius_steps
from simulator.scatter.spread_bin import SpreadBin
from tests.simulator.closeness import assert_close

CPU = torch.device("cpu")


def blurred(bins: torch.Tensor, radii: list[float], grid: OctaveGrid, octaves: list[int], octave: int) -> torch.Tensor:
    """[4, h, w] in the frame's pixels: each bin by its radius, within its own octave's part of the spectrum."""
    table = SpotSpectra(Aperture(), grid.padded_height, grid.padded_width, CPU)
    spread_bins = []
    for bin_, radius, own in zip(bins, radii, octaves, strict=True):
        spot = table.mix([rendered_radius(radius, 0, octave, own)], 2**own)
        spread_bins.append(SpreadBin(cropped(bin_, 2**own), spot, 2**own))
    frame = BlurredGroup([spread_bins], grid, 2**octave).all_channels()[0]
    for finer in range(octave - 1, -1, -1):
        frame = enlarged(frame, grid.height // 2**finer, grid.width // 2**finer, ring=1 if finer else 0)
    return frame


def blur_by_octave(radius: float, octave: int, own: int | None = None) -> tuple[torch.Tensor, torch.Tensor]:
    """A smooth random picture, drawn well beyond the frame, blurred on an octave's grid, and by the slow twin."""
    height, width, margin = 96, 120, 56
    content = torch.rand(4, 26, 29, generator=torch.Generator().manual_seed(3))
    size = (height + 2 * margin, width + 2 * margin)
    content = torch.nn.functional.interpolate(content[None], size=size, mode="bicubic")[0].clamp(min=0)
    grid = OctaveGrid.around(height, width, 48.0, 0, coarsest=3)
    fast = blurred(spectra(content[None], grid, margin), [radius], grid, [octave if own is None else own], octave)
    return fast, spread(content, Aperture().mask(radius))[:, margin:-margin, margin:-margin]


@pytest.mark.parametrize(("radius", "octave"), [(2.0, 0), (5.5, 0), (8.0, 1), (20.0, 2), (40.0, 3)])
def test_every_octave_blurs_like_the_twin(radius: float, octave: int) -> None:
    fast, slow = blur_by_octave(radius, octave)
    # Octave 0 is exact but for float32. Coarse grids soften the spot's rim at the same second moment: on a picture of
    # random 8 px detail that is 0.7 % rms; on the path-traced scenes it costs nothing (docs/renderer.md).
    if octave == 0:
        assert_close(fast, slow, atol=1e-5, what=f"r = {radius}")
    else:
        assert float((fast - slow).pow(2).mean().sqrt()) < 0.01
        assert_close(fast.mean((1, 2)), slow.float().mean((1, 2)).double(), atol=2e-3, what="mean light")


@pytest.mark.parametrize(("radius", "own"), [(8.0, 1), (20.0, 2), (40.0, 3)])
def test_a_wide_spot_among_narrow_ones_needs_only_the_inner_spectrum(radius: float, own: int) -> None:
    fast, slow = blur_by_octave(radius, 0, own)
    assert float((fast - slow).pow(2).mean().sqrt()) < 0.01


def test_channel_by_channel_is_the_whole() -> None:
    grid = OctaveGrid.around(24, 30, 6.0, 0, coarsest=1)
    bin_ = spectra(torch.rand(1, 4, 24, 30, generator=torch.Generator().manual_seed(1)), grid, 0)[0]
    table = SpotSpectra(Aperture(), grid.padded_height, grid.padded_width, CPU)
    for radii in ([3.0], [2.0, 3.0, 4.0]):  # one lens for all colors, or one each
        group = BlurredGroup([[SpreadBin(bin_, table.mix(radii), 1)]], grid, 1)
        apart = [group.light(c) for c in range(3)] + [group.coverage(c) for c in range(group.coverages)]
        assert_close(torch.cat(apart, dim=1), group.all_channels(), atol=1e-6, what=f"{len(radii)} lenses")


def test_bins_of_several_radii_add_up() -> None:
    """Linear: the sum of spectra times spots is the sum of the blurred bins; a bin that is empty changes nothing."""
    grid = OctaveGrid.around(40, 50, 6.0, 0, coarsest=0)
    bins = torch.rand(3, 4, 40, 50, generator=torch.Generator().manual_seed(1))
    bins[1] = 0.0
    bins[2, :, :9] = 0.0  # rows without content are not transformed
    together = blurred(torch.cat([spectra(bin_[None], grid, 0) for bin_ in bins]), [1.0, 3.0, 5.0], grid, [0, 0, 0], 0)
    apart = [spread(content, Aperture().mask(r)) for content, r in ((bins[0], 1.0), (bins[2], 5.0))]
    assert_close(together, apart[0] + apart[1], atol=2e-5, what="two bins")


@pytest.mark.parametrize(("first", "end"), [(30, 36), (3, 9), (0, 12), (85, 96)])
@pytest.mark.parametrize(("radius", "octave"), [(5.5, 0), (9.0, 1), (22.0, 2)])
def test_a_strip_blurs_like_the_whole_frame(first: int, end: int, radius: float, octave: int) -> None:
    """Content of few rows, also at the picture's edge where it is repeated."""
    height, width = 96, 64
    content = torch.zeros(1, 4, height, width)
    content[..., first:end, :] = torch.rand(4, end - first, width, generator=torch.Generator().manual_seed(2))
    frame = OctaveGrid.around(height, width, 22.0, 0, coarsest=2)
    held = first or None, end if end < height else None
    strip = frame.strip(*held)
    assert (strip.parts > 1) == (end - first == 6)
    pictures = []
    for grid in (frame, strip):
        table = SpotSpectra(Aperture(), frame.padded_height, frame.padded_width, CPU)
        spot = table.mix([rendered_radius(radius, 0, octave, octave)], 2**octave, grid.parts)
        bin_ = cropped(spectra(content, grid, 0, slice(first, end))[0], 2**octave)
        rows = grid.rows_reached(*held, radius, octave)
        group = BlurredGroup([[SpreadBin(bin_, spot, 2**octave)]], grid, 2**octave, rows)
        coarse = frame.coarser(octave)
        whole = torch.zeros(4, coarse.rows.stop - coarse.rows.start, coarse.columns.stop - coarse.columns.start)
        whole[:, group.rows] = group.all_channels()[0]
        pictures.append(whole)
    # A cut spectrum leaves a tail of less than 0.002 beyond the rows that are computed.
    assert_close(pictures[1], pictures[0], atol=2e-5 if octave == 0 else 2e-3, what=f"rows {first} to {end}")


def test_content_beyond_the_frame_spreads_into_it() -> None:
    """With a margin drawn, a lamp outside the frame lights it up; cut where it is larger than the padding."""
    margin = 16
    canvas = torch.zeros(1, 4, 40 + 2 * margin, 40 + 2 * margin)
    canvas[..., margin - 3, margin + 20] = 1.0  # three pixels above the frame
    grid = OctaveGrid.around(40, 40, 6.0, 0, coarsest=0)
    frame = blurred(spectra(canvas, grid, margin), [6.0], grid, [0], 0)
    assert float(frame[0, 0, 20]) == pytest.approx(float(Aperture().mask(6.0)[6 + 3, 6]), abs=1e-6)
    assert float(frame[0, 8:].abs().max()) < 1e-6


def test_a_radius_between_steps_keeps_its_second_moment() -> None:
    """The moment is the curvature of the spectrum at zero frequency."""
    spots = SpotSpectra(Aperture(), 240, 240, CPU)
    frequency = torch.fft.fftfreq(240)[1]
    for radius in (1.1, 3.6, 9.3, 16.5):
        drop = 1.0 - spots.mix([radius]).mixed[0, 0, 2].double()  # every value stands twice
        variance = drop / (2 * torch.pi**2 * frequency**2)  # along one axis: r²/4 + 1/12, to second order
        fourth_order = 1 + 2 * torch.pi**2 * frequency**2 * (radius**2 / 4) / 2
        assert float(variance * fourth_order) == pytest.approx(radius**2 / 4 + 1 / 12, rel=5e-3)


def test_steps_rise_and_reach_the_largest_radius() -> None:
    steps = radius_steps(64)
    assert list(steps) == sorted(set(steps))
    assert steps[-1] == 64.0
