from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from shards import DisparityRecord, FieldError, FrameLabels, PhotoRecord, SampleRecord, SceneRecord, strict_json
from tests.shards.synthetic import make_sample

RECORD = make_sample().record
FRAME = RECORD.frames[0]

# DESIGN.md §5, word for word: what other tools may rely on.
KEYS = {
    *("schema_version", "scene_id", "split", "width", "height", "seed"),
    *("focus_x", "focus_y", "focus_disparity", "blur_scale_px", "blur_level", "blur_at_infinity_px"),
    *("in_focus_fraction", "radius_p95_px", "radius_max_px", "group", "f_number", "jpeg_quality"),
    *("disparity", "aperture", "lens", "imaging", "photo", "renderer", "scene"),
}
NESTED_KEYS = {
    "disparity": {
        *("kind", "unit", "scale", "offset", "source", "source_revision", "edges"),
        *("quantization_levels", "steps", "filled_fraction"),
    },
    "aperture": {
        *("shape", "blades", "roundness", "rotation_deg", "obstruction", "spherical", "squeeze", "cat_eye"),
        *("raster_sha256", "focus_shift", "magnification", "barn_doors", "astigmatism", "psf_sha256"),
    },
    "lens": {"kind", "f_number", "focal_length_mm", "sensor_width_mm", "recipe", "near_m", "far_m"},
    "imaging": {
        *("highlight_knee", "highlight_peak", "highlight_window", "full_well_electrons", "read_noise_electrons"),
        "tone",
    },
    "photo": {"sha256", "name", "license", "author", "source_url", "width", "height"},
    "renderer": {"version", "config_sha256", "device_kind"},
    "scene": {
        *("kind", "foreground", "backdrop", "version", "yaw_deg", "pitch_deg", "roll_deg", "focal_length", "mirrored"),
        *("white_balance", "exposure", "vignetting", "glare", "toe", "anchor"),
    },
}


def test_json_has_the_keys_of_the_design_and_frames_as_equally_long_lists() -> None:
    content = json.loads(RECORD.to_json())
    assert set(content) == KEYS
    assert {name: set(content[name]) for name in NESTED_KEYS} == NESTED_KEYS
    lists = {name: value for name, value in content.items() if isinstance(value, list)}
    assert set(lists) == {field.name for field in dataclasses.fields(FrameLabels)}
    assert {len(value) for value in lists.values()} == {len(RECORD.frames)}


def test_samples_of_version_5_are_read_and_keep_their_bytes() -> None:
    old = json.loads(RECORD.to_json()) | {"schema_version": 5}
    for name in ("barn_doors", "astigmatism", "psf_sha256"):
        del old["aperture"][name]
    data = strict_json.canonical(old)
    record = SampleRecord.from_json(data)
    assert record.aperture == RECORD.aperture
    assert record.to_json() == data


def test_json_is_canonical_and_reads_back() -> None:
    data = RECORD.to_json()
    again = json.dumps(json.loads(data), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert data == again.encode()
    assert SampleRecord.from_json(data) == RECORD
    assert SampleRecord.from_json(data).to_json() == data


@pytest.mark.usefixtures("as_in_production")
def test_every_float_is_written_as_a_float() -> None:
    whole_numbers = dataclasses.replace(
        FRAME, blur_scale_px=24, blur_level=100, blur_at_infinity_px=24 * FRAME.focus_disparity
    )
    others = dataclasses.replace(
        RECORD.frames[1], blur_scale_px=24, blur_level=100, blur_at_infinity_px=24 * RECORD.frames[1].focus_disparity
    )
    record = dataclasses.replace(RECORD, frames=(whole_numbers, others))
    assert b'"blur_level":[100.0,100.0]' in record.to_json()
    assert b'"f_number":0.0' in record.to_json()


@pytest.mark.usefixtures("as_in_production")
def test_labels_from_numpy_give_the_same_bytes() -> None:
    frames = tuple(
        FrameLabels(**{name: np.float64(v) if isinstance(v, float) else np.int64(v) for name, v in vars(f).items()})
        for f in RECORD.frames
    )
    assert dataclasses.replace(RECORD, frames=frames).to_json() == RECORD.to_json()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"focus_x": 1.0}, r"focus_x must lie in \(0, 1\), got 1.0"),
        ({"focus_y": 0.0}, r"focus_y must lie in \(0, 1\)"),
        ({"focus_disparity": -0.1}, "focus_disparity must be at least 0"),
        ({"blur_scale_px": 0.0}, "blur_scale_px must be positive"),
        ({"in_focus_fraction": 1.5}, r"in_focus_fraction must lie in \[0, 1\], got 1.5"),
        ({"radius_p95_px": FRAME.radius_max_px * 1.01}, "radius_p95_px must be at most radius_max_px"),
        ({"blur_at_infinity_px": FRAME.blur_at_infinity_px * 1.001}, "must be blur_scale_px . focus_disparity"),
        ({"radius_max_px": float("inf")}, "radius_max_px must be finite"),
        ({"group": -1}, "group must be at least 0"),
    ],
)
def test_frame_labels_refuse(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(FRAME, **change)


def scaled(frame: FrameLabels, scale_px: float) -> FrameLabels:
    return dataclasses.replace(
        frame,
        blur_scale_px=scale_px,
        blur_level=100.0 * scale_px / 24,
        blur_at_infinity_px=scale_px * frame.focus_disparity,
    )


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        (RECORD.frames[:1], "frames must be 2 to 100 frames, got 1"),
        (RECORD.frames[:3], "group must count"),
        ((RECORD.frames[0], RECORD.frames[2]), "at least 2 frames"),
        ((RECORD.frames[0], RECORD.frames[2], RECORD.frames[1], RECORD.frames[3]), "group must count"),
        (RECORD.frames[2:], "group must count"),
        ((RECORD.frames[0], scaled(RECORD.frames[1], 2.1)), r"blur_scale_px\[1\] must be the 2.0 of its group 0"),
        ((FRAME, FRAME), r"focus_disparity\[0\] must differ within group 0"),
        ((FRAME, dataclasses.replace(FRAME, blur_level=8.0)), r"blur_level\[1\] must be 100 . blur_scale_px"),
        ((FRAME, dataclasses.replace(FRAME, focus_x=0.35)), r"focus_x\[1\] must be the center of a pixel of 24"),
    ],
)
def test_a_stack_refuses(frames: tuple[FrameLabels, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(RECORD, frames=frames)


@pytest.mark.usefixtures("as_in_production")
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema_version": 2}, "schema_version must be one of"),
        ({"scene_id": "a b"}, "scene_id must match"),
        ({"split": "training"}, "split must be one of train, val, test, got 'training'"),
        ({"width": 0}, "width must be at least 1"),
        ({"seed": 2**63}, r"seed must lie in \[0, 2\^63\)"),
        ({"seed": 1.5}, "seed must be a int"),
        ({"photo": None}, "photo must be a PhotoRecord, got NoneType"),
        ({"frames": None}, "frames must be a sequence"),
        ({"frames": (1, 2)}, r"frames\[0\] must be FrameLabels, got int"),
    ],
)
def test_a_record_refuses(change: dict[str, Any], message: str) -> None:
    with pytest.raises(FieldError, match=message):
        dataclasses.replace(RECORD, **change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "depth"}, "kind must be one of relative, metric"),
        ({"unit": "m"}, "unit must be '1' for relative, got 'm'"),
        ({"kind": "metric"}, "unit must be '1/m' for metric"),
        ({"scale": 0.0}, "scale must be positive"),
        ({"source": ""}, "source must name where"),
        ({"edges": "soft"}, "edges must be one of as_is, sharpened, got 'soft'"),
        ({"quantization_levels": -1}, "quantization_levels must be at least 0"),
        ({"steps": "smooth"}, "steps must be one of as_is, debanded, got 'smooth'"),
    ],
)
def test_a_disparity_record_refuses(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(DisparityRecord("relative", "1", 0.1, 0.0, "sidecar", ""), **change)


def test_a_photo_record_refuses_a_shortened_hash() -> None:
    with pytest.raises(ValueError, match="sha256 must be 64 lower-case hex digits"):
        PhotoRecord("abc", "photo.jpg", "", "", "", 10, 10)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "hills"}, "kind must be one of market and fence, got 'hills'"),
        ({"version": 0}, "version must be positive for built-in scenes"),
        ({"focal_length": 0.0}, "focal_length must be positive for built-in scenes"),
        ({"mirrored": 2}, "mirrored must be 0 or 1"),
        ({"mirrored": True}, "mirrored must be a int"),
        ({"white_balance": (1.0, 1.0)}, "white_balance must be three positive gains"),
        ({"vignetting": 1.5}, r"vignetting must lie in \[0, 1\]"),
        ({"toe": -0.1}, "toe must be at least 0"),
    ],
)
def test_a_scene_refuses(change: dict[str, Any], message: str) -> None:
    scene = SceneRecord("market", "market", "fence", version=2, focal_length=1.2)
    with pytest.raises(FieldError, match=message):
        dataclasses.replace(scene, **change)
    with pytest.raises(FieldError, match="version must be positive for built-in scenes, 0 for photos, got 2"):
        SceneRecord(version=2)


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        (("disparity", "scale"), 1, "disparity.scale"),
        (("disparity", "scale"), -1.0, "disparity.scale"),
        (("lens", "f_number"), None, "lens.f_number"),
        (("focus_x",), [0.5, 0.5], "focus_x"),
        (("group",), [0.0, 0.0, 1.0, 1.0], "group[0]"),
        (("blur_level",), [1, 1, 1, 1], "blur_level[0]"),
        (("in_focus_fraction",), [0.1, 0.1, 7.0, 0.1], "in_focus_fraction[2]"),
        (("photo",), [], "photo.*"),
        (("width",), "24", "width"),
    ],
)
def test_reading_names_the_label(path: tuple[str, ...], value: Any, field: str) -> None:
    content = json.loads(RECORD.to_json())
    place = content
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    with pytest.raises(FieldError) as caught:
        SampleRecord.from_json(json.dumps(content).encode())
    assert caught.value.field == field


def test_reading_names_a_missing_and_an_unknown_key() -> None:
    content = json.loads(RECORD.to_json())
    with pytest.raises(FieldError, match="mood must not be there"):
        SampleRecord.from_json(json.dumps(content | {"mood": 1.0}).encode())
    del content["renderer"]
    with pytest.raises(FieldError, match="renderer must be there"):
        SampleRecord.from_json(json.dumps(content).encode())


def test_types_inferred_from_one_sample_hold_for_all() -> None:
    """What Hugging Face `datasets` does with the first samples: an int among floats or a null would break the rest."""
    schemas = {
        pa.Table.from_pylist([json.loads(make_sample(number, split=split).record.to_json())]).schema
        for number, split in ((0, "train"), (9, "val"))
    }
    assert len(schemas) == 1
