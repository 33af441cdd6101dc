"""A photo by its content: SHA-256 of its bytes and perceptual hash of its pixels, from one reading.

Knows no torch: processes that only hash photos start fast.
"""

import hashlib
import os
from io import BufferedIOBase
from typing import IO, NamedTuple, cast

import imagehash
import numpy as np
from PIL import Image

from pipelines.errors import Rejection, rejecting
from pipelines.render.photos.embedded_depth import LONGEST_MARK, holds_depth, may_hold_depth
from pipelines.render.photos.first_bytes import is_heic, not_a_photo
from pipelines.render.photos.header import FORMATS, MAX_PIXELS, open_header, orientation_of, turned_upright
from shards.foreign_file import open_foreign, read_foreign
from shards.storage import storage_path

MAX_FILE_BYTES = 6 * MAX_PIXELS + (32 << 20)  # 16 bits a channel, uncompressed, and what cameras add
_LARGE_FILE_BYTES = 64 << 20  # beyond it, the header is read before the file
_DRAFT_PX = 128  # a JPEG decodes to a fraction of its size for next to nothing; the hash looks at 32 x 32


class ContentHashes(NamedTuple):
    """Facts about the bytes of one photo. `near_hash`: 16 hex digits; "" for pixels that do not decode; None if not
    asked for."""

    sha256: bytes  # 32 bytes
    near_hash: str | None
    holds_depth: bool = False  # a portrait photo with a depth picture within its file


def content_hashes(location: str, near: bool) -> ContentHashes | Rejection:
    """The hashes of a file, with its perceptual hash if `near`; or why it cannot be read (stage "photo")."""
    try:
        with rejecting("photo"), open_foreign(storage_path(location), max_bytes=MAX_FILE_BYTES) as file:
            _check_large_file(file)
            sha256, is_marked, content = _read(file)
        if content is None and (near or is_marked):
            content = read_photo(location)
    except Rejection as rejection:
        return rejection
    near_hash = _near_hash(content or b"") if near else None
    return ContentHashes(sha256, near_hash, is_marked and holds_depth(content or b""))


def _read(file: BufferedIOBase) -> tuple[bytes, bool, bytes | None]:
    """SHA-256 of a file, whether it may hold a depth picture, and its bytes unless they are many."""
    content = file.read(_LARGE_FILE_BYTES)
    digest, is_marked, tail = hashlib.sha256(content), may_hold_depth(content), content[-LONGEST_MARK:]
    is_whole = len(content) < _LARGE_FILE_BYTES
    while chunk := file.read(1 << 20):
        digest.update(chunk)
        is_marked = is_marked or may_hold_depth(tail + chunk)
        tail = chunk[-LONGEST_MARK:]
    return digest.digest(), is_marked, content if is_whole else None


def _near_hash(content: bytes) -> str:
    try:  # hostile bytes raise nearly anything; the decoder rejects such a photo later, with the reason
        image = open_header(content, FORMATS)
        image.draft("L", (_DRAFT_PX, _DRAFT_PX))
        gray = turned_upright(np.asarray(image.convert("L")), orientation_of(image, []))
        return perceptual_hash(Image.fromarray(gray))
    except Exception:
        return ""


def perceptual_hash(image: Image.Image) -> str:
    """Signs of the lowest 8 x 8 DCT coefficients of an image's luminance, 16 hex digits."""
    return str(imagehash.phash(image.convert("L")))


def read_photo(location: str) -> bytes:
    """A photo's bytes. Raises Rejection (`missing`, `unreadable`, `too_large`)."""
    with rejecting("photo"):
        return read_foreign(storage_path(location), max_bytes=MAX_FILE_BYTES)


def _check_large_file(file: BufferedIOBase) -> None:
    """Raise Rejection for a file that is much larger than its picture uncompressed, before it is read whole."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if size > _LARGE_FILE_BYTES and not is_heic(begin := file.read(4096)):  # 64 MiB of HEIC are an honest photo
        if rejection := not_a_photo(begin):
            raise rejection
        width, height = Image.open(cast(IO[bytes], file), formats=FORMATS).size
        if size > 16 * width * height + _LARGE_FILE_BYTES:
            raise Rejection("photo", "too_large", f"the file has {size >> 20} MiB for {width}x{height} pixels")
    file.seek(0)
