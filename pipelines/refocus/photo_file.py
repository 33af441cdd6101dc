"""Reading one photo with its EXIF block, and writing one."""

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from pipelines.errors import Rejection, UserError, rejecting
from pipelines.render.photos.content import MAX_FILE_BYTES
from pipelines.render.photos.embedded_depth import holds_depth
from pipelines.render.photos.photo import Photo, PhotoSource, load_photo
from shards.durable import write_durably
from shards.foreign_file import read_foreign

JPEG_QUALITY = 95
_BLOCKS = (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo)
# EXIF 2.32, 4.6.4, without those that describe stored pixels or turn them.
_KEPT_TAGS = frozenset(
    [
        *(ExifTags.Base.ImageDescription, ExifTags.Base.Make, ExifTags.Base.Model, ExifTags.Base.Software),
        *(ExifTags.Base.DateTime, ExifTags.Base.Artist, ExifTags.Base.Copyright, *_BLOCKS),
    ]
)
_MOST_VALUE_BYTES = 8192  # of one tag: a maker's note or a prompt may fill the segment
_MOST_EXIF_BYTES = 65_000  # a JPEG segment holds 65,533 with its name
_ANY_SIZE = 1 << 20  # long side in pixels: photos are not shrunk here


@dataclass(frozen=True, eq=False)
class PhotoFile:
    """A photo, upright in sRGB, and its EXIF block without orientation, as bytes (empty without EXIF)."""

    photo: Photo
    exif: bytes


def read_photo(path: Path) -> PhotoFile:
    """Read one photo at its full size. Raises UserError with the reason when it is not a photo."""
    try:
        with rejecting("photo"):
            content = read_foreign(path, max_bytes=MAX_FILE_BYTES)
        sha256 = hashlib.sha256(content).hexdigest()
        name, has_depth = path.name, holds_depth(content)
        source = PhotoSource(sha256[:16], name, str(path.absolute()), sha256, "", "", "", holds_depth=has_depth)
        return PhotoFile(load_photo(source, long_side=_ANY_SIZE), _exif_of(content))
    except Rejection as rejection:
        raise UserError(f"photo {path} cannot be used: {rejection.message}") from rejection


def write_photo(path: Path, srgb: NDArray[np.uint8], exif: bytes) -> None:
    """Write [H, W, 3] as JPEG or PNG by the suffix, atomically, with the EXIF block of the original."""
    buffer = io.BytesIO()
    kind = "PNG" if path.suffix.lower() == ".png" else "JPEG"
    options = {} if kind == "PNG" else {"quality": JPEG_QUALITY, "subsampling": 0}
    Image.fromarray(srgb).save(buffer, kind, **options, **({"exif": exif} if exif else {}))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_durably(path, buffer.getvalue())


def _exif_of(content: bytes) -> bytes:
    """The camera's tags, as far as they hold for a JPEG or PNG of upright sRGB pixels; empty when none is left.

    Left out are the orientation, what describes the pixels of another file (the strips of a TIFF, its compression,
    Photoshop's resources), and texts and blocks that JPEG's one segment has no room for.
    """
    try:
        with Image.open(io.BytesIO(content)) as image:
            exif = image.getexif()
            for tag in [tag for tag in exif if tag not in _KEPT_TAGS]:
                del exif[tag]
            for tags in (exif, *(exif.get_ifd(block) for block in _BLOCKS if block in exif)):
                for tag in [tag for tag, value in tags.items() if _is_long(value)]:
                    del tags[tag]
            block = exif.tobytes() if len(exif) else b""
            return block if len(block) <= _MOST_EXIF_BYTES else b""
    except Exception:  # a damaged block is dropped, the photo is kept
        return b""


def _is_long(value: object) -> bool:
    return isinstance(value, (str, bytes, tuple)) and len(value) > _MOST_VALUE_BYTES
