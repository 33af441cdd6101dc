"""Which pictures of a scene make pairs: drawn from seed and scene alone, spread over the stack."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from pipelines.export.config import PairKind
from pipelines.measure.metric_camera import camera_of, hyperfocal_m
from pipelines.render.seeds import uniform
from shards.labels import FrameLabels
from shards.record import SampleRecord

AIF = None
"""The all-in-focus photo, where a number would be a frame."""


@dataclass(frozen=True)
class Pair:
    """A picture and what it is to become: each a frame's number, or AIF. Never the same twice, never AIF alone."""

    source: int | None
    target: int | None

    @property
    def name(self) -> str:
        """`aif-f03`, `f01-f07`: no underscore, behind which musubi-tuner looks for the number of a control picture."""
        return f"{_name(self.source)}-{_name(self.target)}"

    def labeled_frame(self, record: SampleRecord) -> FrameLabels:
        """The frame that sentence and control picture speak of: the target, or the source of an all-in-focus target."""
        frame = self.source if self.target is AIF else self.target
        assert frame is not None, "a pair has a frame"
        return record.frames[frame]

    def labels(self, record: SampleRecord) -> dict[str, Any]:
        """Flat labels, the same keys and types for every pair, no null; an AIF picture has blur 0."""
        frame = self.labeled_frame(record)
        other = frame if self.source is AIF else record.frames[self.source]
        photo = record.photo
        camera = camera_of(record, frame)
        is_finite = camera is not None and camera.focus_distance_m < math.inf
        return {
            "scene_id": record.scene_id,
            "split": record.split,
            "source_picture": _name(self.source),
            "target_picture": _name(self.target),
            "focus_x": frame.focus_x,
            "focus_y": frame.focus_y,
            "focus_disparity": frame.focus_disparity,
            "disparity_kind": record.disparity.kind,
            "focus_distance_m": camera.focus_distance_m if camera and is_finite else 0.0,
            "hyperfocal_m": hyperfocal_m(record, camera) if camera else 0.0,
            **_strength("", self.target, frame),
            "source_focus_x": other.focus_x,
            "source_focus_y": other.focus_y,
            "source_focus_disparity": other.focus_disparity,
            **_strength("source_", self.source, other),
            "photo": photo.name,
            "photo_sha256": photo.sha256,
            "license": photo.license,
            "author": photo.author,
            "source_url": photo.source_url,
        }


def draw_pairs(record: SampleRecord, kind: PairKind, per_scene: int, seed: int) -> list[Pair]:
    """At most `per_scene` pairs: all that the stack has, cut into as many runs of equal length, one drawn of each.

    Frames are ordered level by level, so every blur level has its share: independent draws leave scenes without a
    strong blur.
    """
    candidates = _candidates(len(record.frames), kind)
    count = min(per_scene, len(candidates))
    bounds = [i * len(candidates) // count for i in range(count + 1)]
    picks = (uniform(seed, record.scene_id, "pair", kind, i) for i in range(count))
    return [
        candidates[low + int(pick * (high - low))] for low, high, pick in zip(bounds, bounds[1:], picks, strict=False)
    ]


def _candidates(frames: int, kind: PairKind) -> list[Pair]:
    """Every pair of the kind, ordered by the frame that matters: the target, or the source of an AIF target."""
    if kind == "aif-to-frame":
        return [Pair(AIF, frame) for frame in range(frames)]
    if kind == "frame-to-aif":
        return [Pair(frame, AIF) for frame in range(frames)]
    return [Pair(source, target) for target in range(frames) for source in range(frames) if source != target]


def _name(frame: int | None) -> str:
    return "aif" if frame is AIF else f"f{frame:02d}"


def _strength(prefix: str, picture: int | None, frame: FrameLabels) -> dict[str, float]:
    is_sharp = picture is AIF
    values = {
        "blur_level": frame.blur_level,
        "blur_scale_px": frame.blur_scale_px,
        "radius_p95_px": frame.radius_p95_px,
        "f_number": frame.f_number,
    }
    return {
        **{f"{prefix}{name}": 0.0 if is_sharp else value for name, value in values.items()},
        f"{prefix}in_focus_fraction": 1.0 if is_sharp else frame.in_focus_fraction,
    }
