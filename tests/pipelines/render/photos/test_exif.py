"""The camera that a photo names: read, and doubted."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import ExifTags, Image
from PIL.TiffImagePlugin import IFDRational

from pipelines.render.photos.decode import decode_photo
from pipelines.render.photos.exif import CameraTags


def jpeg(tags: dict[int, object]) -> bytes:
    image = Image.fromarray(np.full((80, 120, 3), 90, np.uint8))
    exif = image.getexif()
    exif.get_ifd(ExifTags.IFD.Exif).update(tags)
    stream = io.BytesIO()
    image.save(stream, "JPEG", exif=exif)
    return stream.getvalue()


def test_focal_length_equivalent_and_f_number() -> None:
    photo = jpeg({0x920A: IFDRational(686, 100), 0xA405: 26, 0x829D: IFDRational(178, 100)})
    camera = decode_photo(photo, long_side=96).camera
    assert camera == CameraTags(6.86, 26.0, 1.78)
    assert camera.sensor_width_mm(4032, 3024) == pytest.approx(9.133, abs=0.01)


@pytest.mark.parametrize(
    "tags", [{}, {0x920A: IFDRational(0, 0), 0xA405: 0, 0x829D: IFDRational(5, 0)}, {0x829D: IFDRational(900, 1)}]
)
def test_nothing_and_nonsense_are_not_known(tags: dict[int, object]) -> None:
    camera = decode_photo(jpeg(tags), long_side=96).camera
    assert camera == CameraTags()
    assert camera.sensor_width_mm(40, 30) == 0.0


INCH_MM = 25.4


@pytest.mark.parametrize(
    ("tags", "sensor_mm", "focal_px"),
    [
        # 6000 pixels of a 36 mm sensor, in inches and in centimeters; 50 mm: 36 mm behind 50 mm, 96 px wide.
        ({0x920A: 50, 0xA20E: IFDRational(6000 * INCH_MM / 36), 0xA002: 6000, 0xA003: 4000}, 36.0, 96 * 50 / 36),
        ({0x920A: 50, 0xA20E: IFDRational(60000, 36), 0xA210: 3, 0xA002: 4000, 0xA003: 6000}, 36.0, 96 * 50 / 36),
        # Without the sides: the file's own 120 pixels.
        ({0x920A: 50, 0xA20E: IFDRational(1200, 36), 0xA210: 3}, 36.0, 96 * 50 / 36),
        # The equivalent goes first, and is enough for the field of view: 50 mm on a diagonal of 43.27 mm.
        ({0xA405: 50, 0xA20E: IFDRational(1200, 36), 0xA210: 3}, 36.0, 50 / 43.2666 * np.hypot(96, 64)),
        # Half a meter of sensor, and a unit that nobody knows.
        ({0x920A: 50, 0xA20E: 6.0, 0xA210: 3}, 0.0, 0.0),
        ({0x920A: 50, 0xA20E: IFDRational(1200, 36), 0xA210: 9}, 0.0, 0.0),
    ],
)
def test_field_of_view(tags: dict[int, object], sensor_mm: float, focal_px: float) -> None:
    camera = decode_photo(jpeg(tags), long_side=96).camera
    assert camera.sensor_long_side_mm == pytest.approx(sensor_mm, rel=1e-4)
    assert camera.focal_length_px(96, 64) == pytest.approx(focal_px, rel=1e-4)
