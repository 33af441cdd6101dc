"""One RGB-D image becomes one sample: choose planes, blur and lens at random, render, label every frame.

    disparity ──quantized──▶ codes ──sample_frames──▶ lenses ──Scene.render──▶ frames ──▶ Sample
    └──────────────── plan_sample ─────────────────┘└──── render_frames ────┘└── labeled ──┘

Letters: D disparity, D_f plane in focus, K blur scale, r = K·|D − D_f| blur radius in pixels, F frames.
Labels are computed from the 16-bit disparity that the shard stores, and the lens is set to the same numbers, so that
label, stored map and picture cannot disagree.
"""

from dataclasses import dataclass, field, replace
from itertools import product

import numpy as np
import numpy.typing as npt

from pipelines.errors import Rejection
from pipelines.pictures.srgb8 import to_srgb8
from pipelines.render.config import MAX_BLUR_LEVEL, LensConfig, StackConfig, points_of
from pipelines.render.depth.disparity_map import DisparityMap
from pipelines.render.photos.photo import Photo
from pipelines.render.sample.aperture_labels import aperture_record
from pipelines.render.sample.distinct_depths import DistinctDepths
from pipelines.render.sample.focus_points import FocusField, FocusPoint
from pipelines.render.sample.lens_sampling import (
    SampledLens,
    jpeg_compressed,
    sample_jpeg_quality,
    sample_lens,
    with_sensor_noise,
)
from pipelines.render.sample.rgbd import RgbdImage
from pipelines.render.sample.stack_sampling import log_stratified, sample_stack
from pipelines.render.sample.subject import subject
from shards.labels import FrameLabels
from shards.record import (
    MAX_DISPARITY_CODE,
    SCHEMA_VERSION,
    DisparityRecord,
    ImagingRecord,
    LensRecord,
    PhotoRecord,
    RendererRecord,
    SampleRecord,
)
from shards.sample import Sample
from simulator import ThinLens
from simulator.optics.circle_of_confusion import largest_radius_px
from simulator.optics.highlight import HighlightCurve

Codes = npt.NDArray[np.uint16]  # [H, W] disparity as it is stored
Frames = npt.NDArray[np.uint8]  # [F, H, W, 3] 8-bit sRGB
IN_FOCUS_RADIUS_PX = 1.0


@dataclass(frozen=True)
class SampleSettings:
    """Settings that all samples of a data set share."""

    stack: StackConfig
    seed: int
    renderer: RendererRecord
    device: str
    lens: LensConfig = field(default_factory=LensConfig)


@dataclass(frozen=True)
class FrameSettings:
    """One frame before it is rendered: focus point, lens, stacking group, f-number and JPEG quality (0: none)."""

    point: FocusPoint
    lens: ThinLens
    group: int
    f_number: float
    jpeg_quality: int


@dataclass(frozen=True)
class SamplePlan:
    """A sample before it is rendered: its stored disparity as codes and as numbers [H, W], its lens and its frames."""

    codes: Codes
    disparity: DisparityRecord
    stored: npt.NDArray[np.float32]
    lens: SampledLens
    frames: list[FrameSettings]


def plan_sample(rgbd: RgbdImage, settings: SampleSettings) -> SamplePlan:
    """Everything that is drawn at random. Raises Rejection when the disparity has too few depths."""
    codes, disparity = quantized(rgbd.disparity)
    stored = dequantized(codes, disparity)
    lens = _sample_lens(rgbd, settings, _depth_range(codes, disparity))
    known = rgbd.disparity.known
    points = _given_points(rgbd.photo.source.focus_points or settings.stack.focus_points, settings.stack.planes, known)
    field = FocusField(codes, known, subject(stored, known), points)
    return SamplePlan(
        codes, disparity, stored, lens, sample_frames(settings, rgbd.photo.source.scene_id, field, disparity, lens)
    )


def _given_points(text: str, planes: int, known: npt.NDArray[np.bool_]) -> tuple[FocusPoint, ...]:
    """The pixels of a list's or the run's focus points.

    Raises Rejection (`focus_point`) for what are none, and where the depth is unknown.
    """
    height, width = known.shape
    try:
        given = points_of(text, planes)
    except ValueError as error:
        raise Rejection("draw", "focus_point", f"focus_points of the list {error}; correct the row") from error
    points = tuple(FocusPoint(int(y * height), int(x * width)) for x, y in given)
    for point, (x, y) in zip(points, given, strict=True):
        if not known[point.row, point.column]:
            message = f"focus point {x:g},{y:g} must lie where the depth is known, it is filled in there; move it"
            raise Rejection("draw", "focus_point", message)
    return points


def build_sample(key: str, split: str, rgbd: RgbdImage, settings: SampleSettings) -> Sample:
    """Render and label the stack of one photo. Raises Rejection when its disparity has too few depths."""
    plan = plan_sample(rgbd, settings)
    return labeled(key, split, rgbd, plan, render_frames(rgbd, plan, settings), settings)


def render_frames(rgbd: RgbdImage, plan: SamplePlan, settings: SampleSettings) -> Frames:
    """The stack as the sensor gives it: the only stage of a sample that uses `settings.device`."""
    lenses, lens = [frame.lens for frame in plan.frames], plan.lens
    radius_px = largest_radius_px(lenses, rgbd.disparity_range(plan.stored), lens.aperture)
    scene = rgbd.scene(plan.stored, radius_px, settings.device, lens.highlight)
    linear = scene.render(lenses, aperture=lens.aperture, quality=settings.stack.quality)  # [F, 3, H, W]
    noisy = with_sensor_noise(linear, lens.noise, settings.seed, rgbd.photo.source.scene_id)
    return to_srgb8(noisy, settings.lens.tone)


def labeled(
    key: str, split: str, rgbd: RgbdImage, plan: SamplePlan, frames: Frames, settings: SampleSettings
) -> Sample:
    """The sample of a rendered stack: frames with their JPEG compression, and every label."""
    known = rgbd.disparity.known
    depths = DistinctDepths.of(plan.stored[known])
    compressed = [jpeg_compressed(p, frame.jpeg_quality) for p, frame in zip(frames, plan.frames, strict=True)]
    return Sample(
        key=key,
        aif=rgbd.photo.srgb,
        disparity=plan.codes,
        valid=known,
        frames=np.stack(compressed),
        record=SampleRecord(
            schema_version=SCHEMA_VERSION,
            scene_id=rgbd.photo.source.scene_id,
            split=split,
            width=plan.codes.shape[1],
            height=plan.codes.shape[0],
            seed=settings.seed,
            disparity=plan.disparity,
            frames=tuple(label_frame(frame, depths, known.shape) for frame in plan.frames),
            aperture=aperture_record(plan.lens.aperture),
            lens=_lens_record(plan, min(frame.f_number for frame in plan.frames)),
            imaging=_imaging_record(plan.lens, settings.lens),
            photo=_photo_record(rgbd.photo),
            renderer=settings.renderer,
            scene=rgbd.scene_record,
        ),
    )


def quantized(disparity: DisparityMap) -> tuple[Codes, DisparityRecord]:
    """Disparity in 16 bits, [H, W], with D = offset + scale · code.

    Relative disparity keeps the fixed range [0, 1], so that codes mean the same in every sample; metric disparity
    uses the photo's own range.
    """
    values = disparity.values.astype(np.float64)
    low, high = (0.0, 1.0) if disparity.kind == "relative" else (float(values.min()), float(values.max()))
    scale = (high - low) / MAX_DISPARITY_CODE if high > low else 1.0
    codes = np.rint((values - low) / scale).clip(0, MAX_DISPARITY_CODE).astype(np.uint16)
    record = DisparityRecord(
        kind=disparity.kind,
        unit=disparity.unit,
        scale=scale,
        offset=low,
        source=disparity.source,
        source_revision=disparity.source_revision,
        edges=disparity.edges,
        quantization_levels=disparity.quantization_levels,
        steps=disparity.steps,
        filled_fraction=1.0 - float(disparity.known.mean()),
    )
    return codes, record


def dequantized(codes: Codes, record: DisparityRecord) -> npt.NDArray[np.float32]:
    """D of every pixel as readers of the shard get it, [H, W]."""
    return (record.offset + record.scale * codes.astype(np.float64)).astype(np.float32)


def _depth_range(codes: Codes, record: DisparityRecord) -> float:
    """Disparity that blur levels count from: 1 when relative, the photo's own range in 1/m when metric."""
    return 1.0 if record.kind == "relative" else record.scale * int(np.ptp(codes))


def _sample_lens(rgbd: RgbdImage, settings: SampleSettings, depth_range: float) -> SampledLens:
    photo = rgbd.photo
    size = (photo.srgb.shape[1], photo.srgb.shape[0])
    lens = sample_lens(settings.seed, photo.source.scene_id, settings.lens, photo.camera, size)
    lens = lens.for_disparity(depth_range)
    return lens if rgbd.is_clipped else replace(lens, highlight=HighlightCurve(peak=1.0))


def sample_frames(
    settings: SampleSettings, scene_id: str, field: FocusField, record: DisparityRecord, lens: SampledLens
) -> list[FrameSettings]:
    """The grid of planes and levels as F frames, level-major: frame = level · planes + plane, group = level.

    A blur level is the radius, in percent of the long side, across the photo's whole depth range. That range is 1 for
    relative disparity, where the sampled number is also the label 100·K/long_side. Metric disparity has a range of its
    own, in 1/m: a far landscape and a table top get the same choice of radii, and K tells how strong a lens they need.
    """
    codes = field.codes
    depth_range, long_side, is_metric = _depth_range(codes, record), max(codes.shape), record.kind == "metric"

    def scale_px(level: float) -> float:  # K
        return level / depth_range * long_side / 100

    stack = sample_stack(
        settings.seed,
        scene_id,
        field,
        settings.stack,
        lambda levels: _blur_levels(settings, scene_id, codes, record, lens, levels),
        lambda level: 1.0 / (scale_px(level) * record.scale),
    )
    frames: list[FrameSettings] = []
    for (group, level), point in product(enumerate(stack.blur_levels), stack.points):
        focus = record.offset + record.scale * int(codes[point.row, point.column])  # D_f: the stored D at the point
        thin = ThinLens(focus, scale_px(level))
        quality = sample_jpeg_quality(settings.seed, scene_id, lens.recipe, len(frames))
        frames.append(FrameSettings(point, thin, group, lens.f_number(thin, is_metric, long_side), quality))
    return frames


def _blur_levels(
    settings: SampleSettings, scene_id: str, codes: Codes, record: DisparityRecord, lens: SampledLens, levels: int
) -> tuple[float, ...]:
    """Levels of the recipe's f-numbers, within the stack's flags; of these flags where recipe or lens has none."""
    low, high = settings.stack.blur_level_min, settings.stack.blur_level_max
    diopters = lens.diopters(0.0 if record.kind == "relative" else _depth_range(codes, record))
    if settings.stack.f_numbers:
        return _levels_of_f_numbers(lens, settings.stack.f_numbers, diopters)
    if not (lens.recipe.f_number[1] and lens.focal_length_mm and lens.sensor_width_mm and diopters):
        return log_stratified(settings.seed, scene_id, "blur", low, high, levels)
    physical = lens.blur_levels(settings.seed, scene_id, levels, diopters)
    return tuple(min(max(level, low), high) for level in physical)


def _levels_of_f_numbers(lens: SampledLens, f_numbers: tuple[float, ...], diopters: float) -> tuple[float, ...]:
    """Levels of --f-number. Raises Rejection (`f_number`) for relative depth of no known range, and for huge blur."""
    if not diopters:
        message = "--f-number needs depth in meters, that of this photo is relative; add --depth-meters NEAR,FAR"
        raise Rejection("draw", "f_number", message)
    levels = lens.levels_of(f_numbers, diopters)
    if levels[-1] > MAX_BLUR_LEVEL:
        message = f"f/{f_numbers[-1]:g} blurs by {levels[-1]:.3g} % of the long side, at most {MAX_BLUR_LEVEL} can be"
        raise Rejection("draw", "f_number", f"{message} rendered; use a larger --f-number")
    return levels


def label_frame(frame: FrameSettings, depths: DistinctDepths, size: tuple[int, int]) -> FrameLabels:
    """Labels of one frame of a photo of `size` (height, width); radii are taken over the pixels of known depth."""
    height, width = size
    lens = frame.lens
    radius_px = lens.blur_scale_px * np.abs(depths.values - lens.focus_disparity)
    return FrameLabels(
        focus_x=(frame.point.column + 0.5) / width,
        focus_y=(frame.point.row + 0.5) / height,
        focus_disparity=lens.focus_disparity,
        blur_scale_px=lens.blur_scale_px,
        blur_level=lens.blur_level(max(height, width)),
        blur_at_infinity_px=lens.blur_at_infinity_px,
        in_focus_fraction=depths.share(radius_px <= IN_FOCUS_RADIUS_PX),
        radius_p95_px=depths.percentile(radius_px, 95),
        radius_max_px=float(radius_px.max()),
        group=frame.group,
        f_number=frame.f_number,
        jpeg_quality=frame.jpeg_quality,
    )


def _lens_record(plan: SamplePlan, f_number: float) -> LensRecord:
    lens = plan.lens
    assumed = lens.recipe.depth if plan.disparity.kind == "relative" else None
    return LensRecord(
        kind=lens.aperture.psf.name if lens.aperture.psf else LensRecord.kind,
        f_number=f_number,
        focal_length_mm=lens.focal_length_mm,
        sensor_width_mm=lens.sensor_width_mm,
        recipe=lens.recipe.name,
        near_m=assumed.near_m if assumed else 0.0,
        far_m=assumed.far_m if assumed else 0.0,
    )


def _imaging_record(lens: SampledLens, config: LensConfig) -> ImagingRecord:
    curve, noise = lens.highlight, lens.noise
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
