"""Depth files as people's tools write them, and maps made from pixels that were not turned upright."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import ExifTags, Image

from pipelines.errors import Rejection
from pipelines.render.config import RenderConfig
from pipelines.render.depth.disparity_map import DisparityMap
from pipelines.render.depth.sidecar import SidecarDepth
from pipelines.render.photos.decode import decode_photo
from pipelines.render.run import render
from shards.reader import read_shards
from tests.pipelines.render.depth.test_sidecar import disparity, npy, rejection, say
from tests.pipelines.render.photos.photo_examples import photo_at, scenery, slope
from tests.pipelines.tiny_photos import hill, write_photo

CODES16 = np.round(slope() * 65535).astype(np.uint16)


def npz(**arrays: NDArray[Any]) -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    return stream.getvalue()


def picture(values: NDArray[Any], kind: str, mode: str | None = None, **options: Any) -> bytes:
    stream = io.BytesIO()
    image = Image.fromarray(values)
    (image.convert(mode) if mode else image).save(stream, kind, **options)
    return stream.getvalue()


def three(values: NDArray[Any]) -> NDArray[Any]:
    return np.repeat(values[..., None], 3, axis=2)


CODES8 = np.round(slope() * 255).astype(np.uint8)
FORMS: dict[str, tuple[str, bytes]] = {
    "npz": ("npz", npz(depth=slope())),
    "[1, h, w]": ("npy", npy(slope()[None])),
    "[1, 1, h, w]": ("npy", npy(slope()[None, None])),
    "[1, h, w, 1]": ("npy", npy(slope()[None, ..., None])),
    "[h, w, 3]": ("npy", npy(three(slope()))),
    "[3, h, w]": ("npy", npy(np.repeat(slope()[None], 3, 0))),
    "columns first": ("npy", npy(np.asfortranarray(slope()[None]))),
    "float TIFF": ("tif", picture(slope(), "TIFF")),
    "float TIFF, deflated": ("tiff", picture(slope(), "TIFF", compression="tiff_adobe_deflate")),
    "16-bit TIFF": ("tif", picture(CODES16, "TIFF")),
    "16-bit RGB PNG": ("png", cv2.imencode(".png", three(CODES16))[1].tobytes()),
}
EIGHT_BITS: dict[str, tuple[str, bytes]] = {
    "RGB PNG": ("png", picture(three(CODES8), "PNG")),
    "palette PNG": ("png", picture(CODES8, "PNG", "P")),
    "gray and alpha PNG": ("png", picture(CODES8, "PNG", "LA")),
}


@pytest.mark.parametrize("name", [*FORMS, *EIGHT_BITS])
def test_forms_of_one_map_are_read_alike(tmp_path: Path, name: str) -> None:
    extension, content = {**FORMS, **EIGHT_BITS}[name]
    (tmp_path / f"a.disparity.{extension}").write_bytes(content)
    # Half a step of 8 bits, or what 16 bits and float32 arithmetic add.
    tolerance = 0.5 / 255 + 1e-6 if name in EIGHT_BITS else 2e-5
    np.testing.assert_allclose(disparity(tmp_path, deband=False).values, slope(), atol=tolerance)


def test_a_float_tiff_holds_meters_and_a_tiff_of_whole_numbers_does_not(tmp_path: Path) -> None:
    (tmp_path / "a.depth.tif").write_bytes(picture(1 + slope(), "TIFF"))
    np.testing.assert_allclose(disparity(tmp_path).values, 1 / (1 + slope()), rtol=1e-5)
    (tmp_path / "a.depth.tif").write_bytes(picture(CODES16, "TIFF"))
    assert rejection(tmp_path).code == "scale_unknown"


BAD_FORMS: dict[str, tuple[str, bytes, str]] = {
    "color npy": ("npy", npy(np.stack([slope(), slope(), slope()[:, ::-1]], -1)), "not_single_channel"),
    "two maps": ("npy", npy(np.stack([slope(), slope()])[None]), "not_single_channel"),
    "npz of two": ("npz", npz(depth=slope(), mask=slope()), "unreadable"),
    "npz of none": ("npz", npz(), "unreadable"),
    "npz of objects": ("npz", npz(depth=np.array([{}], dtype=object)), "unreadable"),
    "npz that is text": ("npz", b"depth", "unreadable"),
    "cut npz": ("npz", npz(depth=np.random.default_rng(0).random((30, 40)))[:-30], "unreadable"),
    "color TIFF": ("tif", picture(scenery(30, 40), "TIFF"), "not_single_channel"),
    "TIFF of two pages": (
        "tif",
        picture(slope(), "TIFF", save_all=True, append_images=[Image.fromarray(slope())]),
        "not_single_channel",
    ),
    "TIFF that is text": ("tif", b"depth", "unreadable"),
}


@pytest.mark.parametrize("name", BAD_FORMS)
def test_a_form_that_cannot_be_a_map_is_rejected(tmp_path: Path, name: str) -> None:
    extension, content, code = BAD_FORMS[name]
    (tmp_path / f"a.disparity.{extension}").write_bytes(content)
    assert rejection(tmp_path).code == code


def exif_of(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    return exif


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_stored_map_turns_with_its_photo(tmp_path: Path, orientation: int) -> None:
    """Photo and map hold the same gray slope with a corner, both unturned; upright they must agree pixel by pixel."""
    stored = np.linspace(20, 200, 80)[None, :] + np.linspace(0, 50, 72)[:, None]  # [72, 80]
    photo_bytes = picture(three(stored.astype(np.uint8)), "PNG", exif=exif_of(orientation))
    decoded = decode_photo(photo_bytes, long_side=80)
    assert decoded.orientation == orientation
    photo = photo_at(tmp_path / "a.jpg", *decoded.srgb.shape[:2])
    photo = dataclasses.replace(photo, srgb=decoded.srgb, orientation=decoded.orientation)
    (tmp_path / "a.disparity.npy").write_bytes(npy(stored.astype(np.uint8).astype(np.float32)))
    for settings in ({"orientation": "stored"}, {}):
        if not settings:
            say(tmp_path, orientation="stored")
        answer = SidecarDepth(**settings, deband=False).prepared(photo)
        assert isinstance(answer, DisparityMap), answer
        gray = decoded.srgb[..., 0].astype(np.float64)
        # Relative disparity is cut off at its outermost percentiles; a map turned otherwise is 0.2 off and more.
        np.testing.assert_allclose(answer.values, (gray - gray.min()) / np.ptp(gray), atol=0.02)
        assert not answer.is_turn_assumed
    conflict = SidecarDepth(orientation="upright").prepared(photo)
    assert isinstance(conflict, Rejection)
    assert conflict.code == "depth_json"


@pytest.mark.parametrize(
    ("orientation", "photo_shape", "map_shape", "is_turned", "is_assumed"),
    [
        (1, (30, 40), (30, 40), False, False),
        (6, (40, 30), (30, 40), True, False),  # the sides say: unturned
        (6, (40, 30), (40, 30), False, False),  # the sides say: upright
        (8, (40, 40), (40, 40), False, True),
        (3, (30, 40), (30, 40), False, True),  # half a turn keeps the sides
        (2, (30, 40), (30, 40), False, True),
    ],
)
def test_where_nobody_says_so_the_sides_decide_or_it_is_assumed(
    tmp_path: Path,
    orientation: int,
    photo_shape: tuple[int, int],
    map_shape: tuple[int, int],
    is_turned: bool,
    is_assumed: bool,
) -> None:
    (tmp_path / "a.disparity.npy").write_bytes(npy(slope(*map_shape)))
    photo = dataclasses.replace(photo_at(tmp_path / "a.jpg", *photo_shape), orientation=orientation)
    answer = SidecarDepth().prepared(photo)
    assert isinstance(answer, DisparityMap), answer
    assert answer.is_turn_assumed is is_assumed
    assert bool(answer.values[0, 0] == answer.values[0, -1]) is is_turned  # the slope runs down, then
    stated = SidecarDepth(orientation="upright").prepared(photo)
    assert isinstance(stated, Rejection) if is_turned else not getattr(stated, "is_turn_assumed", True)


def test_one_warning_a_run_counts_turned_photos_with_maps_of_unknown_orientation(
    tiny_config: RenderConfig, caplog: pytest.LogCaptureFixture
) -> None:
    folder = Path(tiny_config.source.photos)
    for number in (1, 3):
        path = folder / f"photo_{number}.png"
        Image.open(path).save(path, exif=exif_of(3))
    render(tiny_config)
    said = [record.message for record in caplog.records if "--depth-orientation" in record.message]
    assert len(said) == 1
    assert "of 2 photos turned by EXIF" in said[0]
    assert "(the first: photo_1.png)" in said[0]


def test_the_flag_turns_the_maps_of_a_run(tiny_config: RenderConfig, caplog: pytest.LogCaptureFixture) -> None:
    folder = Path(tiny_config.source.photos)
    path = write_photo(folder / "photo_1.png", seed=1)
    Image.open(path).save(path, exif=exif_of(3))
    depth = dataclasses.replace(tiny_config.depth, depth_orientation="stored", sharpen_depth=False)
    render(dataclasses.replace(tiny_config, depth=depth))
    (sample,) = (s for s in read_shards(tiny_config.out, seed=None) if s.record.photo.name == "photo_1.png")
    height, width = sample.disparity.shape
    turned = hill(66, 88, 1)[::-1, ::-1]
    expected = cv2.resize(turned, (width, height), interpolation=cv2.INTER_AREA) / 65535.0
    assert np.corrcoef(sample.disparity.ravel(), expected.ravel())[0, 1] > 0.99
    assert "--depth-orientation" not in caplog.text
