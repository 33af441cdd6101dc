"""One photo and its disparity become one sample: draw the stack, render it, label every frame.

    disparity ──quantized──▶ codes ──draw──▶ planes, levels ──▶ lenses ──Scene.render──▶ frames ──▶ Sample

Letters: D disparity, D_f plane in focus, K blur scale, r = K·|D − D_f| blur radius in pixels, F frames.
Labels are computed from the 16-bit disparity that the shard stores, and the lens is set to the same numbers, so that
label, stored map and picture cannot disagree.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import numpy.typing as npt

from pipelines.render.config import LensConfig, StackConfig
from pipelines.render.depth.disparity_map import DisparityMap
from pipelines.render.photos.photo import Photo
from pipelines.render.sample.lens_draw import DrawnLens, compressed, draw_lens, drawn_jpeg_quality, noisy
from pipelines.render.sample.stack_draw import FocusPoint, draw_stack
from pipelines.render.sample.subject import Subject, to_srgb8
from shards.sample import (
    SCHEMA_VERSION,
    ApertureRecord,
    DisparityRecord,
    FrameLabels,
    ImagingRecord,
    LensRecord,
    PhotoRecord,
    RendererRecord,
    Sample,
    SampleRecord,
)
from simulator import Aperture, ThinLens
from simulator.optics.circle_of_confusion import largest_radius_px
from simulator.optics.highlight import HighlightCurve

MAX_CODE = 65535
IN_FOCUS_RADIUS_PX = 1.0


PLAIN = LensConfig()


@dataclass(frozen=True)
class Setting:
    """What is the same for every sample of a data set."""

    stack: StackConfig
    seed: int
    renderer: RendererRecord
    device: str
    lens: LensConfig = PLAIN


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
    height, width = codes.shape
    optics = draw_lens(setting.seed, scene_id, setting.lens, photo.camera, (width, height))
    if not subject.is_clipped:
        optics = replace(optics, highlight=HighlightCurve(peak=1.0))
    draws = draw_frames(setting, scene_id, codes, record, optics)
    optics = optics.for_disparity(record.scale * int(np.ptp(codes)) if record.kind == "metric" else 1.0)
    lenses = [draw.lens for draw in draws]
    radius_px = largest_radius_px(lenses, subject.disparity_range(stored), optics.aperture)
    scene = subject.scene(stored, radius_px, setting.device, optics.highlight)
    linear = scene.render(lenses, aperture=optics.aperture, quality=setting.stack.quality)  # [F, 3, H, W]
    frames = to_srgb8(noisy(linear, optics.noise, setting.seed, scene_id), setting.lens.tone)
    qualities = [drawn_jpeg_quality(setting.seed, scene_id, optics.recipe, i) for i in range(len(draws))]
    f_numbers = [optics.f_number(draw.lens, record.kind == "metric", max(width, height)) for draw in draws]
    labels = [
        replace(label_frame(draw, stored), f_number=n, jpeg_quality=q)
        for draw, n, q in zip(draws, f_numbers, qualities, strict=True)
    ]
    return Sample(
        key=key,
        aif=photo.srgb,
        disparity=codes,
        frames=np.stack([compressed(frame, q) for frame, q in zip(frames, qualities, strict=True)]),
        record=SampleRecord(
            schema_version=SCHEMA_VERSION,
            scene_id=scene_id,
            split=split,
            width=width,
            height=height,
            seed=setting.seed,
            disparity=record,
            frames=tuple(labels),
            aperture=aperture_record(optics.aperture),
            lens=_lens_record(optics, f_numbers),
            imaging=_imaging_record(optics, setting.lens),
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
    setting: Setting, scene_id: str, codes: npt.NDArray[np.uint16], record: DisparityRecord, optics: DrawnLens
) -> list[FrameDraw]:
    """The grid of planes and levels as F lenses, level-major: frame = level · planes + plane, group = level.

    A blur level is drawn as the radius, in percent of the long side, across the photo's whole depth range. That range
    is 1 for relative disparity, where the drawn number is also the label 100·K/long_side. In 1/m it is what the photo
    has: a far landscape and a table top then get the same choice of radii, and K says by how strong a lens.
    A recipe with f-numbers draws those instead; the levels stay within what the stack's flags allow.
    """
    draw = draw_stack(setting.seed, scene_id, codes, setting.stack)
    depth_range = 1.0 if record.kind == "relative" else record.scale * int(np.ptp(codes))
    levels = draw.blur_levels
    dioptres = optics.dioptres(0.0 if record.kind == "relative" else depth_range)
    if optics.recipe.f_number[1] and optics.focal_length_mm and optics.sensor_width_mm and dioptres:
        physical = optics.blur_levels(setting.seed, scene_id, setting.stack.levels, dioptres)
        least, most = setting.stack.blur_level_min, setting.stack.blur_level_max
        levels = tuple(min(max(level, least), most) for level in physical)
    frames = []
    for (group, blur_level), point in product(enumerate(levels), draw.points):
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


def aperture_record(aperture: Aperture) -> ApertureRecord:
    """What the json says of an aperture."""
    shape = "raster" if aperture.raster else "disc" if aperture.blades == 0 else "blades"
    same = ("blades", "roundness", "rotation_deg", "obstruction", "spherical", "squeeze", "cat_eye")
    return ApertureRecord(
        shape=shape,
        **{name: getattr(aperture, name) for name in (*same, "focus_shift", "magnification")},
        raster_sha256=aperture.raster.sha256 if aperture.raster else "",
    )


def _lens_record(optics: DrawnLens, f_numbers: list[float]) -> LensRecord:
    assumed = optics.recipe.depth
    return LensRecord(
        f_number=min(f_numbers),
        focal_length_mm=optics.focal_length_mm,
        sensor_width_mm=optics.sensor_width_mm,
        recipe=optics.recipe.name,
        near_m=assumed.near_m if assumed else 0.0,
        far_m=assumed.far_m if assumed else 0.0,
    )


def _imaging_record(optics: DrawnLens, config: LensConfig) -> ImagingRecord:
    curve, noise = optics.highlight, optics.noise
    return ImagingRecord(
        curve.knee, curve.peak, curve.window, noise.full_well_electrons, noise.read_noise_electrons, config.tone
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
