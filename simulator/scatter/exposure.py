"""The frames of a stack while depth groups come in, nearest first.

Neighbouring coarse groups are laid over each other on a film half as large, and the run as one on the frame's own.
What is hidden takes only what all that is seen has left. Coarse hidden groups therefore get a half-size film of their
own, free where the frame's film still is; on one with seen groups they would take what those have already taken (5 dB
in a frame of the fence).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from simulator.scatter.composite import Film
from simulator.scatter.convolve import BlurredGroup
from simulator.scatter.half_size import HiddenFilms, RunFilms
from simulator.scatter.octave import RING, enlarged

_ALL = slice(None)


class Exposure:
    """The films of a stack: each frame's own, and half-size ones for runs of coarse groups.

    A frame is named by its number. Frames that are exposed together have their groups on the same octave.
    """

    def __init__(self, frames: int, height: int, width: int, device: torch.device, coverages: int = 1) -> None:
        self._height, self._width = height, width
        half = math.ceil(height / 2) + 2 * RING, math.ceil(width / 2) + 2 * RING
        self._device = device
        self._film = Film.unexposed(frames, height, width, device, coverages)
        self._runs = RunFilms(frames, half, device, coverages)
        self._hidden = HiddenFilms(frames, half, device, coverages)

    def expose(self, group: BlurredGroup, frames: Sequence[int]) -> None:
        """Lay a blurred group behind all that came before."""
        if group.octave == 0:
            self._end_runs(frames)
            self._lay_blurred(group, frames)
            return
        self._runs.begin(frames)
        self._runs.expose(*self._half_size(group, frames))

    def expose_hidden(self, group: BlurredGroup, frames: Sequence[int]) -> None:
        """Lay a group behind all that is seen; the first of them ends what is seen."""
        self._end_runs(frames)
        if group.octave == 0:
            self._end_hidden(frames)
            self._lay_blurred(group, frames)
            return
        self._hidden.begin(frames, self._film)
        self._hidden.expose(*self._half_size(group, frames))

    def developed(self) -> Float[Tensor, "n 3 h w"]:
        """The frames."""
        frames = range(self._film.light.shape[0])
        for some in [frames] if self._device.type != "cpu" else [[frame] for frame in frames]:
            self._end_runs(some)
            self._end_hidden(some)
        return self._film.developed()

    def _lay_blurred(self, group: BlurredGroup, frames: Sequence[int]) -> None:
        """On a CPU channel by channel: one, from its spectrum to the film, stays in the caches; four do not."""
        if self._device.type != "cpu":
            self._lay(group.whole(), frames, group.rows)
            return
        strip = self._film.strip(group.rows)
        film = strip.of(frames)
        share = film.free
        for color in range(3):
            if color < group.coverages:
                share = film.taken(group.coverage(color), slice(color, color + 1))
            film.light[:, color : color + 1].addcmul_(group.light(color), share)
        strip.keep(frames, film)

    def _lay(self, group: Float[Tensor, "n c h w"], frames: Sequence[int], rows: slice = _ALL) -> None:
        strip = self._film.strip(rows)
        film = strip.of(frames)
        film.expose(group)
        strip.keep(frames, film)

    def _end_runs(self, frames: Sequence[int]) -> None:
        """Lay runs of coarse groups, where there are any, on their frames' films."""
        if ended := self._runs.finished(frames):
            self._lay_enlarged(self._runs.as_group(ended), ended)

    def _end_hidden(self, frames: Sequence[int]) -> None:
        if ended := self._hidden.finished(frames):
            self._lay_enlarged(self._hidden.as_group(ended), ended)

    def _lay_enlarged(self, group: Float[Tensor, "n c h w"], frames: Sequence[int]) -> None:
        self._lay(enlarged(group, self._height, self._width, ring=0), frames)

    def _half_size(
        self, group: BlurredGroup, frames: Sequence[int]
    ) -> tuple[Float[Tensor, "n c h w"], Sequence[int], slice]:
        """A coarse group on the half-size film, its frames, and the rows of the film that it lies on."""
        whole, rows = group.whole(), group.rows
        if group.octave == 1:
            return whole, frames, rows
        count = math.ceil(self._height / 2**group.octave) + 2 * RING
        whole = F.pad(whole, (0, 0, rows.start, count - rows.stop))
        for finer in range(group.octave - 1, 0, -1):
            size = math.ceil(self._height / 2**finer), math.ceil(self._width / 2**finer)
            whole = enlarged(whole, *size, ring=RING)
        return whole, frames, _ALL
