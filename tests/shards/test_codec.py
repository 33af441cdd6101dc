from __future__ import annotations

import dataclasses
import io
import pickle
import struct
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from shards import FieldError, ImageCodec, decode, encode
from shards.codec import check_fields, decode_disparity, decode_image, field_names
from tests.shards.synthetic import make_sample

SAMPLE = make_sample(12)
FIELDS = encode(SAMPLE)


def test_fields_have_the_names_of_the_design_in_tar_order() -> None:
    frames = [f"frame_{i:02d}.jpg" for i in range(4)]
    expected = ["aif.jpg", "disparity.png", *frames, "json", "valid.png"]
    assert list(FIELDS) == expected == sorted(expected)
    webp = ("aif.webp", "disparity.png", "frame_00.webp", "frame_01.webp", "json", "valid.png")
    assert field_names(2, ImageCodec("webp")) == webp


def test_same_sample_same_bytes() -> None:
    assert encode(make_sample(12)) == FIELDS


def test_png_returns_every_pixel_and_label() -> None:
    again = decode(SAMPLE.key, encode(SAMPLE, ImageCodec("png")))
    np.testing.assert_array_equal(again.aif, SAMPLE.aif)
    np.testing.assert_array_equal(again.frames, SAMPLE.frames)
    np.testing.assert_array_equal(again.disparity, SAMPLE.disparity)
    assert again.record == SAMPLE.record


@pytest.mark.parametrize("codec", [ImageCodec("jpg"), ImageCodec("webp")])
def test_lossy_formats_keep_channels_in_place_and_labels_exact(codec: ImageCodec) -> None:
    again = decode(SAMPLE.key, encode(SAMPLE, codec))
    # Quality 95 moves a channel by a few levels in the mean; swapping red and blue would move it by about 80.
    assert np.abs(again.aif.astype(int) - SAMPLE.aif).mean() < 8
    assert np.abs(again.frames.astype(int) - SAMPLE.frames).mean() < 8
    assert again.record == SAMPLE.record
    np.testing.assert_array_equal(again.disparity, SAMPLE.disparity)


@settings(max_examples=25)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_all_sixteen_bits_survive(height: int, width: int, seed: int) -> None:
    disparity = np.random.default_rng(seed).integers(0, 65536, (height, width), dtype=np.uint16)
    data = cv2.imencode(".png", disparity, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()
    np.testing.assert_array_equal(decode_disparity(data, width=width, height=height), disparity)


def test_the_disparity_field_is_a_sixteen_bit_png_for_others_too() -> None:
    with Image.open(io.BytesIO(FIELDS["disparity.png"])) as image:
        np.testing.assert_array_equal(np.asarray(image), SAMPLE.disparity)


def test_jpeg_keeps_colors_at_full_resolution() -> None:
    with Image.open(io.BytesIO(FIELDS["aif.jpg"])) as image:
        sampling = {tuple(layer[1:3]) for layer in image.layer}
    assert sampling == {(1, 1)}


def test_more_quality_is_more_bytes() -> None:
    assert len(encode(SAMPLE, ImageCodec(quality=50))["aif.jpg"]) < len(FIELDS["aif.jpg"])


@pytest.mark.parametrize(("name", "quality"), [("gif", 95), ("jpg", 0), ("jpg", 101)])
def test_codec_refuses(name: str, quality: int) -> None:
    with pytest.raises(ValueError, match="must"):
        ImageCodec(name, quality)


def test_names_of_webdataset_are_passed_over() -> None:
    again = decode(SAMPLE.key, {**FIELDS, "__key__": b"", "__url__": b""})
    assert again.record == SAMPLE.record


PNG = encode(SAMPLE, ImageCodec("png"))
GRAY = cv2.imencode(".jpg", SAMPLE.aif[..., 0])[1].tobytes()
EIGHT_BIT = cv2.imencode(".png", SAMPLE.aif[..., 0])[1].tobytes()
SMALL = cv2.imencode(".jpg", SAMPLE.aif[:8])[1].tobytes()


@pytest.mark.parametrize(
    ("field", "data", "message"),
    [
        ("frame_01.jpg", None, "must be there"),
        ("json", None, "must be there"),
        ("disparity.png", None, "must be there"),
        ("frame_04.jpg", FIELDS["aif.jpg"], "must be one of the fields of 4 frames"),
        ("notes.pyd", pickle.dumps(print), "must be one of the fields"),
        ("frame_02.png", PNG["frame_02.png"], "must have one format throughout the sample"),
        ("frame_02.jpg", PNG["frame_02.png"], "must be a jpg image"),
        ("frame_02.jpg", pickle.dumps(print), "must be a jpg image"),
        ("frame_02.jpg", b"", "must be a jpg image"),
        ("frame_02.jpg", GRAY, r"must hold uint8 \(16, 24, 3\), got 'uint8 \(16, 24\)'"),
        ("frame_02.jpg", SMALL, "must be 24 x 16 as the json says, got '24 x 8'"),
        ("frame_02.jpg", FIELDS["frame_02.jpg"][:-40], "must end with the JPEG end marker"),
        ("disparity.png", EIGHT_BIT, "must hold uint16"),
        ("disparity.png", FIELDS["disparity.png"][:-60], "must be an image"),
        ("json", b"{}", "must be there"),
        ("valid.png", None, "must be there"),
        ("valid.png", EIGHT_BIT, "must hold black and white"),
        ("valid.png", FIELDS["disparity.png"], "must hold black and white"),
        ("valid.png", FIELDS["valid.png"][:-60], "must be a png image"),
        ("json", b"\x80\x04", "must be valid JSON"),
    ],
)
def test_a_bad_field_is_refused_by_name_of_sample_and_field(field: str, data: bytes | None, message: str) -> None:
    fields = {**FIELDS, field: data} if data is not None else {k: v for k, v in FIELDS.items() if k != field}
    with pytest.raises(FieldError, match=message) as caught:
        decode(SAMPLE.key, fields)  # type: ignore[arg-type]
    assert caught.value.key == SAMPLE.key
    assert caught.value.field.split(".")[0] == field.split(".")[0]


def test_pixels_of_unknown_disparity_are_one_bit_each_and_come_back() -> None:
    valid = np.ones(SAMPLE.disparity.shape, bool)
    valid[1:4, 20:] = False
    share = float((~valid).mean())
    disparity = dataclasses.replace(SAMPLE.record.disparity, filled_fraction=share)
    sample = dataclasses.replace(SAMPLE, valid=valid, record=dataclasses.replace(SAMPLE.record, disparity=disparity))
    fields = encode(sample)
    with Image.open(io.BytesIO(fields["valid.png"])) as image:
        assert image.mode == "1"
    np.testing.assert_array_equal(decode(SAMPLE.key, fields).valid, valid)
    with pytest.raises(FieldError, match=rf"disparity\.filled_fraction must be {share}") as caught:
        decode(SAMPLE.key, {**fields, "json": FIELDS["json"]})
    assert caught.value.field == "json.disparity.filled_fraction"


def test_a_label_that_contradicts_the_pixels_is_a_fault_of_the_json() -> None:
    flat = np.zeros_like(SAMPLE.disparity)
    fields = {**FIELDS, "disparity.png": cv2.imencode(".png", flat)[1].tobytes()}
    with pytest.raises(FieldError, match=r"must be the disparity 0\.0 stored at row") as caught:
        decode(SAMPLE.key, fields)
    assert caught.value.field == "json.focus_disparity[0]"


def test_a_huge_image_is_refused_by_its_header_before_it_is_decoded() -> None:
    header = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    bomb = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    with pytest.raises(FieldError, match=r"must be 24 x 16|must be a png image"):
        decode_image("aif.png", bomb, width=24, height=16)


@pytest.mark.parametrize("name", ["aif.pyd", "frame_1.jpg", "json", "../aif.jpg"])
def test_only_known_names_are_decoded(name: str) -> None:
    with pytest.raises(FieldError, match="must be aif or frame_NN"):
        decode_image(name, FIELDS["aif.jpg"], width=24, height=16)


def test_check_fields_takes_what_encode_gives() -> None:
    assert check_fields(FIELDS, SAMPLE.record) == tuple(FIELDS)
