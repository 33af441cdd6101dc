"""Untrusted image bytes before their pixels are decoded. Knows no torch: processes that only hash photos start fast."""

import io
import threading
import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from pipelines.render.photos.first_bytes import is_heic

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF")
MAX_PIXELS = 128_000_000  # more than any medium-format back gives; 0.5 GB in Pillow, and its file

SWAPS_SIDES = (5, 6, 7, 8)
"""Orientations (EXIF 2.32, tag 274) whose upright picture is as wide as the stored one is high."""
_TURNS: dict[int, Callable[[NDArray[Any]], NDArray[Any]]] = {
    2: np.fliplr,
    3: lambda values: np.rot90(values, 2),
    4: np.flipud,
    5: lambda values: np.swapaxes(values, 0, 1),
    6: lambda values: np.rot90(values, -1),
    7: lambda values: np.swapaxes(np.rot90(values, 2), 0, 1),
    8: np.rot90,
}
_opening = threading.Lock()  # warnings.catch_warnings is not safe among threads


@cache
def heic_is_read() -> bool:
    """Whether pillow-heif (extra `heic`) is installed; from here on, Pillow opens HEIC with it."""
    try:
        import pillow_heif
    except ImportError:
        return False
    pillow_heif.register_heif_opener(thumbnails=False)
    return True


def open_header(content: bytes, formats: tuple[str, ...]) -> Image.Image:
    """The image before its pixels are decoded. Raises what Pillow does, DecompressionBombError beyond MAX_PIXELS.

    Where photos are read (`formats` has JPEG), HEIC is too if pillow-heif is installed.
    """
    if "JPEG" in formats and is_heic(content) and heic_is_read():
        formats = ("HEIF",)
    with _opening, warnings.catch_warnings():
        # Pillow warns from 89 megapixels on; the rule here is MAX_PIXELS.
        warnings.simplefilter("ignore")
        image = Image.open(io.BytesIO(content), formats=formats)
    if image.width * image.height > MAX_PIXELS:
        raise Image.DecompressionBombError(f"{image.width}x{image.height}")
    return image


def orientation_of(image: Image.Image, flags: list[str]) -> int:
    """1 to 8; 1, stored upright, where the EXIF does not say. A broken EXIF block is flagged: the pixels are fine."""
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # hostile bytes raise nearly anything
        flags.append("exif_corrupt")
        return 1
    return orientation if orientation in _TURNS else 1


def turned_upright(stored: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Stored pixels or values [h, w, ...] as the upright photo has them: [h, w, ...] or [w, h, ...]."""
    return _TURNS.get(orientation, np.asarray)(stored)
