"""Curves and pictures for TensorBoard."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch.utils.tensorboard import SummaryWriter


class Scalars:
    """An event file in `folder`; what an earlier run wrote beyond `step` is hidden, as it is done again.

    `is_off` for all processes but the first: they write nothing.
    """

    def __init__(self, folder: Path, step: int, *, is_off: bool = False) -> None:
        self._writer = None if is_off else SummaryWriter(str(folder), purge_step=step + 1)

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Numbers by name."""
        if self._writer:
            for name, value in values.items():
                self._writer.add_scalar(name, value, step)

    def picture(self, step: int, name: str, srgb: NDArray[np.uint8]) -> None:
        """A picture [H, W, 3]."""
        if self._writer:
            self._writer.add_image(name, srgb, step, dataformats="HWC")

    def close(self) -> None:
        """Write what is left."""
        if self._writer:
            self._writer.close()
