"""One frame while its depth groups come in, nearest first.

Neighbouring coarse groups are laid over each other on a film half as large, and the run as one on the frame's own.
What is hidden takes only what all that is seen has left, so each hidden group is a run of its own: on a film with
others it would take what the seen ones have already taken (5 dB in a frame of the fence).
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from simulator.composite import Film
from simulator.octave import RING, enlarged


class Exposure:
    """A frame's film, and the half-size one of the run of coarse groups that is being laid."""

    def __init__(self, height: int, width: int, device: torch.device, coverages: int = 1) -> None:
        self._height, self._width, self._device, self._coverages = height, width, device, coverages
        self._film = Film(height, width, device, coverages)
        self._coarse: Film | None = None

    def expose(self, group: Float[Tensor, "n h w"], octave: int) -> None:
        """Lay a blurred group of an octave, a coarse one with a ring of one cell, behind all that came before."""
        if octave == 0:
            self.end_run()
            self._film.expose(group)
            return
        for finer in range(octave - 1, 0, -1):
            group = enlarged(group, *self._size(finer), ring=RING)
        if self._coarse is None:
            height, width = self._size(1)
            self._coarse = Film(height + 2 * RING, width + 2 * RING, self._device, self._coverages)
        self._coarse.expose(group)

    def end_run(self) -> None:
        """Lay the run of coarse groups, if there is one, on the frame's film."""
        if self._coarse is not None:
            self._film.expose(enlarged(self._coarse.as_group(), self._height, self._width, ring=0))
            self._coarse = None

    def developed(self) -> Float[Tensor, "3 h w"]:
        """The frame."""
        self.end_run()
        return self._film.developed()

    def _size(self, octave: int) -> tuple[int, int]:
        return math.ceil(self._height / 2**octave), math.ceil(self._width / 2**octave)
