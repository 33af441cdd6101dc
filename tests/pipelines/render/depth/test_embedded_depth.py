"""Depth within portrait photos: found, of the right kind, turned with its photo; a file beside the photo goes first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipelines.__main__ import main
from pipelines.errors import Rejection
from pipelines.render.depth.disparity_map import DisparityMap, PreparedDepth
from pipelines.render.depth.sidecar import SidecarDepth
from pipelines.render.photos.embedded_depth import embedded_depth
from pipelines.render.photos.finding import find_photos
from pipelines.render.photos.header import heic_is_read
from pipelines.render.photos.photo import load_photo
from shards.reader import read_shards
from tests.pipelines.render.photos import portrait_photos as portrait
from tests.pipelines.render.photos.photo_examples import slope
from tests.pipelines.render.photos.test_heic import heic

STORED = np.broadcast_to(np.arange(128, dtype=np.uint8) * 2, (96, 128)).copy()
SHARE = STORED[0] / 255  # of the range of stored numbers
METERS: dict[str, object] = {"Near": 1.0, "Far": 5.0, "Units": "m"}
APPLE: dict[str, object] = {"AuxiliaryImageType": "disparity", "FloatMinValue": 0.25, "FloatMaxValue": 2.0}
# Two numbers, d_min and d_max, of a map that is uniform in disparity: 2^-2 and 2^1.
DISPARITY_RANGE = "0011" + "010" + "1" + portrait.number_bits(-2) + portrait.number_bits(1)


def answer(folder: Path, content: bytes, name: str = "a.jpg") -> PreparedDepth:
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(content)
    [source] = find_photos(str(folder), limit=None, seed=0).sources
    return SidecarDepth(deband=False).prepared(load_photo(source, long_side=128))


def disparity(folder: Path, content: bytes, name: str = "a.jpg") -> DisparityMap:
    found = answer(folder, content, name)
    assert isinstance(found, DisparityMap), found
    return found


def normalized(values: np.ndarray) -> np.ndarray:
    return (values - values.min()) / np.ptp(values)


INVERSE, LINEAR = 1 - SHARE * 0.8, 1 / (1 + 4 * SHARE)  # 1/m, from 1 m to 5 m
DISPARITY = 0.25 + 1.75 * SHARE
CASES: dict[str, tuple[Any, str, np.ndarray]] = {
    "GDepth inverse": (portrait.gdepth(STORED, METERS | {"Format": "RangeInverse"}), "metric", INVERSE),
    "GDepth linear": (portrait.gdepth(STORED, METERS | {"Format": "RangeLinear"}), "metric", LINEAR),
    "GDepth in millimeters": (
        portrait.gdepth(STORED, {"Format": "RangeInverse", "Near": 1000, "Far": 5000, "Units": "mm"}),
        "metric",
        INVERSE,
    ),
    "GDepth without a unit": (
        portrait.gdepth(STORED, {"Format": "RangeLinear", "Near": 1, "Far": 5}),
        "relative",
        normalized(LINEAR),
    ),
    "Dynamic Depth": (
        portrait.dynamic_depth(STORED, {"Format": "RangeInverse", "Near": 1, "Far": 5, "Units": "Meters"}, behind=b"x"),
        "metric",
        INVERSE,
    ),
    "Dynamic Depth without a unit": (
        portrait.dynamic_depth(STORED, {"Format": "RangeInverse", "Near": 1, "Far": 5}),
        "relative",
        normalized(INVERSE),
    ),
    "Apple absolute": (portrait.apple_jpeg(STORED, APPLE, "absolute"), "metric", DISPARITY),
    "Apple relative": (portrait.apple_jpeg(STORED, APPLE, "relative"), "relative", normalized(DISPARITY)),
    "Apple depth": (
        portrait.apple_jpeg(STORED, APPLE | {"AuxiliaryImageType": "depth"}, "absolute"),
        "metric",
        1 / DISPARITY,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_numbers_become_disparity_of_the_kind_that_the_file_states(name: str, tmp_path: Path) -> None:
    content, kind, row = CASES[name]
    found = disparity(tmp_path, content)
    source = next(one for one in ("GDepth", "Dynamic Depth", "Apple depth") if one[:5] == name[:5])
    assert (found.kind, found.source) == (kind, source)
    # Apple's picture is a JPEG: a few codes of 255.
    np.testing.assert_allclose(found.values[48], row, atol=0.03 if source == "Apple depth" else 1e-5)


def test_the_pieces_of_an_extension_are_put_together_by_their_offsets() -> None:
    noise = np.random.default_rng(0).integers(0, 65536, (192, 256), np.uint16)
    found = embedded_depth(portrait.gdepth(noise, METERS | {"Format": "RangeLinear"}))
    assert found is not None
    np.testing.assert_allclose(found.numbers(), 1 + 4 / 65535 * noise.astype(float), atol=1e-9)


@pytest.mark.parametrize(
    ("options", "kind", "source"),
    [
        ({"range_bits": DISPARITY_RANGE}, "relative", "HEIF depth"),
        ({"xmp": portrait.apple_xmp(APPLE, "relative")}, "relative", "Apple depth"),
        ({"xmp": portrait.apple_xmp(APPLE, "absolute"), "range_bits": DISPARITY_RANGE}, "metric", "Apple depth"),
    ],
)
def test_depth_of_a_heic(options: dict[str, Any], kind: str, source: str, tmp_path: Path) -> None:
    pytest.importorskip("pillow_heif", reason="needs pillow-heif, the extra `heic`")
    assert heic_is_read()
    found = disparity(tmp_path, portrait.heic(STORED, **options), "a.heic")
    assert (found.kind, found.source) == (kind, source)
    row = DISPARITY if kind == "metric" else normalized(DISPARITY)
    np.testing.assert_allclose(found.values[48], row, atol=0.05)  # HEVC: a few codes of 255


def test_a_heic_whose_depth_says_no_range_is_rejected(tmp_path: Path) -> None:
    pytest.importorskip("pillow_heif", reason="needs pillow-heif, the extra `heic`")
    found = answer(tmp_path, portrait.heic(STORED), "a.heic")
    assert isinstance(found, Rejection)
    assert "uniform in disparity or in inverse depth" in found.message


def test_a_plain_heic_holds_no_depth(tmp_path: Path) -> None:
    (tmp_path / "a.heic").write_bytes(heic())
    assert not find_photos(str(tmp_path), limit=None, seed=0).sources[0].holds_depth


@pytest.mark.parametrize("orientation", [1, 2, 3, 6, 8])
def test_the_map_is_turned_with_its_photo(orientation: int, tmp_path: Path) -> None:
    jpeg = portrait.photo(orientation=orientation)
    found = disparity(tmp_path, portrait.gdepth(STORED, METERS | {"Format": "RangeInverse"}, jpeg=jpeg))
    stored = np.broadcast_to(INVERSE, (96, 128))
    turned = {1: stored, 2: stored[:, ::-1], 3: stored[::-1, ::-1], 6: np.rot90(stored, -1), 8: np.rot90(stored)}
    np.testing.assert_allclose(found.values, turned[orientation], atol=1e-5)
    assert not found.is_turn_assumed


def test_a_file_beside_the_photo_goes_first(tmp_path: Path) -> None:
    np.save(tmp_path / "a.depth.npy", 2 + slope(96, 128))
    found = disparity(tmp_path, portrait.gdepth(STORED, METERS | {"Format": "RangeInverse"}))
    assert (found.kind, found.source) == ("metric", "sidecar")
    np.testing.assert_allclose(found.values[0, [0, -1]], [1 / 2, 1 / 3], rtol=1e-5)


GDEPTH = portrait.gdepth(STORED, METERS | {"Format": "RangeInverse"})
BROKEN: dict[str, tuple[bytes, str]] = {
    "near beyond far": (portrait.gdepth(STORED, {"Format": "RangeInverse", "Near": 5, "Far": 1}), "0 < Near < Far"),
    "no range": (portrait.gdepth(STORED, {"Format": "RangeInverse"}), "0 < Near < Far"),
    "a format of nobody": (portrait.gdepth(STORED, METERS | {"Format": "Table"}), "RangeInverse or RangeLinear"),
    "another shape": (portrait.gdepth(STORED[:, :96], METERS | {"Format": "RangeInverse"}), "their shapes must agree"),
    "a cut packet": (GDEPTH.replace(b"</x:xmpmeta>", b"</x:xmpmet >"), "the depth within the photo: "),
    "no picture": (GDEPTH.replace(b'GDepth:Data="iVBOR', b'GDepth:Data="AAAAA'), "the depth within the photo: "),
    "an item beyond the file": (
        portrait.dynamic_depth(STORED, METERS | {"Format": "RangeInverse"}, padding=9999999),
        "must lie within the file",
    ),
    "entities of entities": (
        portrait.with_segments(
            portrait.photo(),
            b"http://ns.adobe.com/xap/1.0/\0<!DOCTYPE a [<!ENTITY a0 'http://ns.google.com/photos/1.0/depthmap/'>"
            + b"".join(b"<!ENTITY a%d '%s'>" % (i + 1, b"&a%d;" % i * 40) for i in range(12))
            + b"]><a>&a12;</a>",
        ),
        "the depth within the photo: ",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_depth_costs_its_photo_and_says_why(name: str, tmp_path: Path) -> None:
    content, said = BROKEN[name]
    found = answer(tmp_path, content)
    assert isinstance(found, Rejection)
    assert found.stage == "depth"
    assert said in found.message


def test_a_photo_whose_depth_was_stripped_holds_none(tmp_path: Path) -> None:
    at = GDEPTH.index(b" GDepth:Data")
    stripped = GDEPTH[:at] + b" GDepth:Gone" + GDEPTH[at + 12 :]
    found = answer(tmp_path, stripped)
    assert isinstance(found, Rejection)
    assert found.code == "sidecar_missing"


def test_portrait_photos_need_no_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "google.jpg").write_bytes(GDEPTH)
    (photos / "apple.jpg").write_bytes(portrait.apple_jpeg(STORED, APPLE, "relative"))
    tiny = ["--long-side", "88", "--planes", "2", "--levels", "1", "--device", "cpu", "--max-blurred", "1"]
    command = ["render", "--photos", str(photos), "--out", str(tmp_path / "out"), "--offline", *tiny]
    assert main([*command, "--split-fractions", "1", "0", "0"]) == 0
    sources = {s.record.photo.name: s.record.disparity.source for s in read_shards(tmp_path / "out", seed=None)}
    assert sources == {"google.jpg": "GDepth", "apple.jpg": "Apple depth"}
