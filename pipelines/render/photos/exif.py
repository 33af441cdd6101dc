"""EXIF of a photo: focal length, its 35 mm equivalent, f-number, size of the sensor. EXIF is untrusted input."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from PIL import ExifTags, Image

from simulator.optics.lens import sensor_width_from_35mm

_FOCAL_MM = (1.0, 3000.0)  # anything else is an odd entry, not a lens
_F_NUMBER = (0.5, 128.0)
_SENSOR_MM = (2.0, 120.0)  # long side, from phones' second cameras to 120 mm panoramas on film
_MM_OF_UNIT = {2: 25.4, 3: 10.0, 4: 1.0, 5: 0.001}  # FocalPlaneResolutionUnit
_DIAGONAL_35MM = math.hypot(36.0, 24.0)


@dataclass(frozen=True)
class CameraTags:
    """Tags of the camera; 0.0 where one is missing or out of range."""

    focal_length_mm: float = 0.0
    focal_length_35mm: float = 0.0
    f_number: float = 0.0
    sensor_long_side_mm: float = 0.0  # by the resolution of the focal plane

    def sensor_width_mm(self, width_px: int, height_px: int) -> float:
        """Long side of the sensor, 0.0 where neither the focal lengths nor the resolution of the focal plane say it.

        The 35 mm equivalent goes first: programs that shrink a photo keep the resolution that it had before.
        """
        if not (self.focal_length_mm and self.focal_length_35mm):
            return self.sensor_long_side_mm
        return sensor_width_from_35mm(self.focal_length_mm, self.focal_length_35mm, width_px, height_px)

    def focal_length_px(self, width_px: int, height_px: int) -> float:
        """In pixels of an uncropped picture of this size: its field of view is 2 atan(side / 2f). 0.0: not known."""
        if self.focal_length_35mm:  # the equivalent compares diagonals
            return self.focal_length_35mm * math.hypot(width_px, height_px) / _DIAGONAL_35MM
        if not (self.focal_length_mm and self.sensor_long_side_mm):
            return 0.0
        return self.focal_length_mm / self.sensor_long_side_mm * max(width_px, height_px)


UNKNOWN_CAMERA = CameraTags()


def camera_tags(image: Image.Image) -> CameraTags:
    """Read from the EXIF sub-block (EXIF 2.32, tags 0x920A, 0xA405, 0x829D, 0xA002 to 0xA210); broken: no tags."""
    try:
        tags = image.getexif().get_ifd(ExifTags.IFD.Exif)
    except Exception:  # hostile bytes raise nearly anything, and the pixels are fine
        return UNKNOWN_CAMERA
    return CameraTags(
        _number(tags.get(ExifTags.Base.FocalLength), _FOCAL_MM),
        _number(tags.get(ExifTags.Base.FocalLengthIn35mmFilm), _FOCAL_MM),
        _number(tags.get(ExifTags.Base.FNumber), _F_NUMBER),
        _sensor_long_side_mm(tags, max(image.size)),
    )


def _sensor_long_side_mm(tags: Mapping[int, object], stored_px: int) -> float:
    """Pixels along the long side, as the camera wrote them, over their number in a millimeter."""
    unit_mm = _MM_OF_UNIT.get(int(_number(tags.get(ExifTags.Base.FocalPlaneResolutionUnit, 2), (2, 5))), 0.0)  # inches
    per_unit = _number(tags.get(ExifTags.Base.FocalPlaneXResolution), (1e-3, 1e9))
    sides = (tags.get(ExifTags.Base.ExifImageWidth), tags.get(ExifTags.Base.ExifImageHeight))
    pixels = max(_number(side, (1, 1e6)) for side in sides) or stored_px
    return _number(pixels / per_unit * unit_mm, _SENSOR_MM) if per_unit else 0.0


def _number(value: object, within: tuple[float, float]) -> float:
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return 0.0
    return number if math.isfinite(number) and within[0] <= number <= within[1] else 0.0
