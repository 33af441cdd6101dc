"""A photo by its content: SHA-256 of its bytes and perceptual hash of its pixels, from one reading.

Knows no torch: processes that only hash photos start fast.
"""

import hashlib
import os
from io import BufferedIOBase
from typing import IO, NamedTuple, cast

import imagehash
from PIL import Image

from pipelines.errors import Rejection, rejecting
from pipelines.render.photos.first_bytes import is_heic, not_a_photo
from pipelines.render.photos.header import FORMATS, MAX_PIXELS, open_header, upright
from shards.foreign_file import open_foreign, read_foreign
from shards.storage import storage_path

MAX_FILE_BYTES = 6 * MAX_PIXELS + (32 << 20)  # 16 bits a channel, uncompressed, and what cameras add
_LARGE_FILE_BYTES = 64 << 20  # beyond it, the header is read before the file
_DRAFT_PX = 128  # a JPEG decodes to a fraction of its size for next to nothing; the hash looks at 32 x 32


class ContentHashes(NamedTuple):
    """Hashes of one photo. `near_hash`: 16 hex digits; "" for pixels that do not decode; None if not asked for."""

    sha256: bytes  # 32 bytes
    near_hash: str | None


def content_hashes(location: str, near: bool) -> ContentHashes | Rejection:
    """The hashes of a file, with its perceptual hash if `near`; or why it cannot be read (stage "photo")."""
    try:
        with rejecting("photo"), open_foreign(storage_path(location), max_bytes=MAX_FILE_BYTES) as file:
            content = file.read(_LARGE_FILE_BYTES + 1)
            digest = hashlib.sha256(content)
            if is_small := len(content) <= _LARGE_FILE_BYTES:
                sha256 = digest.digest()
            else:
                content = b""
                while chunk := file.read(1 << 20):
                    digest.update(chunk)
                sha256 = digest.digest()
    except Rejection as rejection:
        return rejection
    if not near:
        return ContentHashes(sha256, None)
    try:  # hostile bytes raise nearly anything; the decoder rejects such a photo later, with the reason
        image = open_header(content if is_small else read_photo(location), FORMATS)
        image.draft("L", (_DRAFT_PX, _DRAFT_PX))
        return ContentHashes(sha256, perceptual_hash(upright(image, [])))
    except Exception:
        return ContentHashes(sha256, "")


def perceptual_hash(image: Image.Image) -> str:
    """Signs of the lowest 8 x 8 DCT coefficients of an image's luminance, 16 hex digits."""
    return str(imagehash.phash(image.convert("L")))


def read_photo(location: str) -> bytes:
    """A photo's bytes. Raises Rejection (`missing`, `unreadable`, `too_large`)."""
    path = storage_path(location)
    with rejecting("photo"), open_foreign(path, max_bytes=MAX_FILE_BYTES) as file:
        _check_large_file(file)
    with rejecting("photo"):
        return read_foreign(path, max_bytes=MAX_FILE_BYTES)


def _check_large_file(file: BufferedIOBase) -> None:
    """Raise Rejection for a file that is much larger than its picture uncompressed, before it is read whole."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if size <= _LARGE_FILE_BYTES:
        return
    begin = file.read(4096)
    if is_heic(begin):  # 64 MiB of compressed pixels are an honest photo
        return
    if rejection := not_a_photo(begin):
        raise rejection
    width, height = Image.open(cast(IO[bytes], file), formats=FORMATS).size
    if size > 16 * width * height + _LARGE_FILE_BYTES:
        raise Rejection("photo", "too_large", f"the file has {size >> 20} MiB for {width}x{height} pixels")
