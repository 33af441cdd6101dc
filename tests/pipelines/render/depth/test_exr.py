"""OpenEXR depth maps: which channel, which unit, what is refused before it is decoded, and what is said without it."""

from __future__ import annotations

import io
import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.pipelines.render.depth.test_sidecar import disparity, rejection
from tests.pipelines.render.photos.photo_examples import slope


def exr(channels: dict[str, NDArray[Any]], compression: str = "ZIP") -> bytes:
    openexr = pytest.importorskip("OpenEXR", reason="needs OpenEXR, the extra `exr`")
    stream = io.BytesIO()
    header = {"compression": getattr(openexr, f"{compression}_COMPRESSION"), "type": openexr.scanlineimage}
    openexr.File(header, channels).write(stream)
    return stream.getvalue()


def with_window(content: bytes, right: int, bottom: int) -> bytes:
    """The file with another data window in its header."""
    at = content.index(b"dataWindow\0box2i\0") + len(b"dataWindow\0box2i\0") + 4
    return content[:at] + struct.pack("<4i", 0, 0, right, bottom) + content[at + 16 :]


NOISE = np.random.default_rng(0).random((30, 40), np.float32)


@pytest.mark.parametrize(
    "channels",
    [
        {"Z": slope()},
        {"Y": slope()},
        {"depth.V": slope()},
        {"R": NOISE, "Y": NOISE, "Z": slope()},
        {"Z": slope().astype(np.float16)},
        {"Z": np.round(slope() * 2**31).astype(np.uint32)},
    ],
)
def test_the_channel_of_depth_is_read(tmp_path: Path, channels: dict[str, NDArray[Any]]) -> None:
    for compression in ("NO", "ZIP", "PIZ"):
        (tmp_path / "a.disparity.exr").write_bytes(exr(channels, compression))
        # float16 has 11 bits.
        np.testing.assert_allclose(disparity(tmp_path, deband=False).values, slope(), atol=5e-4)


def test_floats_hold_meters_and_whole_numbers_need_a_scale(tmp_path: Path) -> None:
    (tmp_path / "a.depth.exr").write_bytes(exr({"Z": 1 + slope()}))
    np.testing.assert_allclose(disparity(tmp_path).values, 1 / (1 + slope()), rtol=1e-5)
    (tmp_path / "a.depth.exr").write_bytes(exr({"Z": np.full((30, 40), 7, np.uint32)}))
    assert rejection(tmp_path).code == "scale_unknown"


def test_what_cannot_be_read_says_why(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    plain = exr({"Z": slope()})
    cases = {
        "not_single_channel": exr({"R": NOISE, "G": NOISE}),
        "too_large": with_window(plain, 20_000, 20_000),
        "unreadable": plain[: len(plain) // 2],
    }
    for code, content in cases.items():
        (tmp_path / "a.disparity.exr").write_bytes(content)
        found = rejection(tmp_path)
        assert found.code == code, code
    assert "Unable to" in found.message
    assert capfd.readouterr().out == ""  # where the result goes


def test_the_window_times_all_channels_is_bounded(tmp_path: Path) -> None:
    """The library decodes every channel of every part."""
    many = exr({f"c{i:02d}": NOISE for i in range(50)} | {"Z": slope()})
    (tmp_path / "a.disparity.exr").write_bytes(with_window(many, 1999, 1999))
    assert "in all channels, has 204000000" in rejection(tmp_path).message


def test_without_the_package_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "OpenEXR", None)
    (tmp_path / "a.disparity.exr").write_bytes(b"\x76\x2f\x31\x01" + bytes(200))
    found = rejection(tmp_path)
    assert (found.code, "pip install 'refocus-foundry[exr]'" in found.message) == ("exr", True)
