"""Films at half size, on which coarse groups are laid over each other before the frames' own.

Letters: n frames; c = 3 + k channels, k coverages; h, w half the frame's size, with a ring.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from simulator.scatter.composite import LEAST_COVERAGE, Film, chosen
from simulator.scatter.octave import RING, halved

_LEAST_FREE = 0.02
"""Of a cell of the hidden groups' film: what shows in a pixel that is freer than its cell has to have a colour."""


class _HalfSize:
    """Films of a stack's frames at half size, with a ring; a frame's is blank until something is laid on it."""

    def __init__(self, frames: int, size: tuple[int, int], device: torch.device, coverages: int) -> None:
        self._film = Film.unexposed(frames, *size, device, coverages)
        self._begun: set[int] = set()

    def newly_begun(self, frames: Sequence[int]) -> list[int]:
        """Those of the frames whose film was blank till now; something is about to be laid on it."""
        found = [frame for frame in frames if frame not in self._begun]
        self._begun.update(found)
        return found

    def expose(self, group: Float[Tensor, "n c h w"], frames: Sequence[int], rows: slice) -> None:
        """Lay a group behind all that came before."""
        strip = self._film.strip(rows)
        film = strip.of(frames)
        film.expose(group)
        strip.keep(frames, film)

    def finished(self, frames: Sequence[int]) -> list[int]:
        """Those of the frames that something was laid on; their film ends here."""
        found = [frame for frame in frames if frame in self._begun]
        self._begun.difference_update(found)
        return found


class RunFilms(_HalfSize):
    """Of runs of coarse groups: blank again after each."""

    def begin(self, frames: Sequence[int]) -> None:
        if new := self.newly_begun(frames):
            some = chosen(new, self._film.free.device)
            self._film.light[some], self._film.free[some] = 0.0, 1.0

    def as_group(self, frames: Sequence[int]) -> Float[Tensor, "n c h w"]:
        return self._film.of(frames).as_group()


class HiddenFilms(_HalfSize):
    """Of hidden groups. They are laid on the frame as one: their mixture, covering what they cover all together."""

    def __init__(self, frames: int, size: tuple[int, int], device: torch.device, coverages: int) -> None:
        super().__init__(frames, size, device, coverages)
        self._at_first = torch.empty_like(self._film.free)  # what was free of each
        self._coverage = torch.empty_like(self._film.free)

    def begin(self, frames: Sequence[int], whole: Film) -> None:
        if new := self.newly_begun(frames):
            free = F.pad(halved(whole.of(new).free), (RING,) * 4, mode="replicate").clamp_(min=_LEAST_FREE)
            some = chosen(new, free.device)
            self._at_first[some] = self._film.free[some] = free
            self._film.light[some] = self._coverage[some] = 0.0

    def expose(self, group: Float[Tensor, "n c h w"], frames: Sequence[int], rows: slice) -> None:
        self._coverage[chosen(frames, group.device), :, rows] += group[:, 3:]
        super().expose(group, frames, rows)

    def as_group(self, frames: Sequence[int]) -> Float[Tensor, "n c h w"]:
        film = self._film.of(frames)
        some = chosen(frames, film.free.device)
        taken = (self._at_first[some] - film.free).clamp_(min=LEAST_COVERAGE)
        coverage = self._coverage[some].clamp(0.0, 1.0)
        return torch.cat([film.light * (coverage / taken), coverage], dim=1)
