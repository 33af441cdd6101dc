"""Reading one photo with its EXIF block, and writing one."""

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from pipelines.errors import Rejection, UserError
from pipelines.render.photos.photo import Photo, PhotoSource, load_photo
from shards.durable import write_durably

JPEG_QUALITY = 95
_ANY_SIZE = 1 << 20  # long side in pixels: photos are not shrunk here


@dataclass(frozen=True, eq=False)
class PhotoFile:
    """A photo, upright in sRGB, and its EXIF block without orientation, as bytes (empty without EXIF)."""

    photo: Photo
    exif: bytes


def read_photo(path: Path) -> PhotoFile:
    """Read one photo at its full size. Raises UserError with the reason when it is not a photo."""
    try:
        content = path.read_bytes()
        sha256 = hashlib.sha256(content).hexdigest()
        source = PhotoSource(sha256[:16], path.name, str(path.absolute()), sha256, "", "", "")
        return PhotoFile(load_photo(source, long_side=_ANY_SIZE), _exif_of(content))
    except FileNotFoundError:
        raise UserError(f"photo {path} does not exist") from None
    except IsADirectoryError:
        raise UserError(f"photo {path} is a folder; name one photo") from None
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
    """The camera's tags without orientation: the pixels are upright already and must not be rotated again."""
    try:
        with Image.open(io.BytesIO(content)) as image:
            exif = image.getexif()
            exif.pop(ExifTags.Base.Orientation, None)
            return exif.tobytes() if len(exif) else b""
    except Exception:  # a damaged block is dropped, the photo is kept
        return b""
