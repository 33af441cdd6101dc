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
