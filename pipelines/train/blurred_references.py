"""References that were blurred on to each target beforehand, for a network that is left the sharpening: files beside
the data set, one per sample (written by pipelines/experiment/blurred_on.py)."""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shards import FieldError
from shards.durable import write_durably


@dataclass(frozen=True, eq=False)
class BlurredReferences:
    """For each frame of a stack as the target: reference [F], a frame or -1 for the photo, and pictures uint8
    [F, H, W, 3], the reference with the blur it lacks.
    """

    reference: NDArray[np.int64]
    pictures: NDArray[np.uint8]

    @staticmethod
    def path(folder: Path, key: str) -> Path:
        return folder / f"{key}.npz"

    def write(self, folder: Path, key: str) -> None:
        """Whole, or not at all."""
        content = io.BytesIO()
        np.savez(content, reference=self.reference, pictures=self.pictures)
        write_durably(self.path(folder, key), content.getvalue())

    @classmethod
    def read(cls, folder: Path, key: str) -> "BlurredReferences":
        """Raises FieldError for a sample that has none."""
        try:
            with np.load(cls.path(folder, key)) as file:
                return cls(file["reference"], file["pictures"])
        except OSError as error:
            raise FieldError("blurred_references", f"must hold {key}.npz, got {error}") from None
