"""Small data sets for audits: people before a wall, rendered and labeled by the real code, and ways to spoil them."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.render.config import StackConfig
from pipelines.render.depth.disparity_map import DisparityMap
from pipelines.render.photos.photo import Photo, PhotoSource
from pipelines.render.sample import build as rendering
from pipelines.render.sample.build import SampleSettings, build_sample
from pipelines.render.sample.focus_points import FocusField, FocusPoint
from pipelines.render.sample.rgbd import RgbdImage
from pipelines.render.sample.stack_sampling import SampledStack, sample_stack
from shards import ImageCodec, RendererRecord, Sample, ShardWriter, encode, write_index
from simulator import RENDERER_VERSION
from tests.pipelines.measure.pictures import HEIGHT, WIDTH, texture

SAMPLES, PLANES, LEVELS = 12, 4, 2
STACK = StackConfig(planes=PLANES, levels=LEVELS, blur_level_min=2.0, blur_level_max=8.0)
SETTINGS = SampleSettings(STACK, 0, RendererRecord(RENDERER_VERSION, "0" * 64, "cpu"), "cpu")
CODEC = ImageCodec("png")

Disparity = npt.NDArray[np.float32]


def person_before_a_wall(number: int) -> Disparity:
    """Two slopes far from each other, [H, W]: between them is air, as in most portraits."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    wall = 0.3 * columns / WIDTH
    person = 0.7 + 0.3 * rows / HEIGHT
    middle = 35 + 4 * number
    inside = ((columns - middle) / 26) ** 2 + ((rows - 50) / 46) ** 2 < 1
    return np.where(inside, person, wall).astype(np.float32)


def samples(disparity: Callable[[int], Disparity] = person_before_a_wall) -> list[Sample]:
    """The first ten in train, the others in val."""
    return [_sample(number, disparity(number), "train" if number < 10 else "val") for number in range(SAMPLES)]


def _sample(number: int, disparity: Disparity, split: str) -> Sample:
    sha256 = hashlib.sha256(f"photo {number}".encode()).hexdigest()
    source = PhotoSource(sha256[:16], f"photo-{number}.png", f"/photos/{number}.png", sha256, "", "", "")
    map_ = DisparityMap(disparity, "relative", "1", "sidecar", "")
    photo = Photo(source, texture(seed=number), WIDTH, HEIGHT)
    return build_sample(f"{number:08d}", split, RgbdImage(photo, map_), SETTINGS)


def write(out: Path, content: Sequence[Sample]) -> Path:
    """A finished data set of these samples, lossless, one shard a split."""
    for split in sorted({sample.record.split for sample in content}):
        with ShardWriter(out, f"{split}-000000") as writer:
            for sample in content:
                if sample.record.split == split:
                    writer.add(sample.key, encode(sample, CODEC))
    write_index(out)
    told = {**dataclasses.asdict(STACK), "threads": 1, "image_format": CODEC.format}
    (out / ".meta" / "config.json").write_text(json.dumps(told))
    return out


def relabeled(sample: Sample, factor: float) -> Sample:
    """The same pictures, with K and all that follows from it `factor` times as large."""
    scaled = ("blur_scale_px", "blur_level", "blur_at_infinity_px", "radius_p95_px", "radius_max_px")
    frames = tuple(
        dataclasses.replace(frame, **{name: factor * getattr(frame, name) for name in scaled})
        for frame in sample.record.frames
    )
    return dataclasses.replace(sample, record=dataclasses.replace(sample.record, frames=frames))


def renamed(sample: Sample, key: str, split: str, scene: str) -> Sample:
    """The same photo as another scene of another split, a little brighter."""
    photo = dataclasses.replace(sample.record.photo, sha256=hashlib.sha256(scene.encode()).hexdigest())
    record = dataclasses.replace(sample.record, split=split, scene_id=scene, photo=photo)
    brighter = np.minimum(sample.aif.astype(np.int16) + 3, 255).astype(np.uint8)
    return dataclasses.replace(sample, key=key, aif=brighter, record=record)


class PlanesUniformInDisparity:
    """Draws focus points at even steps of disparity, as pipelines do that do not look where the pixels are."""

    def __enter__(self) -> None:
        rendering.sample_stack = self._draw

    def __exit__(self, *error: object) -> None:
        rendering.sample_stack = sample_stack

    @staticmethod
    def _draw(seed: int, scene_id: str, field: FocusField, stack: StackConfig, *lens: Any) -> SampledStack:
        """The pixel whose disparity is nearest to each step: a silhouette's soft pixels in the air between."""
        points, codes = [], field.codes
        for plane in range(stack.planes):
            wanted = 65535 * (plane + 0.5) / stack.planes
            nearest = int(np.abs(codes.astype(np.float64) - wanted).argmin())
            points.append(FocusPoint(*map(int, np.unravel_index(nearest, codes.shape))))
        levels_of: Callable[[int], tuple[float, ...]] = lens[0]
        return SampledStack(tuple(points), levels_of(stack.levels))
