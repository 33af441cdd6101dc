"""Discs of single spots whose pupil depends on the place in the frame: every pixel of each is computed.

A pixel of a disc sees the point through the pupil of its own place, as a ray does, and at the brightness that this
pupil gives to a constant. Of a table of PSFs it is the point's place that counts, and each disc has its point's light.
Letters: P spots; E pixels of all discs; s signed radius.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor

from simulator.optics.aperture import IDENTITY_RADIUS_PX, RESOLVED_RADIUS_PX
from simulator.optics.disc import rendered_radius
from simulator.optics.pupil_modes import PupilModes
from simulator.scatter.disc_lines import DirectLight, SpotDots

_MOST_PIXELS = 1 << 20  # at once
_BRIGHT_PX = 3.0
_FINE_PX = 8.0  # radius below which a pixel is the mean of 3 × 3 points


def field_discs(dots: SpotDots, modes: PupilModes, size: tuple[int, int]) -> DirectLight | None:
    """The discs on the rows of a frame of this size that they reach; None where they reach none."""
    radius = dots.defocus_px.abs()
    half = (radius + 1.0).ceil().long()
    top, bottom = max(int((dots.row - half).min()), 0), min(int((dots.row + half).max()) + 1, size[0])
    if bottom <= top:
        return None
    picture = torch.zeros(len(dots.light), (bottom - top) * size[1] + 1, device=dots.light.device)
    run = ((2 * half + 1) ** 2).cumsum(0) // _MOST_PIXELS
    for number in range(int(run[-1]) + 1):
        for is_fine in (False, True):
            chosen = ((run == number) & ((radius < _FINE_PX) == is_fine)).nonzero()[:, 0]
            if chosen.numel():
                _add(picture, dots, half, chosen, modes, size, slice(top, bottom), 3 if is_fine else 1)
    return DirectLight(picture[:, :-1].view(len(picture), bottom - top, size[1]), top)


def _add(
    picture: Tensor,
    dots: SpotDots,
    half: Tensor,
    chosen: Tensor,
    modes: PupilModes,
    size: tuple[int, int],
    rows: slice,
    points: int,
) -> None:
    """Add the discs of the chosen spots, from `points`² of each pixel; the last cell takes what lies beyond."""
    aperture, side = modes.aperture, 2 * half[chosen] + 1
    count = side**2
    spot = torch.repeat_interleave(count)  # [E] of the chosen
    index = torch.arange(len(spot)) - torch.repeat_interleave(count.cumsum(0) - count, count)
    down, right = index // side[spot] - half[chosen][spot], index % side[spot] - half[chosen][spot]
    row, column = dots.row[chosen][spot] + down, dots.column[chosen][spot] + right
    s = dots.defocus_px[chosen].double()
    drawn = _drawn_radius(s.abs().clamp(min=RESOLVED_RADIUS_PX))[spot]
    light = torch.zeros(len(spot), dtype=torch.float64)
    steps = [(i + 0.5) / points - 0.5 for i in range(points)]
    to_field = 2.0 / math.hypot(*size)
    middle = (size[0] - 1) / 2, (size[1] - 1) / 2
    for dy in steps:
        for dx in steps:
            y, x = (down + dy) / drawn, (right + dx) / drawn
            if aperture.psf is not None:
                place = (dots.row[chosen], middle[0]), (dots.column[chosen], middle[1])
                field = tuple((to_field * (at - m)).double()[spot] for at, m in place)
                light += aperture.psf.light(y, x, s[spot], (field[0], field[1]))
                continue
            seen = (to_field * (row + dy - middle[0]), to_field * (column + dx - middle[1]))
            for sign, is_side in ((-1, s <= 0), (1, s > 0)):
                these = is_side[spot].nonzero()[:, 0]
                if these.numel():
                    field = seen[0][these], seen[1][these]
                    cell = 1.0 / (points * drawn[these])
                    passed = aperture.light(-sign * y[these], -sign * x[these], sign, field, cell)
                    light[these] += passed / modes.light_at(row[these] + dy, column[these] + dx, max(sign, 0))
    total = torch.zeros(len(chosen), dtype=torch.float64).index_add_(0, spot, light)
    if aperture.psf is None:  # brightness is kept, as a ray's pixel has it; smaller discs are sampled too coarsely
        drawn_all = (points * _drawn_radius(s.abs().clamp(min=RESOLVED_RADIUS_PX))) ** 2
        total = torch.where((s.abs() >= _BRIGHT_PX) & (total > 0), drawn_all, total)
    w = ((s.abs() ** 2 - IDENTITY_RADIUS_PX**2) / (RESOLVED_RADIUS_PX**2 - IDENTITY_RADIUS_PX**2)).clamp(0.0, 1.0)
    is_dark = total <= 0
    w = torch.where(is_dark, 0.0, w)
    value = light * (w / torch.where(is_dark, 1.0, total))[spot] + ((down == 0) & (right == 0)) * (1.0 - w)[spot]
    is_inside = (row >= rows.start) & (row < rows.stop) & (column >= 0) & (column < size[1])
    place_ = torch.where(is_inside, (row - rows.start) * size[1] + column, picture.shape[1] - 1).to(picture.device)
    value, spot = value.float().to(picture.device), spot.to(picture.device)
    for channel, colored in zip(picture, dots.light[:, chosen.to(picture.device)], strict=True):
        channel.index_add_(0, place_, colored[spot] * value)


def _drawn_radius(radius_px: Tensor) -> Tensor:
    """`rendered_radius` of radii, read from a table up to _FINE_PX; beyond, the radius."""
    step, drawn = _table()
    position = ((radius_px - RESOLVED_RADIUS_PX) / step).clamp(max=len(drawn) - 1.001)
    before = position.floor().long()
    read = torch.lerp(drawn[before], drawn[before + 1], position - before)
    return torch.where(radius_px < _FINE_PX, read, radius_px)


@lru_cache(maxsize=1)
def _table() -> tuple[float, Tensor]:
    step = 0.125
    count = math.ceil((_FINE_PX - RESOLVED_RADIUS_PX) / step) + 2
    radii = (rendered_radius(RESOLVED_RADIUS_PX + step * i) for i in range(count))
    return step, torch.tensor(list(radii), dtype=torch.float64)
