"""Intrinsics in pixels from a matrix [3, 3], as text or in a .npz."""

import io
from pathlib import Path

import numpy as np

from pipelines.errors import refusing
from shards.foreign_file import read_foreign

_MOST_BYTES = 1 << 16


def focal_length_px(path: Path) -> float:
    """Mean of f_x and f_y of a matrix in `K.txt`, or under `K` in a .npz. Raises UserError that names the file."""
    with refusing(str(path), "it must hold a matrix [3, 3] of intrinsics in pixels"):
        content = read_foreign(path, max_bytes=_MOST_BYTES)
        if path.suffix == ".npz":
            with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
                matrix = np.asarray(arrays["K"], np.float64)
        else:
            matrix = np.loadtxt(io.StringIO(content.decode()))
        focal = float(matrix[0, 0] + matrix[1, 1]) / 2
        if matrix.shape != (3, 3) or not 0 < focal < np.inf:
            raise ValueError(f"shape {list(matrix.shape)}, focal length {focal:g}")
        return focal
