"""The sum of `spread_sum.py` as one Triton kernel: all bins of a group, all lenses, spots mixed on the way.

Bin by bin the sum itself would be read and written once for each of them, and so would every mixed spot; here a
program keeps its part of the sum in registers, and reads only spectra and table. Spectra and tabulated spots lie
wherever torch put them: the kernel is given their addresses.
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

_POINTS, _MOST_CHANNELS = 256, 4


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
    """total [n, channels, columns, points] of one of the spots of each lens. A program: some points of a column.

    addresses: of the spectra [bins, n], the lower spots [bins, n, spots], the upper spots [bins, n, spots]; and how
    much coarser than the sum each bin is [bins, n]. Points are real numbers, two to a frequency.
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
        of_lens = number * lenses + lens
        f = tl.load(coarser + of_lens).to(tl.int32)
        held_columns = (columns - 1) // f + 1
        held_points = points // f
        is_low = point < held_points // 2
        is_high = (point >= points - held_points // 2) & (point < points)
        at = column * held_points + tl.where(is_low, point, point - points + held_points)
        held = (is_low | is_high) & (at < held_columns * held_points)
        mix = of_lens * spots + spot
        a = tl.load(tl.load(lower + mix).to(tl.pointer_type(tl.float32)) + at, mask=held, other=0.0)
        b = tl.load(tl.load(upper + mix).to(tl.pointer_type(tl.float32)) + at, mask=held, other=0.0)
        mixed = a + tl.load(weights + mix) * (b - a)
        plane = (first_channel + channel[:, None]) * (held_columns * held_points)
        spectrum = tl.load(addresses + of_lens).to(tl.pointer_type(tl.float32))
        wanted = held[None, :] & (channel[:, None] < channels)
        result += tl.load(spectrum + plane + at[None, :], mask=wanted, other=0.0) * mixed[None, :]
    row = ((lens * channels + channel[:, None]) * columns + column).to(tl.int64)
    inside = (point[None, :] < points) & (channel[:, None] < channels)
    tl.store(total + row * points + point[None, :], result, mask=inside)


_kernel = triton.jit(_summed)


def spread_sum(
    lenses: Sequence[Sequence[SpreadBin]], channels: slice, spots: slice, coarseness: int
) -> Complex[Tensor, "n c x hp"]:
    """What `spread_sum.spread_sum_by_torch` gives, but for rounding; spots must be real."""
    numbers = range(4)[channels]
    of_lens = range(lenses[0][0].spots.count)[spots]
    launch = _Launch(lenses, coarseness)
    if len(of_lens) == 1:
        return launch.of(numbers[0], len(numbers), of_lens[0])
    pairs = zip(numbers if len(numbers) > 1 else [numbers[0]] * len(of_lens), of_lens, strict=True)
    return torch.cat([launch.of(channel, 1, spot) for channel, spot in pairs], dim=1)


class _Launch:
    """What launches for the same bins share: addresses and weights on the device."""

    def __init__(self, lenses: Sequence[Sequence[SpreadBin]], coarseness: int) -> None:
        first = lenses[0][0]
        self._lenses, self._bins, self._spots = len(lenses), len(lenses[0]), first.spots.count
        columns, points = first.spectrum.shape[-2:]
        f = first.coarseness // coarseness
        self._columns, self._points = (columns - 1) * f + 1, points * f
        spread = [bins[number] for number in range(self._bins) for bins in lenses]  # bin by bin, in it lens by lens
        assert all(bin_.spectrum.is_contiguous() for bin_ in spread)
        lower = [spot for bin_ in spread for spot in bin_.spots.low]
        upper = [spot for bin_ in spread for spot in bin_.spots.high]
        addresses = [tensor.data_ptr() for tensor in (*(bin_.spectrum for bin_ in spread), *lower, *upper)]
        addresses += [bin_.coarseness // coarseness for bin_ in spread]
        weights = [w for bin_ in spread for w in bin_.spots.weight]
        device = first.spectrum.device
        self._addresses = _sent(torch.tensor(addresses, dtype=torch.int64), device)
        self._weights = _sent(torch.tensor(weights, dtype=torch.float32), device)

    def of(self, first_channel: int, channels: int, spot: int) -> Complex[Tensor, "n c x hp"]:
        """Some channels through one of each lens's spots."""
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
            CHANNELS=1 if channels == 1 else _MOST_CHANNELS,
            POINTS=_POINTS,
        )
        return torch.view_as_complex(total.unflatten(-1, (-1, 2)))


def _sent(host: Tensor, device: torch.device) -> Tensor:
    """Without waiting for the device."""
    return host.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else host
