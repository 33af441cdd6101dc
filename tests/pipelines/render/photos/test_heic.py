"""HEIC, as phones write it: read where pillow-heif is installed, named with the extra where it is not."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipelines.errors import Rejection
from pipelines.render.photos import folder, header
from pipelines.render.photos.decode import decode_photo
from pipelines.render.photos.listing import list_photos
from tests.pipelines.render.photos.photo_examples import scenery

BOX = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(4000)


def heic(height: int = 96, width: int = 128, orientation: int = 1) -> bytes:
    pillow_heif = pytest.importorskip("pillow_heif", reason="needs pillow-heif, the extra `heic`")
    pillow_heif.register_heif_opener()
    exif = Image.Exif()
    exif[0x0112] = orientation
    stream = io.BytesIO()
    image = Image.fromarray(scenery(height, width))
    image.info["exif"] = exif.tobytes()
    image.save(stream, "HEIF", quality=95, chroma=444)
    return stream.getvalue()


def test_a_heic_is_a_photo_whatever_it_is_called(tmp_path: Path) -> None:
    content = heic()
    photo = decode_photo(content, long_side=768)
    assert photo.flags == ()
    # Lossy: a few codes.
    assert np.abs(photo.srgb.astype(int) - scenery(96, 128)).mean() < 4
    for name in ("a.heic", "b.HEIF", "c.jpg"):
        (tmp_path / name).write_bytes(content)
    assert [photo.name for photo in list_photos(str(tmp_path), 0)] == ["a.heic", "b.HEIF", "c.jpg"]


def test_a_turned_heic_is_turned_once() -> None:
    upright, turned = (decode_photo(heic(orientation=turn), long_side=768).srgb for turn in (1, 6))
    assert upright.shape == (96, 128, 3)
    assert turned.shape == (128, 96, 3)
    assert np.abs(turned.astype(int) - np.rot90(upright, -1)).mean() < 4


def test_a_broken_heic_costs_itself() -> None:
    content = heic()
    for damaged in (content[:200], content[: len(content) // 2], BOX):
        with pytest.raises(Rejection) as caught:
            decode_photo(damaged, long_side=768)
        assert caught.value.code in ("unreadable", "truncated", "heic")


def test_without_the_package_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(folder, "find_spec", lambda name: None)
    monkeypatch.setattr(header, "heic_is_read", lambda: False)
    with pytest.raises(Rejection, match=r"photo/heic: it is HEIC.*refocus-foundry\[heic\]"):
        decode_photo(BOX, long_side=768)
    (tmp_path / "a.jpg").write_bytes(b"x")
    (tmp_path / "b.heic").write_bytes(BOX)
    assert [photo.name for photo in list_photos(str(tmp_path), 0)] == ["a.jpg"]
    assert "passed over 1 .heic (the 1 HEIC are read after: pip install 'refocus-foundry[heic]')" in caplog.text
