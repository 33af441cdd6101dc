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

from simulator.composite import LEAST_COVERAGE, Film
from simulator.octave import RING, enlarged, halved
from simulator.scatter import BlurredGroup

_ALL = slice(None)
_LEAST_FREE = 0.02
"""Of a cell of the hidden groups' film: what shows in a pixel that is freer than its cell has to have a colour."""


class _HiddenFilm:
    """The half-size film of a frame's hidden groups. They are laid on the frame as one: their mixture, covering what
    they cover all together."""

    def __init__(self, frame: Film) -> None:
        self._free = F.pad(halved(frame.free), (RING,) * 4, mode="replicate").clamp_(min=_LEAST_FREE)
        self._film = Film(self._free.new_zeros(1, 3, *self._free.shape[-2:]), self._free.clone())
        self._coverage = torch.zeros_like(self._free)

    def expose(self, group: Float[Tensor, "1 c h w"], rows: slice) -> None:
        self._coverage[..., rows, :] += group[:, 3:]
        self._film.strip(rows).expose(group)

    def as_group(self) -> Float[Tensor, "1 c h w"]:
        taken = (self._free - self._film.free).clamp_(min=LEAST_COVERAGE)
        coverage = self._coverage.clamp(0.0, 1.0)
        return torch.cat([self._film.light * (coverage / taken), coverage], dim=1)


class Exposure:
    """The films of a stack: each frame's own, and half-size ones for runs of coarse groups.

    A frame is named by its number. Frames that are exposed together have their groups on the same octave.
    """

    def __init__(self, frames: int, height: int, width: int, device: torch.device, coverages: int = 1) -> None:
        self._height, self._width = height, width
        self._half = math.ceil(height / 2) + 2 * RING, math.ceil(width / 2) + 2 * RING
        self._device, self._coverages = device, coverages
        self._film = Film.unexposed(frames, height, width, device, coverages)
        self._runs: dict[int, Film] = {}
        self._hidden: dict[int, _HiddenFilm] = {}

    def expose(self, group: BlurredGroup, frames: Sequence[int]) -> None:
        """Lay a blurred group behind all that came before."""
        if group.octave == 0:
            self._end_runs(frames)
            self._lay_blurred(group, frames)
            return
        half_size, rows = self._half_size(group)
        for one, frame in zip(half_size.split(1), frames, strict=True):
            if frame not in self._runs:
                self._runs[frame] = Film.unexposed(1, *self._half, self._device, self._coverages)
            self._runs[frame].strip(rows).expose(one)

    def expose_hidden(self, group: BlurredGroup, frames: Sequence[int]) -> None:
        """Lay a group behind all that is seen; the first of them ends what is seen."""
        self._end_runs(frames)
        if group.octave == 0:
            self._end_hidden(frames)
            self._lay_blurred(group, frames)
            return
        half_size, rows = self._half_size(group)
        for one, frame in zip(half_size.split(1), frames, strict=True):
            if frame not in self._hidden:
                self._hidden[frame] = _HiddenFilm(self._film.of([frame]))
            self._hidden[frame].expose(one, rows)

    def developed(self) -> Float[Tensor, "n 3 h w"]:
        """The frames."""
        frames = range(self._film.light.shape[0])
        self._end_runs(frames)
        self._end_hidden(frames)
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
        for frame in frames:
            film = self._runs.pop(frame, None)
            if film is not None:
                self._lay(enlarged(film.as_group(), self._height, self._width, ring=0), [frame])

    def _end_hidden(self, frames: Sequence[int]) -> None:
        for frame in frames:
            film = self._hidden.pop(frame, None)
            if film is not None:
                self._lay(enlarged(film.as_group(), self._height, self._width, ring=0), [frame])

    def _half_size(self, group: BlurredGroup) -> tuple[Float[Tensor, "n c h w"], slice]:
        """A coarse group on the half-size film, and the rows of the film that it lies on."""
        whole, rows = group.whole(), group.rows
        if group.octave == 1:
            return whole, rows
        count = math.ceil(self._height / 2**group.octave) + 2 * RING
        whole = F.pad(whole, (0, 0, rows.start, count - rows.stop))
        for finer in range(group.octave - 1, 0, -1):
            size = math.ceil(self._height / 2**finer), math.ceil(self._width / 2**finer)
            whole = enlarged(whole, *size, ring=RING)
        return whole, _ALL
