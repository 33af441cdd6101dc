"""Samples of our own format rendered again from their labels: the stored frames must come out.

Built-in scenes are drawn again from their seed, and photos of lossless shards are stored exactly: their frames must be
equal. Photos stored as JPEG differ from the rendered ones, and so do their frames, by a few gray levels.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass

import numpy as np

from pipelines.audit.audited_sample import AuditedSample
from pipelines.audit.check import Check, Criterion, worst
from pipelines.audit.optics import Optics
from pipelines.measure.fidelity import Picture
from pipelines.pictures.srgb8 import to_srgb8
from pipelines.render.config import StackConfig
from pipelines.render.photos.listing import scene_seed
from pipelines.render.photos.photo import PhotoSource
from pipelines.render.sample.rgbd import builtin_rgbd
from pipelines.runs.device import torch_threads
from shards.codec import ImageCodec, decode_image, encode_image
from shards.storage import StoragePath
from simulator import RENDERER_VERSION, Scene
from simulator.optics.circle_of_confusion import largest_radius_px

EXACT = Criterion("re-rendered", "at most", 0.0, "gray levels of 255, mean |difference|")
LOSSY = dataclasses.replace(EXACT, bound=3.0)
"""Frames rendered from a photo that was stored as JPEG: up to 1.5 measured on three real photos."""


@dataclass(frozen=True)
class RenderSettings:
    """The settings of a run that the labels do not repeat."""

    stack: StackConfig
    threads: int
    image_format: str

    @classmethod
    def read(cls, out: StoragePath) -> RenderSettings | None:
        """The settings in OUT/.meta/config.json; None where it is missing or damaged."""
        try:
            content = json.loads((out / ".meta" / "config.json").read_bytes())
            stack = StackConfig(**{field.name: content[field.name] for field in dataclasses.fields(StackConfig)})
            return cls(stack, int(content["threads"]), str(content["image_format"]))
        except Exception:  # a parser of damaged bytes raises nearly anything
            return None


@dataclass(frozen=True)
class Rerender:
    """One sample rendered again. is_exact: nothing may differ. difference: the worst frame's mean, gray levels."""

    name: str
    is_exact: bool
    difference: float


def rerender(sample: AuditedSample, settings: RenderSettings | None) -> Rerender | None:
    """Render a sample again; None for other formats, noisy or compressed frames, rasters and PSFs."""
    record, optics = sample.record, Optics.from_labels(sample)
    if record is None or optics is None or settings is None or record.renderer.version != RENDERER_VERSION:
        return None
    if record.imaging.full_well_electrons or any(frame.jpeg_quality for frame in record.frames):
        return None
    with torch_threads(settings.threads):  # another number may change the last bits
        scene, is_exact = _scene(sample, settings, optics)
        linear = scene.render(sample.lenses, aperture=optics.aperture, quality=settings.stack.quality)
    frames = to_srgb8(linear, record.imaging.tone)
    codec = ImageCodec(settings.image_format)
    differences = [_difference(frame, sample.picture(i), codec) for i, frame in enumerate(frames)]
    return Rerender(sample.name, is_exact and record.renderer.device_kind == "cpu", max(differences))


def _scene(sample: AuditedSample, settings: RenderSettings, optics: Optics) -> tuple[Scene, bool]:
    """The scene, and whether it equals the one that was rendered first."""
    source = _builtin_source(sample)
    if source is None:
        radius = largest_radius_px(sample.lenses, sample.disparity_range, optics.aperture)
        return optics.scene(sample, radius), sample.photo_is_exact
    built = builtin_rgbd(source, long_side=sample.long_side_px, stack=settings.stack)
    seen = built.layers.disparity[built.layers.coverage > 0]
    radius = largest_radius_px(sample.lenses, (float(seen.min()), float(seen.max())), optics.aperture)
    return Scene.from_layers(built.layers, max_radius_px=radius), True


def _builtin_source(sample: AuditedSample) -> PhotoSource | None:
    """The source of a built-in scene; None for photos, and for scenes whose seed does not follow from the labels."""
    record = sample.record
    if record is None or record.disparity.source != "builtin":
        return None
    number = record.photo.name.rpartition("-")[2]
    location = f"builtin:{scene_seed(record.seed, int(number))}" if number.isdigit() else ""
    if hashlib.sha256(location.encode()).hexdigest() != record.photo.sha256:
        return None
    photo = record.photo
    origin = photo.license, photo.author, photo.source_url
    return PhotoSource(record.scene_id, photo.name, location, photo.sha256, *origin)


def _difference(frame: Picture, stored: Picture, codec: ImageCodec) -> float:
    """Mean |difference| between a frame, after encoding and decoding, and the stored one; gray levels."""
    height, width = frame.shape[:2]
    again = decode_image(f"frame_00.{codec.format}", encode_image(frame, codec), width=width, height=height)
    return float(np.abs(again.astype(np.int16) - stored.astype(np.int16)).mean())


def rerender_check(rerenders: list[Rerender], *, is_foreign: bool) -> Check:
    """The worst difference of the exact samples; where there are none, or a lossy one fails, that of the lossy ones."""
    if not rerenders:
        reason = "a raster, PSFs, noise, or another renderer in every sample"
        return EXACT.not_run("other format" if is_foreign else reason)
    exact = {r.name: r.difference for r in rerenders if r.is_exact}
    lossy = {r.name: r.difference for r in rerenders if not r.is_exact}
    if exact and max(lossy.values(), default=0.0) <= LOSSY.bound:
        equal = sum(value == 0.0 for value in exact.values())
        note = f"{equal} of {len(exact)} samples come out the same, bit by bit"
        return EXACT.measured(max(exact.values()), note, worst(exact))
    note = f"{len(lossy)} samples rendered again from the JPEG that is stored"
    return LOSSY.measured(max(lossy.values()), note, worst(lossy, LOSSY.bound))
