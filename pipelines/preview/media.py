"""The pictures of a sample for the page: re-encoded into it within a budget of bytes, or beside it as they are stored.

Inside the page samples get the largest and best pictures, by QUALITY_STEPS, that will fit what is left of the budget.
"""

import io
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image

from pipelines.errors import UserError
from pipelines.pictures.data_url import data_url
from pipelines.pictures.resizing import shrunk
from pipelines.preview.disparity_code import packed, thinned
from pipelines.preview.embedded import embedded_json
from shards.durable import write_durably
from shards.sample import Sample

THUMB_LONG_SIDE = 320
THUMB_QUALITY = 72
MEGABYTE = 1_000_000
MEDIA_FOLDER = "media"
OWN_BYTES = 260_000
"""Of the budget, for the page's own files and its report without pictures."""
SAMPLE_BYTES, FRAME_BYTES = 3000, 320
"""Labels and names of a sample, and of each of its frames, as they stand in the page."""

Picture = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class QualityStep:
    """One step of the pictures' quality in the page."""

    long_side: int
    quality: int
    stride_long_side: int
    """Disparity keeps at least half of this many pixels on its long side: strides are whole numbers."""


QUALITY_STEPS = (
    QualityStep(2048, 88, 4096),
    QualityStep(1280, 86, 2048),
    QualityStep(1024, 84, 1024),
    QualityStep(768, 82, 768),
    QualityStep(640, 76, 512),
    QualityStep(512, 70, 384),
    QualityStep(448, 62, 320),
    QualityStep(384, 54, 256),
    QualityStep(320, 46, 192),
    QualityStep(256, 36, 128),
)


@dataclass(frozen=True)
class Media:
    """A sample's pixels for the page: URLs in the frames' order, and packed disparity."""

    thumb: str
    photo: str
    frames: tuple[str, ...]
    disparity: dict[str, Any]  # codes (packed text), width, height, stride
    shown: str  # how the pictures compare with those of the data set

    @property
    def size(self) -> int:
        """Bytes that it takes in the page."""
        return sum(map(len, (self.thumb, self.photo, *self.frames, self.disparity["codes"])))


class MediaStore(Protocol):
    """Takes the page's pictures, into the page or beside it."""

    def add(self, sample: Sample, fields: dict[str, bytes]) -> Media:
        """Take in one sample."""

    def payload(self, key: str, content: dict[str, Any]) -> str:
        """The text that the page embeds for the content of a sample; "" when the content lies beside the page."""


class InPage:
    """Everything inside the page, at most `budget_bytes` of it over `samples` samples.

    `probes` stand for all samples: all samples get the best step that fits by their mean size, to look alike.
    `taken_bytes`: bytes of the budget that other pictures of the page take.
    """

    def __init__(self, budget_bytes: int, samples: int, probes: Sequence[Sample], *, taken_bytes: int = 0) -> None:
        self._budget, self._all, self._probes = budget_bytes, samples, probes
        self._left, self._samples = budget_bytes - OWN_BYTES - taken_bytes, samples
        self._expected = lru_cache(self._mean_size)

    def add(self, sample: Sample, fields: dict[str, bytes]) -> Media:
        """Raises UserError when even the smallest pictures do not fit."""
        labels = SAMPLE_BYTES + FRAME_BYTES * len(sample.frames)
        share = self._left // max(1, self._samples) - labels
        fitting = (step for step in QUALITY_STEPS if self._expected(step) <= share)
        media = encoded(sample, next(fitting, QUALITY_STEPS[-1]))
        for step in fitting:
            if media.size <= self._left - labels:
                break
            media = encoded(sample, step)
        begins = self._samples == self._all
        if media.size > self._left - labels or (begins and self._expected(QUALITY_STEPS[-1]) > share):
            least_mb = (self._expected(QUALITY_STEPS[-1]) + labels) / MEGABYTE
            raise UserError(
                f"--budget-mb must leave {least_mb:.3f} or more to each of "
                f"{self._all} samples; got {self._budget / MEGABYTE:g} in all; raise it, show fewer with --limit, "
                "or use --linked"
            )
        self._left -= media.size + labels
        self._samples -= 1
        return media

    def _mean_size(self, step: QualityStep) -> float:
        return sum(encoded(sample, step).size for sample in self._probes) / len(self._probes)

    def payload(self, key: str, content: dict[str, Any]) -> str:
        """In the page."""
        return embedded_json(content)


class Beside:
    """The data set's own bytes in a folder beside the page: nothing is encoded again."""

    def __init__(self, page: Path) -> None:
        self._folder = page.parent / MEDIA_FOLDER
        shutil.rmtree(self._folder, ignore_errors=True)  # of an earlier page

    def add(self, sample: Sample, fields: dict[str, bytes]) -> Media:
        folder = self._folder / sample.key
        folder.mkdir(parents=True)
        frames = sorted(name for name in fields if name.startswith("frame_"))
        for name in frames:
            (folder / name).write_bytes(fields[name])
        (folder / "thumb.webp").write_bytes(thumbnail(sample.aif))
        here = f"{MEDIA_FOLDER}/{sample.key}"
        photo = next(name for name in fields if name.startswith("aif."))
        return Media(
            thumb=f"{here}/thumb.webp",
            # in the script: a page that was opened from disk may show a picture beside it, but not read its pixels
            photo=data_url(f"image/{photo.removeprefix('aif.').replace('jpg', 'jpeg')}", fields[photo]),
            frames=tuple(f"{here}/{name}" for name in frames),
            disparity=_disparity(sample, 1),
            shown="the data set's own files",
        )

    def payload(self, key: str, content: dict[str, Any]) -> str:
        """A script beside the page: a page that was opened from disk may read no other kind of file."""
        script = f"globalThis.takeSample({embedded_json(key)},{embedded_json(content)});\n"
        write_durably(self._folder / key / "sample.js", script.encode("ascii"))
        return ""


def encoded(sample: Sample, step: QualityStep) -> Media:
    """The sample's pictures as data URLs."""
    height, width = sample.disparity.shape
    pictures = [
        data_url("image/webp", webp(shrunk(p, step.long_side), step.quality)) for p in (sample.aif, *sample.frames)
    ]
    side = min(step.long_side, max(height, width))
    return Media(
        thumb=data_url("image/webp", thumbnail(sample.aif)),
        photo=pictures[0],
        frames=tuple(pictures[1:]),
        disparity=_disparity(sample, max(1, round(max(height, width) / step.stride_long_side))),
        shown=f"WebP {step.quality}, {side} px" + (f" of {max(height, width)}" if side < max(height, width) else ""),
    )


def _disparity(sample: Sample, stride: int) -> dict[str, Any]:
    codes = thinned(sample.disparity, stride)
    return {"codes": packed(codes), "height": codes.shape[0], "width": codes.shape[1], "stride": stride}


def thumbnail(srgb: Picture) -> bytes:
    return webp(shrunk(srgb, THUMB_LONG_SIDE), THUMB_QUALITY)


def webp(srgb: Picture, quality: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(srgb).save(file, "WEBP", quality=quality, method=2)
    return file.getvalue()
