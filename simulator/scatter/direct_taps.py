"""Small spots, spread tap by tap: the weight of each pixel around a source as a function of the source's radius.

A spot within 5 × 5 pixels has few different taps, those of a disc six. Between the tabulated radii a tap's weight is
linear in q = r², so that the second moment, and with it the labeled radius, is met at every radius.
Letters: q squared radius, px²; O classes of equal taps; C channels; P pixels.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cached_property, lru_cache

import torch
from jaxtyping import Float, Int
from torch import Tensor

from simulator.optics.aperture import Aperture
from simulator.optics.pupil_modes import PupilMode, PupilModes

DIRECT_PX = 2.4
"""Largest radius whose spot lies within 5 × 5 pixels."""
TAP_REACH_PX = 2
FIELD_PARTS = (7, 7)
"""Rows and columns of parts of the frame, each with a pupil of its own where pupils vary."""
_RADII_PX = (0.5, 0.625, 0.75, 0.875, 1.0, 1.2, 1.4, 1.6, 1.8, 2.0, 2.2, DIRECT_PX)


@dataclass(frozen=True)
class TapTable:
    """Weights of the taps of one aperture: start + slope · q in each interval of q.

    offsets:      for each class of equal taps, their offsets (down, right) from the source.
    start, slope: [O, places · 2 · intervals], of a place first for sources behind the plane in focus, then in front.
    knots:        [intervals − 1] the values of q between the intervals; the first and the last interval are constant.
    """

    offsets: tuple[tuple[tuple[int, int], ...], ...]
    start: Float[Tensor, "o i"]
    slope: Float[Tensor, "o i"]
    knots: Float[Tensor, "k"]

    def weights(
        self, q: Float[Tensor, "p"], is_in_front: Tensor | None, place: Int[Tensor, "p"] | None = None
    ) -> Float[Tensor, "o p"]:
        """The weight of each class of taps for sources of squared radius q, px²: [o, p].

        place: of the source's pupil, where there is more than one.
        """
        interval: Int[Tensor, "p"] = torch.bucketize(q, self.knots, right=True)
        if is_in_front is not None:
            interval = interval + (self.knots.numel() + 1) * is_in_front
        if place is not None:
            interval = interval + 2 * (self.knots.numel() + 1) * place
        return torch.addcmul(self.start.index_select(1, interval), self.slope.index_select(1, interval), q)

    def spread(self, pictures: Float[Tensor, "o h widew"]) -> Float[Tensor, "tallh w"]:
        """The sum of all taps of sources whose light, times the weight of each class, is in the pictures.

        The pictures are TAP_REACH_PX wider on each side, the sum is as much taller. Each line of taps is added up once,
        however often it appears: 15 additions for the 21 to 25 taps of a disc.
        """
        height, width = pictures.shape[1], pictures.shape[2] - 2 * TAP_REACH_PX
        total = pictures.new_zeros(height + 2 * TAP_REACH_PX, width)
        for line, downs in self._lines.items():
            taps = [pictures[number, :, TAP_REACH_PX - right :][:, :width] for right, number in line]
            light = taps[0] if len(taps) == 1 else torch.add(taps[0], taps[1])
            for tap in taps[2:]:
                light += tap
            for down in downs:
                total[TAP_REACH_PX + down :][:height] += light
        return total

    @cached_property
    def _lines(self) -> dict[tuple[tuple[int, int], ...], list[int]]:
        """Lines of taps, each as (right, class) of its taps, and how far down they lie."""
        places = sorted((down, right, number) for number, offsets in enumerate(self.offsets) for down, right in offsets)
        lines: dict[tuple[tuple[int, int], ...], list[int]] = {}
        for down, taps in itertools.groupby(places, key=lambda place: place[0]):
            lines.setdefault(tuple((right, number) for _, right, number in taps), []).append(down)
        return lines


@lru_cache(maxsize=16)
def tap_table(pupil: Aperture | PupilMode, device: torch.device) -> TapTable:
    """The table of a pupil's spots."""
    return _tabulated(_spots(pupil)[None], device)


@lru_cache(maxsize=4)
def field_tap_table(modes: PupilModes, device: torch.device) -> TapTable:
    """The table of the spots of a pupil that varies, of the middles of FIELD_PARTS of the frame."""
    weights = modes.at_places(FIELD_PARTS).flatten(1).double()  # [k, places]
    spots = torch.stack([_spots(mode) for mode in modes.modes])  # [k, 2, K, 5, 5]
    return _tabulated(torch.einsum("kp,ksrij->psrij", weights, spots), device)


def _spots(pupil: Aperture | PupilMode) -> Float[Tensor, "2 k 5 5"]:
    """The spots behind the plane in focus and in front of it, at the tabulated radii."""
    return torch.stack([torch.stack([_spot(pupil, side * r) for r in _RADII_PX]) for side in (-1.0, 1.0)])


def _tabulated(spots: Float[Tensor, "places 2 k 5 5"], device: torch.device) -> TapTable:
    q = torch.tensor(_RADII_PX, dtype=torch.float64) ** 2
    spots = spots.flatten(0, 1)  # [places · 2, K, 5, 5]
    rise = spots.diff(dim=1) / q.diff()[:, None, None]
    flat = torch.zeros_like(spots[:, :1])
    slope = torch.cat([flat, rise, flat], dim=1).flatten(0, 1)
    start = torch.cat([spots[:, :1], spots[:, :-1] - rise * q[:-1, None, None], spots[:, -1:]], dim=1).flatten(0, 1)
    classes: dict[tuple[float, ...], list[tuple[int, int]]] = {}
    for row in range(spots.shape[-2]):
        for column in range(spots.shape[-1]):
            taps = tuple((spots[..., row, column] * 1e9).round().flatten().tolist())
            if any(taps):
                classes.setdefault(taps, []).append((row - TAP_REACH_PX, column - TAP_REACH_PX))
    offsets_by_class = [tuple(offsets) for offsets in classes.values()]
    rows, columns = ([offsets[0][axis] + TAP_REACH_PX for offsets in offsets_by_class] for axis in (0, 1))
    start, slope = (part[:, rows, columns].T.float().contiguous().to(device) for part in (start, slope))
    return TapTable(tuple(offsets_by_class), start, slope, q.float().to(device))


def _spot(pupil: Aperture | PupilMode, defocus_px: float) -> Float[Tensor, "5 5"]:
    """The spot on 5 × 5 pixels, unit sum."""
    mask = pupil.mask(defocus_px)
    half = mask.shape[0] // 2
    taps = torch.zeros(2 * TAP_REACH_PX + 1, 2 * TAP_REACH_PX + 1, dtype=torch.float64)
    if half > TAP_REACH_PX:  # a pupil with long thin parts: light beyond the taps is moved to the nearest one
        for row in range(mask.shape[0]):
            for column in range(mask.shape[1]):
                down, right = (min(max(i - half, -TAP_REACH_PX), TAP_REACH_PX) + TAP_REACH_PX for i in (row, column))
                taps[down, right] += mask[row, column]
        return taps
    start = TAP_REACH_PX - half
    taps[start : start + mask.shape[0], start : start + mask.shape[1]] = mask
    return taps
