"""The frames of a stack while depth groups are added: nearest first, the hidden ones last."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from simulator.scatter.composite import Compositor
from simulator.scatter.convolve import BlurredGroup
from simulator.scatter.octave import RING, enlarged_rows


class FrameStack:
    """All frames of a stack, named by their numbers, on the frame's pixels."""

    def __init__(self, frames: int, height: int, width: int, device: torch.device, coverages: int = 1) -> None:
        self._height, self._width, self._device = height, width, device
        self._compositor = Compositor.empty(frames, height, width, device, coverages)

    def add(self, group: BlurredGroup, frames: Sequence[int], defocus_px: Sequence[Sequence[float]] = ()) -> None:
        """Lay a group, blurred for these frames, behind all groups so far.

        defocus_px: of the group, for each frame and color; see `Compositor.taken_share`.
        """
        if group.octave > 0:
            picture, top = on_rows(group, self._height, self._width)
            _add(self._compositor.strip(slice(top, top + picture.shape[-2])), picture, frames, defocus_px)
        elif self._device.type != "cpu":
            _add(self._compositor.strip(group.rows), group.all_channels(), frames, defocus_px)
        else:
            _add_by_channel(self._compositor.strip(group.rows), group, frames, defocus_px)

    def end_visible(self) -> None:
        """To be called once, between the visible and the hidden groups."""
        self._compositor.close_gaps()

    def normalized(self) -> Float[Tensor, "n 3 h w"]:
        """The finished frames."""
        return self._compositor.normalized()


def on_rows(group: BlurredGroup, height: int, width: int) -> tuple[Float[Tensor, "n c h w"], int]:
    """A blurred group on the rows of the frame that it reaches, and the first of them."""
    picture, top = group.all_channels(), group.rows.start
    for finer in range(group.octave - 1, -1, -1):
        size = math.ceil(height / 2**finer), math.ceil(width / 2**finer)
        picture, top = enlarged_rows(picture, top, *size, ring=RING if finer else 0)
    if group.octave:
        group.add_discs(picture, slice(3), top)
    return picture, top


def _add(
    strip: Compositor, group: Float[Tensor, "n c h w"], frames: Sequence[int], defocus_px: Sequence[Sequence[float]]
) -> None:
    selected = strip.select(frames)
    selected.add(group, defocus_px)
    strip.write_back(frames, selected)


def _add_by_channel(
    strip: Compositor, group: BlurredGroup, frames: Sequence[int], defocus_px: Sequence[Sequence[float]]
) -> None:
    """The same; one channel at a time stays in a CPU's caches from its spectrum to the frame, four do not."""
    selected = strip.select(frames)
    share = selected.free
    for color in range(3):
        if color < group.coverages:
            share = selected.taken_share(group.coverage(color), slice(color, color + 1), defocus_px)
        selected.light[:, color : color + 1].addcmul_(group.light(color), share)
    strip.write_back(frames, selected)
