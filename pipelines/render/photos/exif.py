"""EXIF of a photo: focal length, its 35 mm equivalent, f-number. EXIF is untrusted input."""

import math
from dataclasses import dataclass

from PIL import ExifTags, Image

from simulator.optics.lens import sensor_width_from_35mm

_FOCAL_MM = (1.0, 3000.0)  # anything else is an odd entry, not a lens
_F_NUMBER = (0.5, 128.0)


@dataclass(frozen=True)
class CameraTags:
    """Tags of the camera; 0.0 where one is missing or out of range."""

    focal_length_mm: float = 0.0
    focal_length_35mm: float = 0.0
    f_number: float = 0.0

    def sensor_width_mm(self, width_px: int, height_px: int) -> float:
        """Long side of the sensor, 0.0 where one of the focal lengths is not known."""
        if not (self.focal_length_mm and self.focal_length_35mm):
            return 0.0
        return sensor_width_from_35mm(self.focal_length_mm, self.focal_length_35mm, width_px, height_px)


UNKNOWN_CAMERA = CameraTags()


def camera_tags(image: Image.Image) -> CameraTags:
    """Read from the EXIF sub-block (EXIF 2.32, tags 0x920A, 0xA405, 0x829D); a broken block gives no tags."""
    try:
        tags = image.getexif().get_ifd(ExifTags.IFD.Exif)
    except Exception:  # hostile bytes raise nearly anything, and the pixels are fine
        return UNKNOWN_CAMERA
    return CameraTags(
        _number(tags.get(ExifTags.Base.FocalLength), _FOCAL_MM),
        _number(tags.get(ExifTags.Base.FocalLengthIn35mmFilm), _FOCAL_MM),
        _number(tags.get(ExifTags.Base.FNumber), _F_NUMBER),
    )


def _number(value: object, within: tuple[float, float]) -> float:
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return 0.0
    return number if math.isfinite(number) and within[0] <= number <= within[1] else 0.0
