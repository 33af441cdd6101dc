"""The sum of `spread_sum.py` as one Triton kernel: all bins of a group, all lenses, with spots mixed in registers.

Adding bin by bin would read and write the sum, and every mixed spot, once for each bin. Here a program keeps its part
of the sum in registers and reads only spectra and the table of spots. It gets their addresses in memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import torch
from jaxtyping import Complex
from torch import Tensor

from simulator.scatter.spread_bin import SpreadBin

triton: Any = import_module("triton")
tl: Any = import_module("triton.language")

_POINTS, _MAX_CHANNELS = 256, 4


def _summed(  # type: ignore[no-untyped-def]
    total,
    addresses,
    weights,
    bins,
    spots,
    spot,
    first_channel,
    channels,
    columns,
    points,
    CHANNELS: tl.constexpr,
    POINTS: tl.constexpr,
):
    """Write total [n, channels, columns, points], for one spot of each lens. A program sums POINTS points of a column.

    addresses: of the spectra [bins, n], the lower spots [bins, n, spots], the upper spots [bins, n, spots]; then the
    coarseness of each bin relative to the sum [bins, n]. Points are real numbers, two to a frequency.
    """
    column = tl.program_id(1)
    lens = tl.program_id(2)
    lenses = tl.num_programs(2)
    point = tl.program_id(0) * POINTS + tl.arange(0, POINTS)
    channel = tl.arange(0, CHANNELS)
    lower = addresses + bins * lenses
    upper = lower + bins * lenses * spots
    coarser = upper + bins * lenses * spots
    result = tl.zeros([CHANNELS, POINTS], dtype=tl.float32)
    for number in range(bins):
        entry = number * lenses + lens
        f = tl.load(coarser + entry).to(tl.int32)
        held_columns = (columns - 1) // f + 1
        held_points = points // f
        is_low = point < held_points // 2
        is_high = (point >= points - held_points // 2) & (point < points)
        offset = column * held_points + tl.where(is_low, point, point - points + held_points)
        held = (is_low | is_high) & (offset < held_columns * held_points)
        mix = entry * spots + spot
        a = tl.load(tl.load(lower + mix).to(tl.pointer_type(tl.float32)) + offset, mask=held, other=0.0)
        b = tl.load(tl.load(upper + mix).to(tl.pointer_type(tl.float32)) + offset, mask=held, other=0.0)
        mixed = a + tl.load(weights + mix) * (b - a)
        plane = (first_channel + channel[:, None]) * (held_columns * held_points)
        spectrum = tl.load(addresses + entry).to(tl.pointer_type(tl.float32))
        valid = held[None, :] & (channel[:, None] < channels)
        result += tl.load(spectrum + plane + offset[None, :], mask=valid, other=0.0) * mixed[None, :]
    row = ((lens * channels + channel[:, None]) * columns + column).to(tl.int64)
    inside = (point[None, :] < points) & (channel[:, None] < channels)
    tl.store(total + row * points + point[None, :], result, mask=inside)


_kernel = triton.jit(_summed)


def spread_sum(
    lenses: Sequence[Sequence[SpreadBin]], channels: slice, spots: slice, coarseness: int
) -> Complex[Tensor, "n c x hp"]:
    """Equals `spread_sum.spread_sum_by_torch` up to rounding. Spots must be real."""
    numbers = range(4)[channels]
    spot_numbers = range(lenses[0][0].spots.count)[spots]
    launch = _Launch(lenses, coarseness)
    if len(spot_numbers) == 1:
        return launch.run(numbers[0], len(numbers), spot_numbers[0])
    pairs = zip(numbers if len(numbers) > 1 else [numbers[0]] * len(spot_numbers), spot_numbers, strict=True)
    return torch.cat([launch.run(channel, 1, spot) for channel, spot in pairs], dim=1)


class _Launch:
    """Addresses and weights on the device, shared by all launches for the same bins."""

    def __init__(self, lenses: Sequence[Sequence[SpreadBin]], coarseness: int) -> None:
        first = lenses[0][0]
        self._lenses, self._bins, self._spots = len(lenses), len(lenses[0]), first.spots.count
        columns, points = first.spectrum.shape[-2:]
        f = first.coarseness // coarseness
        self._columns, self._points = (columns - 1) * f + 1, points * f
        spread = [bins[number] for number in range(self._bins) for bins in lenses]  # sorted by bin, then by lens
        assert all(bin_.spectrum.is_contiguous() for bin_ in spread)
        lower = [spot for bin_ in spread for spot in bin_.spots.low]
        upper = [spot for bin_ in spread for spot in bin_.spots.high]
        addresses = [tensor.data_ptr() for tensor in (*(bin_.spectrum for bin_ in spread), *lower, *upper)]
        addresses += [bin_.coarseness // coarseness for bin_ in spread]
        weights = [w for bin_ in spread for w in bin_.spots.weight]
        device = first.spectrum.device
        self._addresses = _copied_async(torch.tensor(addresses, dtype=torch.int64), device)
        self._weights = _copied_async(torch.tensor(weights, dtype=torch.float32), device)

    def run(self, first_channel: int, channels: int, spot: int) -> Complex[Tensor, "n c x hp"]:
        """The sum of `channels` channels from `first_channel` on, through one spot of each lens."""
        size = self._lenses, channels, self._columns, self._points
        total = torch.empty(size, device=self._weights.device)
        grid = (triton.cdiv(self._points, _POINTS), self._columns, self._lenses)
        _kernel[grid](
            total,
            self._addresses,
            self._weights,
            self._bins,
            self._spots,
            spot,
            first_channel,
            channels,
            self._columns,
            self._points,
            CHANNELS=1 if channels == 1 else _MAX_CHANNELS,
            POINTS=_POINTS,
        )
        return torch.view_as_complex(total.unflatten(-1, (-1, 2)))


def _copied_async(host: Tensor, device: torch.device) -> Tensor:
    """The tensor on the device, copied without waiting for it."""
    return host.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else host
