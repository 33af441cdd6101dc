"""Small samples out of numpy: no optics, but labels that agree with the pixels as a real sample's do."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from shards import (
    SCHEMA_VERSION,
    ApertureRecord,
    DisparityRecord,
    FrameLabels,
    ImageCodec,
    ImagingRecord,
    LensRecord,
    PhotoRecord,
    RendererRecord,
    Sample,
    SampleRecord,
    SceneRecord,
    ShardWriter,
    encode,
    write_index,
)

WIDTH, HEIGHT = 24, 16
PLANES, LEVELS = 2, 2


def make_sample(number: int = 0, *, split: str = "train", width: int = WIDTH, height: int = HEIGHT) -> Sample:
    """A sample of key `number`: a smooth picture, a disparity ramp that uses all 16 bits, two planes, two levels."""
    rows, columns = np.mgrid[0:height, 0:width]
    red = (rows * 9 + number * 31) % 256
    aif = np.stack([red, columns * 255 // (width - 1), np.full_like(red, 40)], axis=-1).astype(np.uint8)
    disparity = (65535 * (rows * width + columns) // (height * width - 1)).astype(np.uint16)
    labels = make_labels(disparity)
    frames = np.stack([np.roll(aif, i, axis=1) for i in range(len(labels))])
    return Sample(
        f"{number:08d}",
        aif,
        disparity,
        np.ones(disparity.shape, bool),
        frames,
        make_record(number, labels, split, width, height),
    )


def make_labels(disparity: np.ndarray) -> tuple[FrameLabels, ...]:
    """Labels of PLANES x LEVELS frames for relative disparity with scale 1 / 65535 and offset 0."""
    height, width = disparity.shape
    values = disparity / 65535.0
    labels = []
    for group, scale_px in enumerate((2.0, 3.5)[:LEVELS]):
        for plane in range(PLANES):
            row, column = (height - 1) * plane // PLANES + 2, width // 3
            focus_disparity = float(values[row, column])
            radius_px = scale_px * np.abs(values - focus_disparity)
            labels.append(
                FrameLabels(
                    focus_x=(column + 0.5) / width,
                    focus_y=(row + 0.5) / height,
                    focus_disparity=focus_disparity,
                    blur_scale_px=scale_px,
                    blur_level=100.0 * scale_px / max(width, height),
                    blur_at_infinity_px=scale_px * focus_disparity,
                    in_focus_fraction=float((radius_px < 0.5).mean()),
                    radius_p95_px=float(np.percentile(radius_px, 95)),
                    radius_max_px=float(radius_px.max()),
                    group=group,
                )
            )
    return tuple(labels)


def make_record(number: int, labels: Sequence[FrameLabels], split: str, width: int, height: int) -> SampleRecord:
    """Labels and a made-up provenance, different for each number."""
    digest = hashlib.sha256(f"photo {number}".encode()).hexdigest()
    return SampleRecord(
        schema_version=SCHEMA_VERSION,
        scene_id=digest[:16],
        split=split,
        width=width,
        height=height,
        seed=7,
        disparity=DisparityRecord("relative", "1", 1.0 / 65535.0, 0.0, "synthetic", ""),
        frames=tuple(labels),
        aperture=ApertureRecord(),
        lens=LensRecord(),
        imaging=ImagingRecord(),
        photo=PhotoRecord(digest, f"Fotos/Größe {number}.jpg", "CC0-1.0", "", "", 4000, 3000),
        renderer=RendererRecord("0.1.0", "0" * 64, "cpu"),
        scene=SceneRecord(),
    )


def with_labels(sample: Sample, frame: int, **changes: Any) -> Sample:
    """The sample with some labels of one frame changed."""
    frames = list(sample.record.frames)
    frames[frame] = dataclasses.replace(frames[frame], **changes)
    return dataclasses.replace(sample, record=dataclasses.replace(sample.record, frames=tuple(frames)))


def write_shard(out: Path, name: str, samples: Sequence[Sample], codec: ImageCodec | None = None) -> Path:
    """Write a shard through the real writer; returns its tar."""
    with ShardWriter(out, name) as shard:
        for sample in samples:
            shard.add(sample.key, encode(sample, codec))
    return out / "shards" / f"{name}.tar"


def write_data_set(out: Path, sizes: dict[str, int]) -> Path:
    """A finished data set of shards of these sizes, numbered through."""
    number = 0
    for name, size in sizes.items():
        split = name.partition("-")[0]
        write_shard(out, name, [make_sample(number + i, split=split) for i in range(size)])
        number += size
    write_index(out)
    return out
