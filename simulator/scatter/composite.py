"""Compositing by coverage: blurred depth groups become frames, nearest group first.

A pixel of the sensor sees the scene through the whole lens. Coverage A of a group is the share of the lens through
which the group is visible if nothing nearer blocks it; T is the share of the lens that no nearer group has taken. A
group takes t = min(A, T), less where nearer groups have taken the side of the lens that sees it (see `lens_sides`).
Pieces of one slanted surface in neighboring groups add up to one, as their shares of the lens do. The "over" operator
with independent alphas gives 1 − (1 − a)(1 − b), which turns such a surface translucent.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from simulator.scatter.lens_sides import lens_lost

LEAST_COVERAGE = 1e-4
"""Coverage below this is rounding error of the transforms."""
_GAP = 0.03
"""Share of the lens that pieces of one surface may leave free though they cover all of it (see `close_gaps`)."""


class Compositor:
    """Adds up the light of n frames, group by group.

    light: [n, 3, H, W] linear light so far.
    free:  [n, k, H, W] T, the share of the lens that no group has taken; 1 at first. k = 1, or 3 with longitudinal
           chromatic aberration, where each color sees the scene through a lens of its own.
    side:  [n, k, H, W] Σ s t over the groups so far, s their signed blur radius (see `lens_sides`).
    lost:  [n, k, H, W] share of the lens that visible groups did not take since nearer ones look through their side.
    """

    def __init__(
        self,
        light: Float[Tensor, "n 3 h w"],
        free: Float[Tensor, "n k h w"],
        side: Float[Tensor, "n k h w"],
        lost: Float[Tensor, "n k h w"],
    ) -> None:
        self.light, self.free, self.side, self.lost = light, free, side, lost

    @classmethod
    def empty(cls, frames: int, height: int, width: int, device: torch.device, coverages: int = 1) -> Compositor:
        """Frames without light, all of the lens free. coverages: k."""
        light = torch.zeros(frames, 3, height, width, device=device)
        free = torch.ones(frames, coverages, height, width, device=device)
        return cls(light, free, torch.zeros_like(free), torch.zeros_like(free))

    @property
    def _planes(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        return self.light, self.free, self.side, self.lost

    def strip(self, rows: slice) -> Compositor:
        """These rows of all frames, as a view."""
        return Compositor(*(plane[..., rows, :] for plane in self._planes))

    def select(self, frames: Sequence[int]) -> Compositor:
        """These frames: a view where their numbers are consecutive, else a copy (see `write_back`)."""
        index = frame_index(frames, self.free.device)
        return Compositor(*(plane[index] for plane in self._planes))

    def write_back(self, frames: Sequence[int], selected: Compositor) -> None:
        """Store what `select` returned for these frames; nothing to do where it is a view."""
        index = frame_index(frames, self.free.device)
        if isinstance(index, Tensor):
            for plane, changed in zip(self._planes, selected._planes, strict=True):
                plane[index] = changed

    def add(self, group: Float[Tensor, "n c h w"], defocus_px: Sequence[Sequence[float]] = ()) -> None:
        """Lay a blurred group behind all groups so far: light in 3 channels, coverage in k. Overwrites the coverage.

        defocus_px: see `taken_share`.
        """
        self.light.addcmul_(group[:, :3], self.taken_share(group[:, 3:], defocus_px=defocus_px))

    def close_gaps(self) -> None:
        """Take a leftover of up to _GAP of the lens as covered by what is there already, up to 3 _GAP in part.

        Radii differ from pixel to pixel, so pieces of one surface add up to one only roughly. Frame by frame, since a
        CPU's caches hold one.
        """
        for light, free in zip(self.light, self.free, strict=True):
            taken = (1.0 - free).clamp_(min=LEAST_COVERAGE)
            torch.minimum((free - _GAP).clamp_(min=0.0).mul_(1.5), free, out=free)
            light.mul_((1.0 - free).div_(taken))

    def taken_share(
        self,
        coverage: Float[Tensor, "n m h w"],
        lenses: slice = slice(None),
        defocus_px: Sequence[Sequence[float]] = (),
    ) -> Float[Tensor, "n m h w"]:
        """t / A: the factor by which a group's light reaches the frame. Takes t from T; overwrites the coverage.

        lenses:     which of the k lenses see this coverage.
        defocus_px: s of the group in each frame for each of the k lenses, 0 where it has none; empty for hidden groups:
            they take min(A, T) whatever their side, and what visible groups have lost.
        """
        F.threshold(coverage, LEAST_COVERAGE, 0.0, inplace=True)
        free, side, lost = self.free[:, lenses], self.side[:, lenses], self.lost[:, lenses]
        if not defocus_px:
            return self._rest_taken(coverage, free, lost)
        taken = torch.minimum(coverage, free)
        seen = [row[lenses] for row in defocus_px]
        if any(map(any, seen)):
            index, share = lens_lost(coverage, free, side, seen)
            less = torch.zeros_like(taken).put_(index, share)
            taken.sub_(less)
            lost.add_(less)
            for frame, frame_taken, row in zip(side, taken, seen, strict=True):
                for channel, channel_taken, s in zip(frame, frame_taken, row, strict=True):
                    channel.add_(channel_taken, alpha=s)
        free.sub_(taken)
        return taken.div_(coverage.clamp_(min=LEAST_COVERAGE))

    @staticmethod
    def _rest_taken(
        coverage: Float[Tensor, "n m h w"], free: Float[Tensor, "n m h w"], lost: Float[Tensor, "n m h w"]
    ) -> Float[Tensor, "n m h w"]:
        """t / A of a hidden group: it continues the surfaces that visible groups show, and takes what they have lost.

        At most twice its own coverage: A + A l / (A + l) of the lost share l. Takes t from T and from l.
        """
        more = coverage * lost / (coverage + lost).clamp_(min=LEAST_COVERAGE)
        taken = torch.minimum(coverage + more, free)
        lost.sub_((taken - coverage).clamp_(min=0.0)).clamp_(min=0.0)
        free.sub_(taken)
        return taken.div_(coverage.clamp_(min=LEAST_COVERAGE))

    def normalized(self) -> Float[Tensor, "n 3 h w"]:
        """The frames: light over the share of the lens that was taken, never negative. Overwrites `light`."""
        for light, free in zip(self.light, self.free, strict=True):
            light.div_((1.0 - free).clamp_(min=LEAST_COVERAGE)).clamp_(min=0.0)
        return self.light


def frame_index(frames: Sequence[int], device: torch.device) -> slice | Tensor:
    """Index of the frames with these ascending numbers: a slice where they are consecutive.

    Other numbers are copied from pinned memory, so that the CPU does not wait for the device.
    """
    first, end = frames[0], frames[-1] + 1
    if end - first == len(frames):
        return slice(first, end)
    index = torch.tensor(list(frames))
    return index.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else index
