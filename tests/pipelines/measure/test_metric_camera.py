"""Focus distance, f-number and hyperfocal distance of labels, against Gauss's equation written out anew."""

from __future__ import annotations

import dataclasses
import math

import pytest

from pipelines.measure.metric_camera import camera_of, hyperfocal_m
from shards.labels import FrameLabels
from shards.record import LensRecord, SampleRecord
from simulator.optics.lens import PhysicalLens
from tests.shards.synthetic import make_sample

F_MM, N, SENSOR_MM, FOCUS_M = 50.0, 2.0, 36.0, 2.5
FAR_M = 8.0


def circle_radius_mm(distance_m: float, focus_m: float) -> float:
    """Similar triangles behind a thin lens whose sensor stands where `focus_m` is sharp: (f / 2N) · |v − v_f| / v."""
    v, v_f = (1 / (1 / F_MM - (0 if math.isinf(z) else 1 / (1000 * z))) for z in (distance_m, focus_m))
    return F_MM / (2 * N) * abs(v - v_f) / v


def frame_with(record: SampleRecord, focus_disparity: float, blur_scale_px: float) -> FrameLabels:
    """Labels that agree with each other: the record refuses others."""
    return dataclasses.replace(
        record.frames[0],
        focus_disparity=focus_disparity,
        blur_scale_px=blur_scale_px,
        blur_level=100 * blur_scale_px / max(record.width, record.height),
        blur_at_infinity_px=blur_scale_px * focus_disparity,
    )


def record_with(kind: str, focus_disparity: float, radius_per_disparity_px: float) -> tuple[SampleRecord, FrameLabels]:
    record = make_sample().record
    disparity = dataclasses.replace(record.disparity, kind=kind, unit="1" if kind == "relative" else "1/m")
    depths = {"near_m": 1.0, "far_m": 20.0} if kind == "relative" else {}
    lens = LensRecord(focal_length_mm=F_MM, sensor_width_mm=SENSOR_MM, **depths)
    frame = frame_with(record, focus_disparity, radius_per_disparity_px)
    return dataclasses.replace(record, disparity=disparity, lens=lens), frame


@pytest.mark.parametrize("kind", ["metric", "relative"])
def test_the_labels_give_back_the_camera(kind: str) -> None:
    record = make_sample().record
    px_per_mm = max(record.width, record.height) / SENSOR_MM
    span, far = (1 / 1.0 - 1 / 20.0, 1 / 20.0) if kind == "relative" else (1.0, 0.0)
    per_meter_px = circle_radius_mm(FAR_M, FOCUS_M) * px_per_mm / abs(1 / FAR_M - 1 / FOCUS_M)
    camera = camera_of(*record_with(kind, (1 / FOCUS_M - far) / span, per_meter_px * span))
    assert camera is not None
    assert camera.f_number == pytest.approx(N)
    assert camera.focus_distance_m == pytest.approx(FOCUS_M)


def test_focused_at_the_hyperfocal_distance_infinity_has_the_circle_of_confusion() -> None:
    record = make_sample().record
    camera = PhysicalLens(F_MM, N, SENSOR_MM, FOCUS_M)
    distance = hyperfocal_m(record, camera)
    diagonal_mm = SENSOR_MM * math.hypot(record.width, record.height) / max(record.width, record.height)
    assert 2 * circle_radius_mm(math.inf, distance) == pytest.approx(diagonal_mm / 1500)
    # Half of it is as blurred as infinity: the near end of the depth of field, measured from the lens.
    assert circle_radius_mm(distance / 2, distance) == pytest.approx(circle_radius_mm(math.inf, distance))


def test_without_lengths_there_is_no_camera() -> None:
    record, frame = record_with("metric", 0.4, 10.0)
    for lens in (LensRecord(), LensRecord(focal_length_mm=50.0)):
        assert camera_of(dataclasses.replace(record, lens=lens), frame) is None
    relative, _ = record_with("relative", 0.4, 10.0)
    assert camera_of(dataclasses.replace(relative, lens=record.lens), frame) is None  # no assumed depths
    assert camera_of(record, frame_with(record, 30.0, 10.0)) is None  # 33 mm before a 50 mm lens
