"""A tiny ONNX network, from pixels to a shard; its note; hostile files. MoGe-2 through a stand-in for its package."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from pipelines.errors import Rejection, UserError
from pipelines.render.config import DepthConfig, RenderConfig
from pipelines.render.depth.disparity_map import DisparityMap
from pipelines.render.depth.estimator import check_depth, estimate, open_depth
from pipelines.render.photos.exif import CameraTags
from pipelines.render.photos.photo import Photo
from pipelines.render.run import render
from shards.reader import read_shards
from tests.pipelines.render.depth.tiny_onnx import save_tiny_onnx
from tests.pipelines.render.photos.photo_examples import photo_at

FULL_FRAME = CameraTags(focal_length_35mm=50.0)


def answers(model: Path | str, *photos: Photo, **settings: Any) -> list[DisparityMap | Rejection]:
    return estimate(open_depth(DepthConfig(str(model), offline=True, **settings)), photos)


def disparity_of(model: Path | str, photo: Photo, **settings: Any) -> DisparityMap:
    (answer,) = answers(model, photo, **settings)
    assert isinstance(answer, DisparityMap), answer
    return answer


def depth_of(photo: Photo, mean: float = 0.0, std: float = 1.0) -> np.ndarray[Any, Any]:
    return 1 + 3 * ((photo.srgb / 255).mean(-1) - mean) / std


@pytest.mark.parametrize("shape", [("b", 3, "h", "w"), (1, 3, 64, 96), (1, 1, 3, 64, 96)])
def test_pixels_are_normalized_and_the_named_output_is_meters(tmp_path: Path, shape: tuple[object, ...]) -> None:
    size = {"size": [64, 96]} if shape[-1] == "w" else {}
    model = save_tiny_onnx(tmp_path, shape=shape, depth="depth", mean=[0.1] * 3, std=[0.5] * 3, **size)
    photos = [photo_at(Path(f"/{seed}.jpg"), 64, 96, seed=seed) for seed in range(3)]
    found = answers(model, *photos, depth_batch=2)
    for photo, answer in zip(photos, found, strict=True):
        assert isinstance(answer, DisparityMap)
        assert (answer.kind, answer.source) == ("metric", "tiny")
        depth = depth_of(photo, 0.1, 0.5)
        safe = depth > 0.05  # below, validity.py may call it a spike
        np.testing.assert_allclose(answer.values[safe], 1 / depth[safe], rtol=1e-4)


@pytest.mark.parametrize(
    ("note", "size"),
    [
        ({"size": [28, 42]}, (28, 42)),
        ({"short_side": 56, "multiple_of": 14}, (56, 84)),
        ({"long_side": 70, "multiple_of": 14}, (42, 70)),
    ],
)
def test_the_note_decides_the_size_of_the_input(tmp_path: Path, note: dict[str, object], size: tuple[int, int]) -> None:
    depth = open_depth(DepthConfig(str(save_tiny_onnx(tmp_path, **note))))
    prepared = depth.prepared(photo_at(Path("/a.jpg"), 64, 96))
    assert isinstance(prepared, torch.Tensor)
    assert prepared.shape[2:] == size


def test_focal_length_makes_meters_and_sky_is_infinitely_far(tmp_path: Path) -> None:
    """As DA3METRIC: meters = output · f / 300, f in pixels of the network's input."""
    model = save_tiny_onnx(tmp_path, size=[32, 48], canonical_focal_px=300, sky="sky", sky_above=0.8)
    blocks = photo_at(Path("/a.jpg"), 8, 12).srgb
    blocks[0, :, 2] = 255  # a row of sky
    photo = Photo(photo_at(Path("/a.jpg")).source, blocks.repeat(8, 0).repeat(8, 1), 96, 64, camera=FULL_FRAME)
    answer = disparity_of(model, photo)
    f = 50 / np.hypot(36, 24) * np.hypot(48, 32)  # pixels of the input
    expected = np.where(blocks[..., 2] > 0.8 * 255, 0, 1 / ((1 + 3 * (blocks / 255).mean(-1)) * f / 300))
    assert answer.kind == "metric"
    np.testing.assert_allclose(answer.values[3::8, 3::8], expected, rtol=1e-4)  # within blocks nothing is mixed


def test_without_a_focal_length_the_scale_is_unknown(tmp_path: Path) -> None:
    photo = photo_at(Path("/a.jpg"), 64, 96)
    answer = disparity_of(save_tiny_onnx(tmp_path, size=[64, 96], canonical_focal_px=300), photo)
    assert (answer.kind, answer.unit) == ("relative", "1")
    inverse = 1 / depth_of(photo)
    # Robust ends (0.1 % quantiles) clip, between them the map is affine in the inverse.
    middle = (answer.values > 0.02) & (answer.values < 0.98)
    assert np.corrcoef(answer.values[middle], inverse[middle])[0, 1] > 0.99999


def test_a_shard_of_an_onnx_network(tiny_config: RenderConfig, tmp_path: Path) -> None:
    """End to end: the stored disparity is that of the closed form, and another file is another data set."""
    model = save_tiny_onnx(tmp_path / "net", size=[66, 88], license="CC-BY-NC-4.0")
    depth = DepthConfig(str(model), offline=True, sharpen_depth=False, deband_depth=False)
    storage = dataclasses.replace(tiny_config.storage, image_format="png")
    source = dataclasses.replace(tiny_config.source, limit=2)
    config = dataclasses.replace(tiny_config, source=source, depth=depth, storage=storage)
    result = render(config)
    assert (result.exit_code, result.samples) == (0, 2)
    for sample in read_shards(tiny_config.out, seed=None):
        record = sample.record.disparity
        assert (record.kind, record.source) == ("metric", "tiny")
        assert record.source_revision.startswith("sha256:")
        stored = record.offset + record.scale * sample.disparity
        expected = 1 / (1 + 3 * (sample.aif / 255).mean(-1))
        np.testing.assert_allclose(stored, expected, atol=1e-4)  # 16 bits of about 0.75/m
    save_tiny_onnx(tmp_path / "net", size=[66, 88], license="MIT")
    with pytest.raises(UserError, match="depth"):
        render(config)


# Thirty lists that name the one before twice: a kilobyte that prints as gigabytes.
BOMB = ", ".join(["&k0 [x, x]", *(f"&k{i + 1} [*k{i}, *k{i}]" for i in range(30))])
BAD_NOTES = {
    "kind: metric": "must have the keys quantity and kind",
    "[1, 2]": "must have the keys quantity and kind",
    "a: [": "cannot be used",
    f"[{BOMB}]": "must have the keys",
    f"quantity: depth\nkind: metric\nmean: [{BOMB}]": "mean must be three numbers",
    "quantity: depth\nkind: relative\nsize: [64, 96]": "kind must be metric for depth",
    "quantity: height\nkind: metric": "quantity must be one of",
    "quantity: depth\nkind: metric\nsize: [64]": r"size must be \[height, width\]",
    "quantity: depth\nkind: metric\nsize: 64": r"size must be \[height, width\]",
    "quantity: depth\nkind: metric\nsize: [64, 1e9]": "whole numbers from 1 to 4096",
    "quantity: depth\nkind: metric\nlong_side: true": "whole numbers from 1 to 4096",
    "quantity: depth\nkind: metric\nlong_side: 64\nmultiple_of: 0": "whole numbers from 1 to 4096",
    "quantity: depth\nkind: metric\nlong_side: 64\nshort_side: 32": "stand alone",
    "quantity: depth\nkind: metric\nlong_side: 64\nstd: [1, 0, 1]": "std must be three numbers above 0",
    "quantity: depth\nkind: metric\nlong_side: 64\nmean: [1, .nan, 1]": "mean must be three numbers",
    "quantity: disparity\nkind: metric\nlong_side: 64\ncanonical_focal_px: 3": "stand with metric depth",
    "quantity: depth\nkind: metric\nlong_side: 64\ncode: !!python/object/apply:os.system [ls]": "cannot be used",
    "quantity: depth\nkind: metric": "must have a size, short_side or long_side",
    "quantity: depth\nkind: metric\nlong_side: 64\ndepth: mask": "its outputs are depth, sky",
}


@pytest.mark.parametrize("note", BAD_NOTES)
def test_what_a_note_must_say(tmp_path: Path, note: str) -> None:
    model = save_tiny_onnx(tmp_path)
    (tmp_path / "tiny.yaml").write_text(note)
    with pytest.raises(UserError, match=BAD_NOTES[note]) as caught:
        open_depth(DepthConfig(str(model)))
    assert "\n" not in caught.value.message
    assert len(caught.value.message) < 900


BAD_SHAPES = {
    (2, 3, 64, 96): "must take one photo or any number",
    (1, 4, 64, 96): r"must be float \[batch, 3, height, width\]",
    (3, 64, 96): r"must be float \[batch, 3, height, width\]",
    (1, 3, 32, 32): r"fixes the size of its input to \[32, 32\]",
}


@pytest.mark.parametrize("shape", BAD_SHAPES)
def test_what_a_graph_must_take(tmp_path: Path, shape: tuple[object, ...]) -> None:
    with pytest.raises(UserError, match=BAD_SHAPES[shape]):
        open_depth(DepthConfig(str(save_tiny_onnx(tmp_path, shape=shape, size=[64, 96]))))


@pytest.mark.parametrize("content", [b"", b"\x00" * 100, b"not a network"])
def test_a_broken_file_is_one_line(tmp_path: Path, content: bytes) -> None:
    model = save_tiny_onnx(tmp_path, size=[64, 96])
    model.write_bytes(content or model.read_bytes()[:80])
    with pytest.raises(UserError, match=r"tiny\.onnx cannot be used.*fetch or export it again") as caught:
        open_depth(DepthConfig(str(model)))
    assert "\n" not in caught.value.message


def test_what_is_missing_is_said_before_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = save_tiny_onnx(tmp_path, size=[64, 96])
    with pytest.raises(UserError, match="--depth-kind says relative"):
        check_depth(DepthConfig(str(model), depth_kind="relative"))
    with pytest.raises(UserError, match=r"must be an ONNX file; it is not there"):
        check_depth(DepthConfig(str(tmp_path / "other.onnx")))
    note = (tmp_path / "tiny.yaml").rename(tmp_path / "away")
    with pytest.raises(UserError, match=r"needs a file tiny\.yaml beside it"):
        check_depth(DepthConfig(str(model)))
    note.rename(tmp_path / "tiny.yaml")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(UserError, match=r"pip install 'refocus-foundry\[onnx\]'"):
        check_depth(DepthConfig(str(model)))


class StandIn(torch.nn.Module):
    """As moge.model.v2.MoGeModel: meters, infinite where its mask sees nothing; fov_x in degrees."""

    loaded: Path
    seen: tuple[float | None, ...] = ()

    @classmethod
    def from_pretrained(cls, path: Path) -> StandIn:
        cls.loaded = path
        return cls()

    def infer(self, image: torch.Tensor, *, fov_x: float | None, use_fp16: bool) -> dict[str, torch.Tensor]:
        StandIn.seen += (fov_x,)
        depth = 2 + image[0]
        return {"depth": torch.where(image[2] > 0.9, torch.inf, depth), "mask": image[2] <= 0.9}


def test_moge_gets_the_field_of_view_and_gives_meters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "moge-2-tiny"
    with pytest.raises(UserError, match=r"needs the package moge.*torchvision"):
        check_depth(DepthConfig(str(folder)))
    for name in ("moge", "moge.model", "moge.model.v2"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    sys.modules["moge"].__spec__ = object()  # type: ignore[assignment]
    sys.modules["moge.model.v2"].MoGeModel = StandIn  # type: ignore[attr-defined]
    with pytest.raises(UserError, match=r"fetch it: `hf download Ruicheng/moge-2-none model\.pt`"):
        check_depth(DepthConfig("Ruicheng/moge-2-none"))
    folder.mkdir()
    (folder / "model.pt").write_bytes(b"weights")
    (origin,) = check_depth(DepthConfig(str(folder)))
    assert (origin.source, origin.license) == ("moge-2-tiny", "")
    with pytest.raises(UserError, match="--depth-kind says relative"):
        check_depth(DepthConfig(str(folder), depth_kind="relative"))
    photo = photo_at(Path("/a.jpg"), 64, 96)
    known = dataclasses.replace(photo, camera=CameraTags(50.0, sensor_long_side_mm=36.0))
    first, second = answers(folder, photo, known, deband_depth=False)
    assert StandIn.loaded == folder / "model.pt"
    assert StandIn.seen == (None, pytest.approx(39.6, abs=0.01))  # 36 mm behind 50 mm
    assert isinstance(first, DisparityMap)
    red, blue = photo.srgb[..., 0] / 255, photo.srgb[..., 2] / 255
    np.testing.assert_allclose(first.values, np.where(blue > 0.9, 0, 1 / (2 + red)), atol=1e-5)
    assert isinstance(second, DisparityMap)
    assert (second.kind, second.source_revision) == ("metric", origin.revision)
