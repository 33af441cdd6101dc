"""One sample in the page: its card in the gallery, and its content for the viewer."""

from dataclasses import fields
from typing import Any

from pipelines.preview.live_optics import live_optics
from pipelines.preview.media import Media
from shards.record import ApertureRecord, LensRecord, SampleRecord, SceneRecord
from shards.sample import Sample
from simulator import PupilRaster

FRAME_LABELS = (
    "focus_x", "focus_y", "focus_disparity", "blur_scale_px", "blur_level",
    "in_focus_fraction", "radius_p95_px", "radius_max_px", "f_number", "group",
)  # fmt: skip


def card(sample: Sample, media: Media, flags: list[str], bins: list[list[int]]) -> dict[str, Any]:
    """The sample's card in the gallery, as plain data for the page's JSON; `bins`: see `figures.bins_of`."""
    record = sample.record
    return {
        "key": sample.key,
        "name": record.photo.name,
        "split": record.split,
        "kind": record.scene.kind,
        "flags": flags,
        "bins": bins,
        "thumb": media.thumb,
        "words": " ".join(
            (
                *(sample.key, record.photo.name, record.split, record.scene_id, record.lens.recipe),
                *(record.disparity.source, record.scene.foreground, record.scene.backdrop),
            )
        ),
    }


def content(sample: Sample, media: Media, mask: PupilRaster | None = None) -> dict[str, Any]:
    """The sample's content for the viewer, as plain data: pictures, disparity, and the labels of every frame."""
    record = sample.record
    disparity = record.disparity
    return {
        "key": sample.key,
        "width": record.width,
        "height": record.height,
        "planes": record.planes,
        "levels": record.levels,
        "frames": [{name: getattr(frame, name) for name in FRAME_LABELS} for frame in record.frames],
        "photo": media.photo,
        "pictures": list(media.frames),
        "disparity": {
            **media.disparity,
            "scale": disparity.scale,
            "offset": disparity.offset,
            "unit": "" if disparity.unit == "1" else disparity.unit,
        },
        "optics": live_optics(record, mask),
        "aperture": aperture_text(record.aperture),
        "lens": lens_text(record.lens),
        "facts": facts(record, media),
    }


def aperture_text(aperture: ApertureRecord) -> str:
    """`disc`, or `7 blades, cat-eye 0.4`: what differs from a plain disc."""
    shape = f"{aperture.blades} blades" if aperture.shape == "blades" else aperture.shape
    hidden = {"rotation_deg"} if aperture.blades else {"rotation_deg", "roundness"}
    numbers = {f.name: getattr(aperture, f.name) for f in fields(aperture) if isinstance(f.default, float)}
    terms = {name: n for name, n in numbers.items() if name not in hidden and n != getattr(ApertureRecord, name)}
    return ", ".join([shape, *(f"{name.replace('_', '-')} {n:.2g}" for name, n in terms.items())])


def lens_text(lens: LensRecord) -> str:
    """`thin`, or `portrait-85mm, 85 mm on 36 mm`."""
    name = lens.kind if lens.recipe == "plain" else lens.recipe
    sensor = f" on {lens.sensor_width_mm:g} mm" if lens.sensor_width_mm else ""
    return name + (f", {lens.focal_length_mm:g} mm{sensor}" if lens.focal_length_mm else "")


def scene_text(scene: SceneRecord) -> str:
    """`market before hills; camera yaw -4°, pitch 12°, roll 1°, f 1.2 long sides, mirrored`; "" of a photo."""
    if not scene.kind:
        return ""
    parts = scene.kind if scene.foreground == scene.backdrop else f"{scene.foreground} before {scene.backdrop}"
    angles = f"yaw {scene.yaw_deg:.0f}°, pitch {scene.pitch_deg:.0f}°, roll {scene.roll_deg:.0f}°"
    return f"{parts}; camera {angles}, f {scene.focal_length:.2g} long sides{', mirrored' * scene.mirrored}"


def facts(record: SampleRecord, media: Media) -> list[list[str]]:
    """Facts about the sample, name and text, for the fold at the end of the viewer."""
    disparity, photo = record.disparity, record.photo
    stride = media.disparity["stride"]
    thinned = f"; here one pixel in {stride} by {stride}" if stride > 1 else ""
    pairs = [
        ("Scene", record.scene_id),
        ("Built-in scene", scene_text(record.scene)),
        ("Size", f"{record.width} × {record.height} px, from {photo.width} × {photo.height}"),
        ("Shown as", media.shown),
        ("Disparity", f"{disparity.kind}, {disparity.source}, edges {disparity.edges.replace('_', ' ')}{thinned}"),
        ("License", photo.license or "not stated"),
        ("Author", photo.author),
        ("Source", photo.source_url),
        ("Renderer", f"version {record.renderer.version}, {record.renderer.device_kind}"),
    ]
    return [[name, text] for name, text in pairs if text]
