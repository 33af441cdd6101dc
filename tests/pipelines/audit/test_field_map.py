"""Other people's shards: their fields and conventions by a map, and what a wrong map leads to."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import webdataset

from pipelines.audit.config import AuditConfig
from pipelines.audit.field_map import CONVENTIONS, FieldMap
from pipelines.audit.reading import read_samples
from pipelines.audit.run import audit
from pipelines.errors import UserError
from shards import Sample
from tests.pipelines.audit import data_set

MAP = {
    "photo": "sharp.png",
    "disparity": "depth.npy",
    "disparity_quantity": "depth",
    "frames": "view{}.png",
    "labels": "meta.json",
    "focus_disparity": "views.distance",
    "blur_scale": "views.coc",
    "blur_convention": "diameter_px",
    "scene": "photo",
}


def png(picture: np.ndarray) -> bytes:
    return bytes(cv2.imencode(".png", picture[..., ::-1])[1])


def npy(values: np.ndarray, path: Path) -> bytes:
    np.save(path, values)
    return path.read_bytes()


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The samples as somebody else would have stored them: meters, diameters, other names, two tars."""
    folder = tmp_path_factory.mktemp("foreign")
    samples = data_set.samples()
    for split, chosen in (("train", samples[:10]), ("test", samples[10:])):
        with webdataset.TarWriter(str(folder / f"{split}-00.tar"), encoder=False) as writer:
            for sample in chosen:
                writer.write({"__key__": f"scene_{sample.key}", **fields(sample, folder / "depth.npy")})
    (folder / "depth.npy").unlink()
    return folder


def fields(sample: Sample, scratch: Path) -> dict[str, bytes]:
    labels = {
        "photo": f"p{sample.key}",
        "views": {
            "distance": [1.0 / (0.1 + frame.focus_disparity) for frame in sample.record.frames],
            "coc": [2.0 * frame.blur_scale_px for frame in sample.record.frames],
        },
    }
    return {
        "sharp.png": png(sample.aif),
        "depth.npy": npy(1.0 / (0.1 + sample.disparity_values()), scratch),
        **{f"view{i}.png": png(frame) for i, frame in enumerate(sample.frames)},
        "meta.json": json.dumps(labels).encode(),
    }


def write_map(path: Path, **changes: object) -> Path:
    path.write_text(json.dumps({**MAP, **changes}))
    return path


def test_a_true_map_passes(foreign: Path, tmp_path: Path) -> None:
    report = audit(AuditConfig(foreign, samples=3, map=write_map(tmp_path / "map.json")))
    assert [line.name for line in report.checks if not line.passed] == []
    assert [line.name for line in report.checks if line.figure is None] == ["re-rendered"]
    assert not (foreign / ".meta").exists()  # nothing is written among other people's shards


def test_diameters_taken_for_radii_fail_on_the_blur_scale(foreign: Path, tmp_path: Path) -> None:
    report = audit(AuditConfig(foreign, samples=3, map=write_map(tmp_path / "map.json", blur_convention="radius_px")))
    line = next(line for line in report.checks if line.name == "blur scale")
    assert not line.passed
    assert line.details["median_ratio"] == pytest.approx(0.5, rel=0.05)
    assert line.worst_keys[0].startswith("t")  # named with its shard: keys may start anew in each


def test_depth_taken_for_disparity_fails(foreign: Path, tmp_path: Path) -> None:
    """Near and far change places, and with them where blur is strong."""
    wrong = write_map(tmp_path / "map.json", disparity_quantity="disparity")
    report = audit(AuditConfig(foreign, samples=3, map=wrong))
    assert not report.passed


def test_a_map_is_yaml_too(foreign: Path, tmp_path: Path) -> None:
    path = tmp_path / "map.yaml"
    path.write_text("\n".join(f'{key}: "{value}"' for key, value in MAP.items()))
    subject = next(read_samples(foreign, FieldMap.from_file(path)))
    assert (subject.split, subject.scene, subject.name) == ("test", "p00000010", "test-00/scene_00000010")
    assert subject.picture(7).shape == subject.photo.shape
    assert subject.groups == (0, 0, 0, 0, 1, 1, 1, 1)  # the same K, the same group


@pytest.mark.parametrize(
    ("convention", "value", "scale_px"),
    [("radius_px", 6.0, 6.0), ("diameter_px", 6.0, 3.0), ("radius_percent", 2.0, 10.0), ("at_infinity_px", 3.0, 12.0)],
)
def test_conventions(convention: str, value: float, scale_px: float) -> None:
    """D_f = ¼ of a picture 500 px long."""
    assert CONVENTIONS[convention](value, 0.25, 500) == pytest.approx(scale_px)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"blur_convention": "fstops"}, "blur_convention must be one of radius_px, .*; got 'fstops'"),
        ({"disparity_quantity": "meters"}, "disparity_quantity must be one of disparity, depth; got 'meters'"),
        ({"color": "x"}, "must have the keys blur_scale, .* got .*color"),
    ],
)
def test_a_wrong_map_is_one_line(tmp_path: Path, changes: dict[str, object], said: str) -> None:
    with pytest.raises(UserError, match=said):
        FieldMap.from_file(write_map(tmp_path / "map.json", **changes))


def test_a_map_that_is_no_map(tmp_path: Path) -> None:
    path = tmp_path / "map.yaml"
    path.write_text("a: [")
    with pytest.raises(UserError, match="must be JSON or YAML"):
        FieldMap.from_file(path)
    with pytest.raises(UserError, match=r"--map .* it does not exist"):
        AuditConfig(tmp_path, map=tmp_path / "nowhere.json")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"photo": "aif.jpg"}, "aif.jpg must be there, got fields depth.npy"),
        ({"blur_scale": "views.K"}, "views.K must be in the labels; it is missing"),
        ({"scene": "views", "blur_scale": "photo"}, "photo must be a number or a list of numbers"),
        ({"labels": "sharp.png"}, "sharp.png must be readable"),
        ({"photo": "meta.json"}, "meta.json must be readable"),
    ],
)
def test_a_field_that_is_not_there_is_named(
    foreign: Path, tmp_path: Path, changes: dict[str, object], said: str
) -> None:
    field_map = FieldMap.from_file(write_map(tmp_path / "map.json", **changes))
    with pytest.raises(UserError, match=said):
        next(read_samples(foreign, field_map))


def test_a_frame_that_is_not_there_is_named(foreign: Path, tmp_path: Path) -> None:
    wrong = write_map(tmp_path / "map.json", frames="nothing{}.png")
    with pytest.raises(UserError, match=r"nothing0\.png must be there"):
        audit(AuditConfig(foreign, samples=1, map=wrong))
