"""Untrusted image bytes before their pixels are decoded. Knows no torch: processes that only hash photos start fast."""

import io
import threading
import warnings
from functools import cache

from PIL import ExifTags, Image

from pipelines.render.photos.first_bytes import is_heic

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF")
MAX_PIXELS = 128_000_000  # more than any medium-format back gives; 0.9 GB while it is scaled

# EXIF 2.32, tag 274: what turns the stored picture upright.
_TO_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
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


def upright(image: Image.Image, flags: list[str]) -> Image.Image:
    """Turn by the EXIF orientation. ImageOps.exif_transpose also writes EXIF anew, and fails on odd entries."""
    try:
        turn = _TO_UPRIGHT.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # a broken EXIF block is no reason to lose the photo; its pixels are fine
        flags.append("exif_corrupt")
        return image
    return image if turn is None else image.transpose(turn)
