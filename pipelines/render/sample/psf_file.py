"""Tables of point-spread functions as files: an .npz with the arrays of `simulator.PsfTable`."""

import hashlib
import io
import zipfile
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from pipelines.errors import UserError, one_line, refusing
from shards.foreign_file import read_foreign
from simulator import PsfTable

MAX_PSF_BYTES, MAX_ARRAY_BYTES = 64 << 20, 256 << 20
_KEYS = ("psf", "radius_px", "field")


@lru_cache(maxsize=2)
def read_psf_table(path: Path) -> PsfTable:
    """The table of a file; its SHA-256 is that of the file's bytes.

    Arrays: psf [radius, field, color, n, n], radius_px, field; also cell_px (a number) and name (text; without it, the
    file's stem), where they are there. Raises UserError when the file is no such table.
    """
    try:
        content = read_foreign(path, max_bytes=MAX_PSF_BYTES)
    except OSError as error:
        raise UserError(f"--psf {path} cannot be read ({one_line(error)})") from error
    with refusing(f"--psf {path}", "see docs/lenses.md for its arrays"):
        if not zipfile.is_zipfile(io.BytesIO(content)):
            raise ValueError("it must be an .npz file, as numpy.savez writes it")
        with zipfile.ZipFile(io.BytesIO(content)) as parts:
            unpacked = sum(part.file_size for part in parts.infolist())
        if unpacked > MAX_ARRAY_BYTES:
            most = MAX_ARRAY_BYTES >> 20
            raise ValueError(f"its arrays must have at most {most} MiB, they have {unpacked >> 20} MiB")
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            if missing := [key for key in _KEYS if key not in arrays]:
                raise ValueError(f"it must hold {', '.join(_KEYS)}, got no {' and no '.join(missing)}")
            psf, radius_px, field = (torch.from_numpy(_numbers(key, arrays[key])) for key in _KEYS)
            cell_px = float(_numbers("cell_px", _single(arrays, "cell_px", 1.0)))
            name = str(_single(arrays, "name", path.stem))
        return PsfTable(radius_px, field, psf, cell_px, name, hashlib.sha256(content).hexdigest())


def _numbers(key: str, values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    if values.dtype.kind not in "fiu":
        raise ValueError(f"{key} must hold real numbers, got {values.dtype}")
    return values.astype(np.float64)


def _single(arrays: Any, key: str, default: object) -> npt.NDArray[Any]:
    value = np.asarray(arrays.get(key, default))
    if value.size != 1:
        raise ValueError(f"{key} must be a single value, got {list(value.shape)}")
    return value.reshape(())
