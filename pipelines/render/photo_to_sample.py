"""One photo and its disparity become one sample: draw the stack, render it, label every frame.

    disparity ──quantized──▶ codes ──draw──▶ planes, levels ──▶ lenses ──Scene.render──▶ frames ──▶ Sample

Letters: D disparity, D_f plane in focus, K blur scale, r = K·|D − D_f| blur radius in pixels, F frames.
Labels are computed from the 16-bit disparity that the shard stores, and the lens is set to the same numbers, so that
label, stored map and picture cannot disagree.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from pipelines.render.config import StackConfig
from pipelines.render.disparity_map import DisparityMap
from pipelines.render.draw import FocusPoint, draw_stack
from pipelines.render.photos import Photo
from pipelines.render.subject import Subject, to_srgb8
from shards.sample import (
    SCHEMA_VERSION,
    ApertureRecord,
    DisparityRecord,
    FrameLabels,
    LensRecord,
    PhotoRecord,
    RendererRecord,
    Sample,
    SampleRecord,
)
from simulator import ThinLens

MAX_CODE = 65535
IN_FOCUS_RADIUS_PX = 1.0


@dataclass(frozen=True)
class Setting:
    """What is the same for every sample of a data set."""

    stack: StackConfig
    seed: int
    renderer: RendererRecord
    device: str


@dataclass(frozen=True)
class FrameDraw:
    """One frame before it is rendered: where the focus is, the lens, and the stacking group."""

    point: FocusPoint
    lens: ThinLens
    group: int


def photo_to_sample(key: str, split: str, subject: Subject, setting: Setting) -> Sample:
    """Render and label the stack of one photo. Raises Rejection when its disparity has too few depths."""
    photo = subject.photo
    scene_id = photo.source.scene_id
    codes, record = quantized(subject.disparity)
    stored = dequantized(codes, record)
    draws = draw_frames(setting, scene_id, codes, record)
    scene = subject.scene(stored, _largest_radius(draws, subject.disparity_range(stored)), setting.device)
    linear = scene.render([draw.lens for draw in draws], quality=setting.stack.quality)  # [F, 3, H, W]
    height, width = codes.shape
    return Sample(
        key=key,
        aif=photo.srgb,
        disparity=codes,
        frames=to_srgb8(linear),
        record=SampleRecord(
            schema_version=SCHEMA_VERSION,
            scene_id=scene_id,
            split=split,
            width=width,
            height=height,
            seed=setting.seed,
            disparity=record,
            frames=tuple(label_frame(draw, stored) for draw in draws),
            aperture=ApertureRecord(),
            lens=LensRecord(),
            photo=_photo_record(photo),
            renderer=setting.renderer,
        ),
    )


def quantized(disparity: DisparityMap) -> tuple[npt.NDArray[np.uint16], DisparityRecord]:
    """Disparity in 16 bits, [H, W], with D = offset + scale · code.

    Relative disparity keeps the fixed range [0, 1], so that codes mean the same in every sample; metric disparity
    uses the photo's own range.
    """
    values = disparity.values.astype(np.float64)
    low, high = (0.0, 1.0) if disparity.kind == "relative" else (float(values.min()), float(values.max()))
    scale = (high - low) / MAX_CODE if high > low else 1.0
    codes = np.rint((values - low) / scale).clip(0, MAX_CODE).astype(np.uint16)
    record = DisparityRecord(
        kind=disparity.kind,
        unit=disparity.unit,
        scale=scale,
        offset=low,
        source=disparity.source,
        source_revision=disparity.source_revision,
        edges=disparity.edges,
    )
    return codes, record


def dequantized(codes: npt.NDArray[np.uint16], record: DisparityRecord) -> npt.NDArray[np.float32]:
    """D of every pixel as whoever reads the shard gets it, [H, W]."""
    return (record.offset + record.scale * codes.astype(np.float64)).astype(np.float32)


def draw_frames(
    setting: Setting, scene_id: str, codes: npt.NDArray[np.uint16], record: DisparityRecord
) -> list[FrameDraw]:
    """The grid of planes and levels as F lenses, level-major: frame = level · planes + plane, group = level.

    A blur level is drawn as the radius, in percent of the long side, across the photo's whole depth range. That range
    is 1 for relative disparity, where the drawn number is also the label 100·K/long_side. In 1/m it is what the photo
    has: a far landscape and a table top then get the same choice of radii, and K says by how strong a lens.
    """
    draw = draw_stack(setting.seed, scene_id, codes, setting.stack)
    depth_range = 1.0 if record.kind == "relative" else record.scale * int(np.ptp(codes))
    frames = []
    for (group, blur_level), point in product(enumerate(draw.blur_levels), draw.points):
        focus = record.offset + record.scale * int(codes[point.row, point.column])  # D_f: the stored D at the point
        lens = ThinLens.from_blur_level(focus, blur_level / depth_range, max(codes.shape))
        frames.append(FrameDraw(point, lens, group))
    return frames


def label_frame(draw: FrameDraw, stored: npt.NDArray[np.float32]) -> FrameLabels:
    """What is known of a frame; radii over all pixels of the stored disparity, [H, W]."""
    height, width = stored.shape
    lens = draw.lens
    radius_px = lens.blur_scale_px * np.abs(stored.astype(np.float64) - lens.focus_disparity)
    return FrameLabels(
        focus_x=(draw.point.column + 0.5) / width,
        focus_y=(draw.point.row + 0.5) / height,
        focus_disparity=lens.focus_disparity,
        blur_scale_px=lens.blur_scale_px,
        blur_level=lens.blur_level(max(height, width)),
        blur_at_infinity_px=lens.blur_at_infinity_px,
        in_focus_fraction=float((radius_px <= IN_FOCUS_RADIUS_PX).mean()),
        radius_p95_px=float(np.percentile(radius_px, 95)),
        radius_max_px=float(radius_px.max()),
        group=draw.group,
    )


def _largest_radius(draws: list[FrameDraw], disparity_range: tuple[float, float]) -> float:
    return max(
        draw.lens.blur_scale_px * abs(end - draw.lens.focus_disparity) for draw in draws for end in disparity_range
    )


def _photo_record(photo: Photo) -> PhotoRecord:
    source = photo.source
    return PhotoRecord(
        sha256=source.sha256,
        name=source.name,
        license=source.license,
        author=source.author,
        source_url=source.source_url,
        width=photo.original_width,
        height=photo.original_height,
    )
