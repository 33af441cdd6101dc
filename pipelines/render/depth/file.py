"""The values of a depth map, read from an untrusted file of one of EXTENSIONS; sidecar.py finds their unit."""

import hashlib
import io
import math
import threading
import zipfile
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.errors import Rejection, rejecting
from pipelines.render.photos.decode import open_image
from pipelines.render.photos.first_bytes import GRAY_16_BIT
from pipelines.render.photos.header import MAX_PIXELS
from shards.foreign_file import read_foreign
from shards.storage import StoragePath

MIN_PIXELS = 4
EXTENSIONS = (".png", ".npy", ".pfm", ".npz", ".tif", ".tiff", ".exr")
MAX_FILE_BYTES = 8 * MAX_PIXELS + (1 << 16)  # of float64, with a header
_NPY_HEADER_BYTES = 1 << 16
_decoding_exr = threading.Lock()  # its warnings go to stdout, which is the whole process's


@dataclass(frozen=True)
class DepthFile:
    """Stored values [h, w], top row first."""

    values: NDArray[Any]
    holds_units: bool  # floats can hold meters as they are; whole numbers need a scale
    sha256: str = ""  # of the file's bytes


def read_depth_file(path: StoragePath) -> DepthFile:
    """Read a file by its extension. Sizes are read from its header and checked before anything of that size is made.

    Raises Rejection with stage "depth": `missing`, `unreadable`, `truncated`, `too_large`, `not_single_channel`.
    """
    read = _READERS[path.suffix.lower()]
    with rejecting("depth", subject=path.name):
        content = read_foreign(path, max_bytes=MAX_FILE_BYTES)
        file = read(content)
        return replace(file, sha256=hashlib.sha256(content).hexdigest())


def _read_picture(content: bytes, formats: tuple[str, ...]) -> DepthFile:
    image = open_image(content, formats, stage="depth")
    _check_sides(image.size, 0, 0)
    if (pages := getattr(image, "n_frames", 1)) > 1:
        raise Rejection("depth", "not_single_channel", f"must be one picture, has {pages} pages")
    if image.mode in ("L", *GRAY_16_BIT):
        return DepthFile(np.asarray(image), holds_units=image.mode == "F")
    if image.mode not in ("RGB", "RGBA", "LA", "P"):
        raise Rejection("depth", "not_single_channel", f"must be one gray channel, got mode {image.mode}")
    if formats == ("PNG",) and content[24] == 16:  # Pillow keeps 8 bits of 16 where there are several channels
        decoded = np.asarray(cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED))
        return DepthFile(_one_channel(decoded[..., :3]), holds_units=False)
    return DepthFile(_one_channel(np.asarray(image.convert("RGB"))), holds_units=False)


def _read_png(content: bytes) -> DepthFile:
    return _read_picture(content, ("PNG",))


def _read_tiff(content: bytes) -> DepthFile:
    return _read_picture(content, ("TIFF",))


def _read_npy(content: bytes) -> DepthFile:
    values = read_npy(content)
    plane = values.reshape(_plane_shape(values.shape))
    return DepthFile(_one_channel(plane) if plane.ndim == 3 else plane, holds_units=values.dtype.kind == "f")


def read_npy(content: bytes) -> NDArray[Any]:
    """The numbers of a .npy file, without a copy. Any exception means that these bytes are none; see `rejecting`."""
    shape, is_fortran, dtype, header_bytes = _npy_header(content)
    if dtype.kind not in "fiu":
        raise ValueError(f"must hold real numbers, holds {dtype}")
    _check_sides(shape, dtype.itemsize, len(content) - header_bytes)
    values = np.frombuffer(content, dtype, math.prod(shape), header_bytes)
    return values.reshape(shape, order="F" if is_fortran else "C")


def _read_npz(content: bytes) -> DepthFile:
    """The one array of an archive; no more of it is unpacked than its header promises."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = archive.namelist()
        if len(names) != 1:
            raise ValueError(f"must hold one array, holds {len(names)} ({', '.join(names[:5])})")
        with archive.open(names[0]) as member:
            begin = member.read(_NPY_HEADER_BYTES)
            shape, _, dtype, header_bytes = _npy_header(begin)
            _check_sides(shape, 0, 0)
            needed = header_bytes + math.prod(shape) * dtype.itemsize
            return _read_npy(begin + member.read(max(needed - len(begin), 0)))


def _plane_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """[h, w], or [h, w, 3] and [3, h, w], of a shape that may have axes of one before them or one behind."""
    plane = shape
    while len(plane) > 2 and plane[0] == 1:
        plane = plane[1:]
    if len(plane) == 3 and plane[2] == 1:
        plane = plane[:2]
    if len(plane) == 2 or (len(plane) == 3 and 3 in (plane[0], plane[2])):
        return plane
    raise Rejection("depth", "not_single_channel", f"must have the shape [h, w], has {list(shape)}")


def _one_channel(values: NDArray[Any]) -> NDArray[Any]:
    """The first of three equal channels, of [h, w, 3] or [3, h, w]."""
    channels = np.moveaxis(values, 2, 0) if values.shape[2] == 3 else values
    if not all(np.array_equal(channels[0], other, equal_nan=values.dtype.kind == "f") for other in channels[1:]):
        raise Rejection(
            "depth", "not_single_channel", "must be one gray channel or three equal ones, has different ones"
        )
    return channels[0]


def _npy_header(content: bytes) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    """Shape, whether columns run first, dtype, bytes of the header. Source: NEP 1."""
    stream = io.BytesIO(content[:_NPY_HEADER_BYTES])
    major, _ = np.lib.format.read_magic(stream)
    read = {1: np.lib.format.read_array_header_1_0, 2: np.lib.format.read_array_header_2_0}.get(major)
    if read is None:
        raise ValueError(f"must be of npy version 1 or 2, is of {major}")
    shape, is_fortran, dtype = read(stream)
    return shape, is_fortran, dtype, stream.tell()


def _check_sides(shape: Sequence[int], item_bytes: int, body_bytes: int) -> None:
    """Raise Rejection unless a header's sides are possible and the file holds what they promise."""
    size = "x".join(map(str, shape))
    if min(shape, default=1) < 1 or math.prod(shape) < MIN_PIXELS:
        raise ValueError(f"must have at least {MIN_PIXELS} pixels, has {size}")
    if math.prod(shape) > MAX_PIXELS:
        raise Rejection("depth", "too_large", f"must have at most {MAX_PIXELS} pixels, has {size}")
    if body_bytes < (needed := math.prod(shape) * item_bytes):
        raise Rejection("depth", "truncated", f"{size} values need {needed} bytes, the file has {body_bytes} for them")


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
    if not math.isfinite(scale) or scale == 0:
        raise ValueError(f"must give a scale, gives {scale}")
    begin = len(magic) + len(size) + len(scale_text) + 3
    _check_sides((height, width), 4, len(content) - begin)
    values = np.frombuffer(content, "<f4" if scale < 0 else ">f4", width * height, begin).reshape(height, width)
    return DepthFile(values[::-1], holds_units=abs(scale) == 1.0)


def _read_exr(content: bytes) -> DepthFile:
    """The channel Z, else Y, else the only one of the first part. Its window is checked before it is decoded.

    Source: OpenEXR, "Technical Introduction" (Z is the name of depth, Y that of a gray picture).
    """
    try:
        import OpenEXR
    except ImportError as error:
        raise Rejection("depth", "exr", "OpenEXR is needed to read it; pip install 'refocus-foundry[exr]'") from error
    headers = [part.header for part in OpenEXR.File(io.BytesIO(content), header_only=True, num_threads=0).parts]
    values = 0  # of all parts and channels: the library decodes all of them
    for header in headers:
        (left, top), (right, bottom) = (map(int, corner) for corner in header["dataWindow"])
        _check_sides((bottom - top + 1, right - left + 1), 0, 0)
        values += (bottom - top + 1) * (right - left + 1) * len(header["channels"])
    if values > MAX_PIXELS:
        raise Rejection("depth", "too_large", f"must have at most {MAX_PIXELS} values in all channels, has {values}")
    with _decoding_exr, redirect_stdout(io.StringIO()) as said:  # of a part that cannot be decoded: it is left out
        parts = OpenEXR.File(io.BytesIO(content), separate_channels=True, num_threads=0).parts
    if len(parts) < len(headers):
        raise ValueError(said.getvalue())
    channels = parts[0].channels
    named = [name for name in ("Z", "Y") if name in channels] or list(channels)
    if len(named) > 1 and named[0] not in ("Z", "Y"):
        got = ", ".join(sorted(channels))
        raise Rejection("depth", "not_single_channel", f"must have a channel Z or Y, or one channel only, has {got}")
    pixels = channels[named[0]].pixels
    if pixels.ndim != 2 or pixels.dtype.kind not in "fu":
        raise Rejection("depth", "not_single_channel", "must hold one number a pixel, is a deep picture")
    return DepthFile(pixels, holds_units=pixels.dtype.kind == "f")


_READERS = {
    ".exr": _read_exr,
    ".png": _read_png,
    ".npy": _read_npy,
    ".pfm": _read_pfm,
    ".npz": _read_npz,
    ".tif": _read_tiff,
    ".tiff": _read_tiff,
}
