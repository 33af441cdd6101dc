"""Discs of single spots, each at its own radius, drawn along lines: only where the light changes, then summed along x.

Along a line of pixels a spot rises at one end, is even, and falls at the other. The differences of a disc of radius r
are about 12 r numbers instead of π r². Between tabulated radii a difference is linear in q = r², so that the second
moment, and with it the labeled radius, is met at every radius.
Letters: P spots; E entries, differences that are not 0; k channels; q squared radius, px².
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from simulator.layers.bright_spots import BrightSpots
from simulator.optics.aperture import IDENTITY_RADIUS_PX, Aperture
from simulator.optics.lens import ThinLens

_STEP_PX = 0.25  # of the tabulated radii
_EVEN = 1e-6  # of the spot's largest difference: smaller ones are rounding
_MOST_ENTRIES = 1 << 20  # 20 MB: of a table, and of those spread at once
_LEAST_SHIFT_PX = 0.02


class DirectLight(NamedTuple):
    """Light [k, rows, W] on rows of the frame from `top` on."""

    light: Tensor
    top: int


@dataclass(frozen=True)
class SpotDots:
    """P spots as one lens and its slopes place them; all on the CPU, but for `light`.

    row, column: [P] of the frame; they may lie outside.
    defocus_px:  [P] signed radius.
    light:       [k, P].
    """

    row: Int[Tensor, "p"]
    column: Int[Tensor, "p"]
    defocus_px: Float[Tensor, "p"]
    light: Float[Tensor, "k p"]

    @classmethod
    def seen(cls, spots: BrightSpots, lens: ThinLens, pupil: Aperture, width: int, margin: int) -> SpotDots:
        """The spots through a lens. width: of the grid of their pixels, which extends `margin` beyond the frame.

        On a slope the middle of a disc moves by s ∇s ⟨u²⟩ (see `depth_group`): the light is shared by the four pixels
        around it.
        """
        s = lens.blur_scale_px * (spots.disparity - lens.focus_disparity)
        row, column = spots.pixel // width - margin, spots.pixel % width - margin
        shift = spots.slope * (s * (0.5 * pupil.moment() * lens.blur_scale_px))  # [2, P]
        if not shift.numel() or float(shift.abs().amax()) < _LEAST_SHIFT_PX:
            return cls(row, column, s, spots.light)
        whole = shift.floor()
        down, right = shift - whole
        shares = [(1.0 - down) * (1.0 - right), (1.0 - down) * right, down * (1.0 - right), down * right]
        row, column = row + whole[0].long(), column + whole[1].long()
        rows, columns = torch.cat([row, row, row + 1, row + 1]), torch.cat([column, column + 1, column, column + 1])
        share = torch.cat(shares)
        kept = (share > _LEAST_SHIFT_PX / 4).nonzero()[:, 0]
        of_spot = kept % spots.count
        total = torch.zeros_like(s).index_add_(0, of_spot, share[kept])
        weight = _on_device((share[kept] / total[of_spot]).float(), spots.light.device)
        light = spots.light[:, _on_device(of_spot, spots.light.device)] * weight
        return cls(rows[kept], columns[kept], s[of_spot], light)


class DiscTable:
    """Differences along x of a pupil's spots, in the intervals between tabulated radii, computed when first needed.

    An entry is start + rise · w, where w runs from 0 to 1 over the interval, linearly in q. Its place is an offset from
    the spot's middle.
    """

    def __init__(self, pupil: Aperture, device: torch.device) -> None:
        self._pupil, self._device = pupil, device
        self._clear()

    def _clear(self) -> None:
        self._entries: dict[tuple[int, int], tuple[int, int]] = {}  # (side, interval): the first, and how many
        self._offset = torch.zeros(2, 0, dtype=torch.long, device=self._device)  # [2, E] down, right
        self._value = torch.zeros(2, 0, device=self._device)  # [2, E] start, rise

    def drawn(self, dots: SpotDots, height: int, width: int) -> DirectLight | None:
        """The discs on the rows of the frame that they reach; None where they reach none."""
        radius = dots.defocus_px.abs()
        reach = radius.ceil().long() + 1
        top, bottom = max(int((dots.row - reach).min()), 0), min(int((dots.row + reach).max()) + 1, height)
        if bottom <= top:
            return None
        interval = ((radius - IDENTITY_RADIUS_PX) / _STEP_PX).floor().clamp_(min=0)
        low = interval * _STEP_PX + IDENTITY_RADIUS_PX
        share = ((radius**2 - low**2) / ((low + _STEP_PX) ** 2 - low**2)).clamp_(0.0, 1.0)
        side = dots.defocus_px.sign() if self._pupil.is_two_sided else torch.full_like(radius, -1.0)
        keys = list(zip(side.long().tolist(), interval.long().tolist(), strict=True))
        self._need(set(keys))
        first, count = torch.tensor([self._entries[key] for key in keys]).T
        picture = torch.zeros(len(dots.light), (bottom - top) * (width + 1) + 1, device=self._device)
        run = count.cumsum(0) // _MOST_ENTRIES
        for number in range(int(run[-1]) + 1):
            span = slice(*torch.searchsorted(run, torch.tensor([number, number + 1])).tolist())
            if span.stop > span.start:
                self._add(picture, dots, share, (first, count), span, slice(top, bottom))
        lines = picture[:, :-1].view(len(picture), bottom - top, width + 1)
        return DirectLight(lines[..., :width].cumsum(-1), top)

    def _add(
        self, picture: Tensor, dots: SpotDots, share: Tensor, entries: tuple[Tensor, Tensor], span: slice, rows: slice
    ) -> None:
        """Add the entries of a run of spots to the differences on these rows; the last cell takes what lies beyond.

        What begins to the left of the frame begins in its first column.
        """
        first, count = (part[span] for part in entries)
        total, columns = int(count.sum()), picture.shape[1] // (rows.stop - rows.start)
        numbers = torch.stack([dots.row[span] - rows.start, dots.column[span], first - count.cumsum(0) + count, count])
        row, column, offset, count = _on_device(numbers, self._device)
        spot = torch.repeat_interleave(count, output_size=total)  # [E]
        entry = torch.arange(total, device=self._device) + offset.index_select(0, spot)
        down, right = self._offset.index_select(1, entry)
        y, x = row.index_select(0, spot) + down, column.index_select(0, spot) + right
        is_inside = (y >= 0) & (y < rows.stop - rows.start)
        place = torch.where(is_inside, y * columns + x.clamp_(0, columns - 1), picture.shape[1] - 1)
        start, rise = self._value.index_select(1, entry)
        value = start.addcmul_(rise, _on_device(share[span].float(), self._device).index_select(0, spot))
        for channel, light in zip(picture, dots.light, strict=True):
            channel.index_add_(0, place, light[span].index_select(0, spot) * value)

    def _need(self, keys: set[tuple[int, int]]) -> None:
        """Tabulate these intervals. A table that has grown too large begins anew."""
        if self._value.shape[1] > _MOST_ENTRIES:
            self._clear()
        missing = sorted(keys - self._entries.keys())
        if not missing:
            return
        first, offsets, values = self._value.shape[1], [self._offset], [self._value]
        for side, interval in missing:
            offset, value = self._interval(side, interval)
            self._entries[side, interval] = first, value.shape[1]
            first += value.shape[1]
            offsets.append(_on_device(offset, self._device))
            values.append(_on_device(value, self._device))
        self._offset, self._value = torch.cat(offsets, 1), torch.cat(values, 1)

    def _interval(self, side: int, number: int) -> tuple[Int[Tensor, "2 e"], Float[Tensor, "2 e"]]:
        """The entries of one interval: their offsets, and start and rise."""
        small, large = (
            self._pupil.mask(side * (IDENTITY_RADIUS_PX + _STEP_PX * step)) for step in (number, number + 1)
        )
        half = max(small.shape[0], large.shape[0]) // 2
        both = torch.stack([F.pad(mask, [half - mask.shape[0] // 2] * 4) for mask in (small, large)])
        changes = F.pad(both, (1, 1)).diff(dim=-1)  # [2, d, d + 1]
        place = (changes.abs() > _EVEN * changes.abs().amax()).any(0).nonzero()  # [e, 2]
        start, end = changes[:, place[:, 0], place[:, 1]]
        return (place - half).T, torch.stack([start, end - start]).float()


@lru_cache(maxsize=64)
def disc_table(pupil: Aperture, device: torch.device) -> DiscTable:
    """The table of a pupil's spots."""
    return DiscTable(pupil, device)


def _on_device(values: Tensor, device: torch.device) -> Tensor:
    """Copied from pinned memory, so that the CPU does not wait for a GPU."""
    return values.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else values
