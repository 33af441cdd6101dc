"""Stacks whose planes are known by where they lie: three upright bands of disparity, a plane of focus in each."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from shards import FrameLabels, Sample, SceneRecord, write_index
from tests.shards.synthetic import make_record, write_shard

WIDTH, HEIGHT = 120, 80
PLACES = (0.12, 0.5, 0.86)
"""Disparity of the bands, far on the left."""
SCALES_PX = (3.0, 9.0)
HOSTILE = (
    "<img src=x onerror=window.hostile=1>.jpg",
    "</script><script>window.hostile=1</script>\u2028.jpg",
    '"><svg onload=window.hostile=1>&amp;{{ 7*7 }}.jpg',
)


def stack_sample(
    number: int = 0, *, name: str = "", split: str = "train", edges: str = "as_is", steps: str = "as_is", kind: str = ""
) -> Sample:
    """Three planes, two levels; with a kind, of a built-in scene.

    Every disparity code is different from its neighbors in its low byte, too.
    """
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    band = np.minimum(2, columns * 3 // WIDTH)
    codes = np.rint(65535 * np.array(PLACES)[band]).astype(int) + (rows * 37 + columns * 11 + number) % 509
    codes = codes.astype(np.uint16)
    aif = np.stack([band * 80 + 40, rows * 3, np.full_like(rows, 10 + number % 200)], axis=-1).astype(np.uint8)
    labels = stack_labels(codes)
    frames = np.stack([np.roll(aif, 7 * i, axis=1) for i in range(len(labels))])
    record = make_record(number, labels, split, WIDTH, HEIGHT)
    photo = dataclasses.replace(record.photo, name=name or f"walk/photo {number}.jpg")
    disparity = dataclasses.replace(record.disparity, edges=edges, steps=steps)
    scene = SceneRecord(kind, kind, kind, version=2, focal_length=1.0) if kind else SceneRecord()
    return Sample(
        f"{number:08d}",
        aif,
        codes,
        np.ones(codes.shape, bool),
        frames,
        dataclasses.replace(record, photo=photo, disparity=disparity, scene=scene),
    )


def stack_labels(codes: np.ndarray) -> tuple[FrameLabels, ...]:
    """Labels as the renderer computes them, in focus up to a radius of 1 px."""
    values = codes / 65535.0
    labels = []
    for group, scale_px in enumerate(SCALES_PX):
        for band in range(3):
            row, column = 30 + 5 * band, band * 40 + 20
            focus = float(values[row, column])
            radius_px = scale_px * np.abs(values - focus)
            labels.append(
                FrameLabels(
                    focus_x=(column + 0.5) / WIDTH,
                    focus_y=(row + 0.5) / HEIGHT,
                    focus_disparity=focus,
                    blur_scale_px=scale_px,
                    blur_level=100.0 * scale_px / WIDTH,
                    blur_at_infinity_px=scale_px * focus,
                    in_focus_fraction=float((radius_px <= 1.0).mean()),
                    radius_p95_px=float(np.percentile(radius_px, 95)),
                    radius_max_px=float(radius_px.max()),
                    group=group,
                )
            )
    return tuple(labels)


def write_stacks(out: Path, samples: list[Sample]) -> Path:
    """A finished data set of these samples, a shard for each split."""
    for split in ("train", "val", "test"):
        mine = [sample for sample in samples if sample.record.split == split]
        if mine:
            write_shard(out, f"{split}-000000", mine)
    write_index(out)
    return out
