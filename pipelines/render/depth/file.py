"""The values of a depth map, read from an untrusted PNG, npy or PFM file; sidecar.py finds their unit."""

import io
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import Rejection
from pipelines.render.photos.decode import MAX_PIXELS, open_image
from shards.storage import StoragePath

EXTENSIONS = (".png", ".npy", ".pfm")
MAX_FILE_BYTES = 1 << 30


@dataclass(frozen=True)
class DepthFile:
    """Stored values [h, w], top row first."""

    values: NDArray[Any]
    holds_units: bool  # floats can hold meters as they are; whole numbers need a scale


def read_depth_file(path: StoragePath) -> DepthFile:
    """Read a file by its extension.

    Raises Rejection with stage "depth": `unreadable`, `truncated`, `too_large`, `not_single_channel`.
    """
    read = {".png": _read_png, ".npy": _read_npy, ".pfm": _read_pfm}[path.suffix.lower()]
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise Rejection("depth", "too_large", f"{path.name} must have at most {MAX_FILE_BYTES >> 20} MiB")
        file = read(path.read_bytes())
    except Rejection as rejection:
        raise Rejection(rejection.stage, rejection.code, f"{path.name}: {rejection.message}") from rejection
    except (OSError, ValueError, EOFError, SyntaxError) as error:
        raise Rejection("depth", "unreadable", f"{path.name}: {' '.join(str(error).split())}") from error
    if not 4 <= file.values.size <= MAX_PIXELS:
        limit = f"between 4 and {MAX_PIXELS} pixels"
        raise Rejection("depth", "too_large", f"{path.name} must have {limit}, has {file.values.size}")
    return file


def _read_png(content: bytes) -> DepthFile:
    image = open_image(content, ("PNG",), stage="depth")
    if image.mode in ("I;16", "I;16B", "I", "L"):
        return DepthFile(np.asarray(image), holds_units=False)
    raise Rejection("depth", "not_single_channel", f"must be one gray channel, got mode {image.mode}")


def _read_npy(content: bytes) -> DepthFile:
    values = np.load(io.BytesIO(content), allow_pickle=False)
    if not isinstance(values, np.ndarray):
        raise ValueError("must be one array, is an archive")
    if values.dtype.kind not in "fiu":
        raise ValueError(f"must hold real numbers, holds {values.dtype}")
    shape = values.shape
    values = values.squeeze() if values.ndim == 3 and 1 in (shape[0], shape[2]) else values
    if values.ndim != 2:
        raise Rejection("depth", "not_single_channel", f"must have the shape [h, w], has {list(shape)}")
    return DepthFile(values, holds_units=values.dtype.kind == "f")


def _read_pfm(content: bytes) -> DepthFile:
    """Three text lines (`Pf`, width and height, scale), then float32 rows from the bottom up.

    A negative scale means little-endian. Its size means nothing that writers agree on: only 1 holds units.
    Source: Debevec, "PFM: Portable FloatMap Image Format".
    """
    magic, size, scale_text, *_ = content[:256].split(b"\n", 3)
    if magic.strip() == b"PF":
        raise Rejection("depth", "not_single_channel", "must be a gray `Pf`, is a color `PF`")
    if magic.strip() != b"Pf":
        raise ValueError("must begin with `Pf`")
    width, height = (int(side) for side in size.split())
    scale = float(scale_text)
    if width < 1 or height < 1 or not math.isfinite(scale) or scale == 0:
        raise ValueError(f"must give sides >= 1 and a scale, gives {width}, {height}, {scale}")
    body = content[len(magic) + len(size) + len(scale_text) + 3 :]
    if len(body) < 4 * width * height:
        raise Rejection("depth", "truncated", f"{width}x{height} need {4 * width * height} bytes, has {len(body)}")
    values = np.frombuffer(body, "<f4" if scale < 0 else ">f4", width * height).reshape(height, width)
    return DepthFile(values[::-1], holds_units=abs(scale) == 1.0)
