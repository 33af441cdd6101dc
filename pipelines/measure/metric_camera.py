"""The camera of a frame as a photographer would set it, derived from the labels: they store D_f and K."""

import math

from shards.labels import FrameLabels
from shards.record import SampleRecord
from simulator.optics.lens import DepthRange, PhysicalLens, ThinLens

_CIRCLES_ON_DIAGONAL = 1500  # the usual circle of confusion: 0.029 mm on 36 × 24 mm


def camera_of(record: SampleRecord, frame: FrameLabels) -> PhysicalLens | None:
    """Focal length, f-number, sensor and focus distance of a frame.

    Relative disparity lies between the depths that its lens recipe assumes. None where the labels lack a length, and
    for frames that no real lens makes (focused nearer than its focal length).
    """
    stored, lens = record.lens, ThinLens(frame.focus_disparity, frame.blur_scale_px)
    if not (stored.focal_length_mm and stored.sensor_width_mm):
        return None
    try:
        if record.disparity.kind == "relative":
            lens = DepthRange(stored.near_m, stored.far_m).metric(lens)
        long_side_px = max(record.width, record.height)
        return PhysicalLens.from_thin_lens(lens, stored.focal_length_mm, stored.sensor_width_mm, long_side_px)
    except ValueError:
        return None


def hyperfocal_m(record: SampleRecord, camera: PhysicalLens) -> float:
    """Focused at this distance, the lens shows infinity with the usual circle of confusion, diagonal / 1500."""
    diagonal_mm = camera.sensor_width_mm * math.hypot(record.width, record.height) / max(record.width, record.height)
    return camera.hyperfocal_m(diagonal_mm / _CIRCLES_ON_DIAGONAL)
