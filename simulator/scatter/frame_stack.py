"""The frames of a stack while depth groups are added: nearest first, the hidden ones last."""

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

    def add(self, group: BlurredGroup, frames: Sequence[int]) -> None:
        """Lay a group, blurred for these frames, behind all groups so far."""
        if group.octave > 0:
            self._add(self._enlarged(group), frames, slice(None))
        elif self._device.type != "cpu":
            self._add(group.all_channels(), frames, group.rows)
        else:
            self._add_by_channel(group, frames)

    def normalized(self) -> Float[Tensor, "n 3 h w"]:
        """The finished frames."""
        return self._compositor.normalized()

    def _add(self, group: Float[Tensor, "n c h w"], frames: Sequence[int], rows: slice) -> None:
        strip = self._compositor.strip(rows)
        selected = strip.select(frames)
        selected.add(group)
        strip.write_back(frames, selected)

    def _add_by_channel(self, group: BlurredGroup, frames: Sequence[int]) -> None:
        """The same; one channel at a time stays in a CPU's caches from its spectrum to the frame, four do not."""
        strip = self._compositor.strip(group.rows)
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
