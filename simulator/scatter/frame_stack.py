"""The frames of a stack while depth groups are added: nearest first, the hidden ones last.

Beside the silhouette of something in front of the focus, the lens is shared by what hides and what is behind it. Which
part of the lens sees past the silhouette decides what it sees there. Let x be the distance from a straight silhouette
at 0, u a point of the lens along x, s₁ > 0 the signed radius of what hides, s₂ that of what is behind. A ray passes the
silhouette where x + s₁ u > 0, and meets what the photo shows behind it where x + s₂ u > 0. With s₂ > 0 one of the two
sets holds the other: of a share T that is free, and a coverage A, min(A, T) is seen. With s₂ < 0 they lie on opposite
sides of the lens: max(0, A + T − 1) is seen, and what is hidden takes the rest. (The two are the Fréchet bounds of the
intersection.) So what lies behind the focus is collected on its own, as if nothing were in front of the focus, and laid
behind that once the visible groups are complete.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from simulator.scatter.composite import Compositor
from simulator.scatter.convolve import BlurredGroup
from simulator.scatter.octave import RING, enlarged


class FrameStack:
    """All frames of a stack, named by their numbers, on the frame's pixels."""

    def __init__(self, frames: int, height: int, width: int, device: torch.device, coverages: int = 1) -> None:
        self._height, self._width, self._device = height, width, device
        self._compositor = Compositor.empty(frames, height, width, device, coverages)
        self._behind = Compositor.empty(frames, height, width, device, coverages)
        self._free = self._compositor.free.clone()  # of what is in front of the focus

    def add(self, group: BlurredGroup, frames: Sequence[int], side: int = 0) -> None:
        """Lay a group, blurred for these frames, behind all groups so far.

        side: 1 in front of the focus, -1 behind it, both of visible groups in frames that have both; else 0.
        """
        compositor = self._behind if side < 0 else self._compositor
        if group.octave > 0:
            self._add(compositor, self._enlarged(group), frames, slice(None))
        elif self._device.type != "cpu":
            self._add(compositor, group.all_channels(), frames, group.rows)
        else:
            self._add_by_channel(compositor, group, frames)
        if side > 0:
            self._free[list(frames)] = self._compositor.free[list(frames)]

    def merge_focus(self) -> None:
        """End of the visible groups: lay what is behind the focus behind the rest."""
        self._compositor.add_opposite(self._behind, self._free)

    def normalized(self) -> Float[Tensor, "n 3 h w"]:
        """The finished frames."""
        return self._compositor.normalized()

    def _add(self, compositor: Compositor, group: Float[Tensor, "n c h w"], frames: Sequence[int], rows: slice) -> None:
        strip = compositor.strip(rows)
        selected = strip.select(frames)
        selected.add(group)
        strip.write_back(frames, selected)

    def _add_by_channel(self, compositor: Compositor, group: BlurredGroup, frames: Sequence[int]) -> None:
        """The same; one channel at a time stays in a CPU's caches from its spectrum to the frame, four do not."""
        strip = compositor.strip(group.rows)
        selected = strip.select(frames)
        share = selected.free
        for color in range(3):
            if color < group.coverages:
                share = selected.taken_share(group.coverage(color), slice(color, color + 1))
            selected.light[:, color : color + 1].addcmul_(group.light(color), share)
        strip.write_back(frames, selected)

    def _enlarged(self, group: BlurredGroup) -> Float[Tensor, "n c h w"]:
        """A group that was blurred on a coarse octave, on the frame's pixels."""
        count = math.ceil(self._height / 2**group.octave) + 2 * RING
        result = F.pad(group.all_channels(), (0, 0, group.rows.start, count - group.rows.stop))
        for finer in range(group.octave - 1, 0, -1):
            size = math.ceil(self._height / 2**finer), math.ceil(self._width / 2**finer)
            result = enlarged(result, *size, ring=RING)
        return enlarged(result, self._height, self._width, ring=0)
