"""Scatter: every source pixel spreads its light over its disc, bin by bin in the frequency domain.

A bin is light times share (3 channels) and the share itself (the fourth, "coverage"), so that color and coverage are
blurred alike. A product of spectra is a circular convolution: the frame is padded by the largest radius, so that
nothing wraps into it.

Spectra are stored in the order of the second transform, frequencies along x first, and as pairs of real numbers. The
spectrum of a point-symmetric spot is real; with each of its values stored twice, multiplying by it is a real product.
The spectra of other spots are complex. With longitudinal chromatic aberration each channel has its own spot and its own
coverage.

A wide spot passes only low frequencies: its bin is multiplied within the inner part of the spectrum, and a group whose
spots are all wide is inverted on a grid as many times coarser. "Coarseness" f is that factor: 1, 2, 4 or 8; the inner
part has X/f frequencies along x and H'/f along y.
Letters: L bins; n lenses; r radius in cells of the grid; X = W'/2 + 1 frequencies along x; f coarseness.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import torch
import torch.nn.functional as F
from jaxtyping import Complex, Float
from torch import Tensor

from simulator.scatter.disc_lines import DirectLight
from simulator.scatter.near_focus import NearFocus
from simulator.scatter.octave import OctaveGrid
from simulator.scatter.spread_bin import SpreadBin
from simulator.scatter.spread_sum import spread_sum

_LEAST_OF_FIRST_MODE = 0.1
"""The first mode is a mean pupil, never negative. A few modes are below 0
beside things far above white, and pixels would be black there."""
WeightedModes = Sequence[tuple[Sequence[Sequence[SpreadBin]], Tensor]]


def spectra(
    pictures: Float[Tensor, "l c h w"],
    grid: OctaveGrid,
    margin: int,
    rows: slice | None = None,
    *,
    repeats_edges: bool = True,
) -> Float[Tensor, "l c x twohp"]:
    """Spectra of real pictures with `margin` cells beyond the frame: padded, transformed along x, then along y.

    Padding repeats the edges, or is empty. Rows are repeated after their transform along x: each is transformed once.
    `rows` hold all content; other rows are taken as empty.
    """
    trim = max(0, margin - grid.padding)
    height, width = pictures.shape[-2:]
    rows = rows or slice(0, height)
    start = min(max(rows.start, trim), height - trim - 1)
    stop = max(min(rows.stop, height - trim), start + 1)
    left = grid.padding - (margin - trim)
    sides = (left, grid.padded_width - (width - 2 * trim) - left, 0, 0)
    padded_rows = F.pad(
        pictures[..., start:stop, trim : width - trim], sides, mode="replicate" if repeats_edges else "constant"
    )
    along_x = torch.fft.rfft(padded_rows, norm="forward").transpose(-1, -2)  # [l, c, X, h]
    size = (*pictures.shape[:2], grid.padded_width // 2 + 1, grid.padded_height)
    padded = torch.empty(size, dtype=along_x.dtype, device=along_x.device)
    to_padded = grid.above - grid.top - margin  # offset from a row of the pictures
    first, end = to_padded + start, to_padded + stop
    padded[..., :first] = along_x[..., :1] if repeats_edges and start == 0 else 0
    padded[..., first:end] = along_x
    padded[..., end:] = along_x[..., -1:] if repeats_edges and stop == height else 0
    return torch.view_as_real(torch.fft.fft(padded, norm="forward")).flatten(-2)


class BlurredGroup:
    """The inverse transform of Σ_l bin_l · spot_l within the frame, for n lenses; computed when a channel is read.

    lenses:     for each lens, its bins, all at least as coarse as `coarseness`.
    grid:       the grid of the bins.
    coarseness: f of the result's grid. On coarse octaves a ring of one cell lies around the frame.
    rows:       rows to compute, of the result's grid with its ring: all, or those that the group reaches.
    near:       for each lens, and each color with its own lens, what is spread without bins (see `near_focus`).
    discs:      for each lens, and each color with its own lens, light on the frame's pixels: see `add_discs`.
    modes:      of a pupil that varies over the frame: the bins of each mode, as `lenses`, which are then those of the
                first, and its weight at the cells of the result's grid in the whole frame with its ring.

    Raises ValueError when a lens has neither bins nor content near focus.
    """

    def __init__(
        self,
        lenses: Sequence[Sequence[SpreadBin]],
        grid: OctaveGrid,
        coarseness: int,
        rows: slice | None = None,
        near: Sequence[Sequence[NearFocus]] = (),
        discs: Sequence[Sequence[DirectLight | None]] = (),
        modes: WeightedModes = (),
    ) -> None:
        if not lenses or not (all(lenses) or near):
            raise ValueError(f"lenses must each have a bin at least, got {[len(bins) for bins in lenses]} bins")
        if len({len(bins) for bins in lenses}) > 1:
            raise ValueError(f"lenses must have the same bins, got {[len(bins) for bins in lenses]} bins")
        self._lenses, self._near, self._discs, self._modes = lenses, near, discs, modes
        self._finest, self._grid = grid, grid.coarser(grid.octave + coarseness.bit_length() - 1)
        self._rows = rows or slice(0, self._grid.rows.stop - self._grid.rows.start)

    @property
    def octave(self) -> int:
        return self._grid.octave

    @property
    def rows(self) -> slice:
        """Rows of the group in the frame with its ring."""
        return slice(self._grid.top + self._rows.start, self._grid.top + self._rows.stop)

    @property
    def coverages(self) -> int:
        """k: 1, or 3 where each color sees through its own lens."""
        return len(self._near[0]) if self._near else self._lenses[0][0].spots.count

    def light(self, color: int) -> Float[Tensor, "n 1 h w"]:
        """Blurred light of one color, [n, 1, h, w]."""
        lens = color if self.coverages > 1 else 0
        return self._blurred(slice(color, color + 1), slice(lens, lens + 1))

    def coverage(self, lens: int) -> Float[Tensor, "n 1 h w"]:
        """Blurred coverage as one of the k lenses sees it, [n, 1, h, w]."""
        return self._blurred(slice(3, 4), slice(lens, lens + 1))

    def all_channels(self) -> Float[Tensor, "n c h w"]:
        """Blurred light and coverage, [n, c, h, w] with c = 3 + k."""
        if self.coverages == 1:
            return self._blurred(slice(4), slice(1))
        return torch.cat([self._blurred(slice(3), slice(3)), self._blurred(slice(3, 4), slice(3))], dim=1)

    def _blurred(self, channels: slice, spots: slice) -> Float[Tensor, "n c h w"]:
        blurred = self._from_spectra(channels, spots) if any(self._lenses) else self._zeros(channels, spots)
        for frame, zones in zip(blurred, self._near, strict=True) if self._near else ():
            self._add_near_focus(frame, zones, channels, spots)
        if not self.octave:
            self.add_discs(blurred, channels, self.rows.start)
        return blurred

    def add_discs(self, frames: Float[Tensor, "n c h w"], channels: slice, top: int) -> None:
        """Add the discs to these channels of frames, whose first row is row `top` of the frame.

        On the finest octave the channels above have them; those of coarser ones get them when they are enlarged.
        """
        for frame, colors in zip(frames, self._discs, strict=True) if self._discs else ():
            for channel, number in zip(frame, range(3)[channels], strict=False):
                discs = colors[number if len(colors) > 1 else 0]
                if discs is not None:
                    light = discs.light[0 if len(colors) > 1 else number]
                    start, stop = max(discs.top, top), min(discs.top + light.shape[0], top + channel.shape[0])
                    if stop > start:
                        channel[start - top : stop - top] += light[start - discs.top : stop - discs.top]

    def _zeros(self, channels: slice, spots: slice) -> Float[Tensor, "n c h w"]:
        """Zeros [n, c, h, w], for a group that lies entirely near the plane in focus."""
        count = max(len(range(4)[channels]), len(range(self.coverages)[spots]))
        directs = [zone.direct for zones in self._near for zone in zones if zone.direct is not None]
        height, width = self._rows.stop - self._rows.start, self._grid.width
        return torch.zeros(len(self._lenses), count, height, width, device=directs[0].device if directs else None)

    def _add_near_focus(
        self, frame: Float[Tensor, "c h w"], zones: Sequence[NearFocus], channels: slice, spots: slice
    ) -> None:
        """Add the content that was spread without bins, each channel as its lens sees it."""
        numbers, lenses = range(4)[channels], range(self.coverages)[spots]
        for index in range(frame.shape[0]):
            zone = zones[lenses[index] if len(lenses) > 1 else lenses[0]]
            if zone.direct is not None:
                channel = zone.direct[numbers[index] if len(numbers) > 1 else numbers[0]]
                first, top = self._grid.top + self._rows.start, zone.top
                start, stop = max(top, first), min(top + channel.shape[0], first + frame.shape[1])
                if stop > start:
                    frame[index, start - first : stop - first] += channel[start - top : stop - top]

    def _from_spectra(self, channels: slice, spots: slice) -> Float[Tensor, "n c h w"]:
        if not self._modes:
            return self._inverted(self._lenses, channels, spots)
        first, mixed = None, None
        for lenses, weight in self._modes:
            part, share = self._inverted(lenses, channels, spots), weight[self.rows]
            if first is None or mixed is None:
                first = part * share
                mixed = first.clone()
            else:
                mixed.addcmul_(part, share)
        assert first is not None
        assert mixed is not None
        return torch.maximum(mixed, first.mul_(_LEAST_OF_FIRST_MODE), out=mixed)

    def _inverted(
        self, lenses: Sequence[Sequence[SpreadBin]], channels: slice, spots: slice
    ) -> Float[Tensor, "n c h w"]:
        coarseness = 2 ** (self._grid.octave - self._finest.octave)
        total = spread_sum(lenses, channels, spots, coarseness)
        if coarseness > 1:
            size = self._finest.padded_height, self._finest.padded_width
            total = total * _to_cell_middles(*size, coarseness, total.device)
        first = self._grid.rows.start
        rows = slice(first + self._rows.start, first + self._rows.stop)
        # The spectra are scaled already ("forward"): no scaling here, however few of the frequencies are left.
        along_x = torch.fft.ifft(total, norm="forward")[..., rows].transpose(-1, -2)  # [n, c, h, X]
        return torch.fft.irfft(along_x, n=self._grid.padded_width, norm="forward")[..., self._grid.columns]


@lru_cache(maxsize=64)
def _to_cell_middles(height: int, width: int, coarseness: int, device: torch.device) -> Complex[Tensor, "x hp"]:
    """Phases [X, H'] that shift by (f − 1)/2 fine cells: from the first fine cell of a coarse cell to its middle.

    height, width: of the padded fine grid.
    """
    phases = []
    for length, frequencies in ((width, torch.fft.rfftfreq), (height, torch.fft.fftfreq)):
        cycles = frequencies(length // coarseness, dtype=torch.float64) / coarseness  # per fine cell
        phases.append(torch.polar(torch.ones_like(cycles), math.pi * (coarseness - 1) * cycles))
    return (phases[0][:, None] * phases[1]).to(torch.complex64).to(device)
