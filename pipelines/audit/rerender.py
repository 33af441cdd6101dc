"""Our own shards rendered again from what they say of themselves: the very same pictures must come out.

Built-in scenes come back from their seed, photos from a lossless shard; all else went through JPEG before it was
stored, and its frames come out within a few grey levels.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from pipelines.audit.line import Line, not_run, worst
from pipelines.audit.optics import Optics
from pipelines.audit.subject import Subject
from pipelines.measure.fidelity import Picture
from pipelines.pictures.srgb8 import to_srgb8
from pipelines.render.config import StackConfig
from pipelines.render.photos.listing import scene_seed
from pipelines.render.photos.photo import PhotoSource
from pipelines.render.sample.rgbd import builtin_rgbd
from shards.codec import ImageCodec, decode_image, encode_image
from simulator import RENDERER_VERSION, Scene
from simulator.optics.circle_of_confusion import largest_radius_px

NAME, UNIT = "re-rendered", "grey levels of 255, mean |difference|"
LOSSY_BOUND = 3.0
"""Frames of a photo that was JPEG-coded before it is rendered again: up to 1.5 measured on three real photos."""


@dataclass(frozen=True)
class Recipe:
    """What of a run's settings the labels do not repeat."""

    stack: StackConfig
    threads: int
    image_format: str

    @classmethod
    def of(cls, out: Path) -> Recipe | None:
        """From OUT/.meta/config.json; None where it is missing or not ours."""
        try:
            told = json.loads((out / ".meta" / "config.json").read_bytes())
            stack = StackConfig(**{field.name: told[field.name] for field in dataclasses.fields(StackConfig)})
            return cls(stack, int(told["threads"]), str(told["image_format"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None


@dataclass(frozen=True)
class Repetition:
    """One sample rendered again: is_exact if nothing may differ; the worst frame's mean |difference|, grey levels."""

    name: str
    is_exact: bool
    difference: float


def repeated(subject: Subject, recipe: Recipe | None) -> Repetition | None:
    """Render a sample of ours again; None for what cannot be: foreign, noisy or compressed frames, unknown masks."""
    record, optics = subject.record, Optics.of(subject)
    if record is None or optics is None or recipe is None or record.renderer.version != RENDERER_VERSION:
        return None
    if record.imaging.full_well_electrons or any(frame.jpeg_quality for frame in record.frames):
        return None
    threads = torch.get_num_threads()
    torch.set_num_threads(recipe.threads)  # another number may change the last bits
    try:
        scene, is_exact = _scene(subject, recipe, optics)
        linear = scene.render(subject.lenses, aperture=optics.aperture, quality=recipe.stack.quality)
    finally:
        torch.set_num_threads(threads)
    frames = to_srgb8(linear, record.imaging.tone)
    codec = ImageCodec(recipe.image_format)
    differences = [_difference(_stored(frame, codec), subject.picture(i)) for i, frame in enumerate(frames)]
    return Repetition(subject.name, is_exact and record.renderer.device_kind == "cpu", max(differences))


def _scene(subject: Subject, recipe: Recipe, optics: Optics) -> tuple[Scene, bool]:
    """The scene as it was, and whether it is the very same one."""
    source = _builtin_source(subject)
    if source is None:
        radius = largest_radius_px(subject.lenses, subject.disparity_range, optics.aperture)
        return optics.scene(subject, radius), subject.photo_is_exact
    built = builtin_rgbd(source, long_side=subject.long_side_px, stack=recipe.stack)
    seen = built.layers.disparity[built.layers.coverage > 0]
    radius = largest_radius_px(subject.lenses, (float(seen.min()), float(seen.max())), optics.aperture)
    return Scene.from_layers(built.layers, max_radius_px=radius), True


def _builtin_source(subject: Subject) -> PhotoSource | None:
    """Where a built-in scene came from; None for photos, and for scenes whose seed the record does not give away."""
    record = subject.record
    if record is None or record.disparity.source != "builtin":
        return None
    number = record.photo.name.rpartition("-")[2]
    location = f"builtin:{scene_seed(record.seed, int(number))}" if number.isdigit() else ""
    if hashlib.sha256(location.encode()).hexdigest() != record.photo.sha256:
        return None
    photo = record.photo
    return PhotoSource(
        record.scene_id, photo.name, location, photo.sha256, photo.license, photo.author, photo.source_url
    )


def _stored(frame: Picture, codec: ImageCodec) -> Picture:
    """What a shard gives back of a frame."""
    height, width = frame.shape[:2]
    return decode_image(f"frame_00.{codec.format}", encode_image(frame, codec), width=width, height=height)


def _difference(frame: Picture, stored: Picture) -> float:
    return float(np.abs(frame.astype(np.int16) - stored.astype(np.int16)).mean())


def rerendered(repetitions: list[Repetition], own: bool) -> Line:
    """Exact samples must not differ at all; the line's figure is theirs, or where there are none the lossy ones'."""
    if not repetitions:
        reason = "no sample that can be: an unknown mask, noise, or another renderer" if own else "foreign shards"
        return not_run(NAME, 0.0, "at most", UNIT, reason)
    exact = {r.name: r.difference for r in repetitions if r.is_exact}
    lossy = {r.name: r.difference for r in repetitions if not r.is_exact}
    broken = {key: value for key, value in lossy.items() if value > LOSSY_BOUND}
    if exact and not broken:
        equal = sum(value == 0.0 for value in exact.values())
        note = f"{equal} of {len(exact)} samples come out the same, bit by bit"
        return Line(NAME, max(exact.values()), 0.0, "at most", UNIT, note, worst(exact))
    note = f"{len(lossy)} samples rendered again from the JPEG that is stored"
    return Line(NAME, max(lossy.values()), LOSSY_BOUND, "at most", UNIT, note, worst(lossy, LOSSY_BOUND))
