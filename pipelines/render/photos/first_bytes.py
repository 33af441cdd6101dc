"""What a file is by its first bytes, whatever its name says."""

from typing import IO, cast

from PIL import Image

from pipelines.errors import Rejection
from shards.foreign_file import open_foreign
from shards.object_store import StoreError
from shards.storage import StoragePath

_HEADER_BYTES = 1 << 14
_READ = "JPEG, PNG, WebP and TIFF are read"
_BEGINNINGS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"GIF8", "a GIF"),
    (0, b"BM", "a BMP"),
    (0, b"\xff\x0a", "a JPEG XL"),
    (0, b"\0\0\0\x0cJXL ", "a JPEG XL"),
    (0, b"\0\0\0\x0cjP  ", "a JPEG 2000"),
    (0, b"\xff\x4f\xff\x51", "a JPEG 2000"),
    (0, b"8BPS", "a Photoshop document"),
    (0, b"\x76\x2f\x31\x01", "an OpenEXR"),
    (0, b"%PDF", "a PDF"),
    (0, b"PK\x03\x04", "a ZIP archive"),
    (0, b"\x1f\x8b", "a gzip file"),
    (0, b"\x93NUMPY", "a numpy array"),
    (0, b"\x89HDF", "an HDF5 file"),
    (0, b"FUJIFILMCCD-RAW", "a raw photo"),
    (0, b"\0\x05\x16\x07", "a macOS resource fork (._ file)"),
    (0, b"SQLite format 3", "a database"),
    (0, b"\x1aE\xdf\xa3", "a video"),
)
HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
HEIC_SUFFIXES = (".heic", ".heif", ".hif")
GRAY_16_BIT = ("I", "I;16", "I;16B", "I;16L", "I;16N", "F")  # Pillow's modes of gray beyond 8 bits
_BARE_DEPTH_FORMATS = {".png": ("PNG",), ".tif": ("TIFF",), ".tiff": ("TIFF",)}
_LFS = b"version https://git-lfs.github.com/"
_WEB_PAGE = (b"<!doctype html", b"<html", b"<head", b"<?xml", b"<svg")


def is_heic(content: bytes) -> bool:
    """Whether the file is HEIC, as iPhones and some cameras write it."""
    return content[4:8] == b"ftyp" and content[8:12] in HEIC_BRANDS


def is_bare_depth(file: StoragePath) -> bool:
    """Whether a PNG's or TIFF's header says gray of 16 bits or float, as of no photo: then `STEM.png` is depth."""
    if not (formats := _BARE_DEPTH_FORMATS.get(file.suffix.lower())):
        return False
    try:
        with (
            open_foreign(file, readahead_bytes=_HEADER_BYTES) as stream,
            Image.open(cast(IO[bytes], stream), formats=formats) as image,
        ):
            return image.mode in GRAY_16_BIT
    except StoreError:
        raise
    except Exception:  # whatever a parser of foreign bytes raises: no depth
        return False


def not_a_photo(content: bytes) -> Rejection | None:
    """Why these bytes cannot be a photo that is read, by their beginning; None where it promises one of those.

    The codes are `empty`, `lfs_pointer`, `web_page`, `heic`, `format`.
    """
    if not content.strip(b"\0"):
        size = f"{len(content)} bytes, all zero: the copy or download never arrived" if content else "no bytes"
        return _rejection("empty", f"the file has {size}")
    if content.startswith(_LFS):
        return _rejection("lfs_pointer", "it is a Git LFS pointer, not the photo; run `git lfs pull`")
    begin = content[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if begin.startswith(_WEB_PAGE):
        return _rejection("web_page", "it is a web page (a failed download, a login), not a photo; download it again")
    if content[4:8] == b"ftyp":
        return _of_brand(content[8:12])
    kind = next((kind for at, magic, kind in _BEGINNINGS if content[at : at + len(magic)] == magic), None)
    return _rejection("format", f"it is {kind}, whatever its name says; {_READ}") if kind else None


def _of_brand(brand: bytes) -> Rejection:
    """A file of ISO 14496-12 boxes: HEIF, AVIF, raw photos of Canon, videos."""
    if brand in HEIC_BRANDS:
        return _rejection("heic", "it is HEIC, whatever its name says; pip install 'refocus-foundry[heic]'")
    kind = {b"avif": "an AVIF", b"avis": "an AVIF", b"crx ": "a raw photo"}.get(brand, "a video")
    return _rejection("format", f"it is {kind}, whatever its name says; {_READ}")


def _rejection(code: str, message: str) -> Rejection:
    return Rejection("photo", code, message)
