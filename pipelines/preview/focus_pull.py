"""A focus pull as an animated GIF: one sample's strongest blur level, from the far plane to the near one and back."""

from pathlib import Path

import numpy as np
from PIL import Image

from pipelines.errors import UserError
from pipelines.pictures.resizing import shrunk
from pipelines.preview.media import Picture
from pipelines.preview.stored import StoredSample, Unreadable, find_stored, readable
from shards.sample import Sample

LONG_SIDE = 480
HOLD_MS, FADE_MS = 500, 60
FADE_STEPS = 4


def write_focus_pull(out: Path, key: str) -> Path:
    """Write OUT/preview/KEY.gif. Raises UserError when the data set has no such sample, or it is damaged."""
    stored, _ = find_stored(out)
    sample = _decoded(out, key, stored)
    path = out / "preview" / f"{key}.gif"
    path.parent.mkdir(exist_ok=True)
    pictures, durations = focus_pull(sample)
    images = [Image.fromarray(picture) for picture in pictures]
    images[0].save(path, save_all=True, append_images=images[1:], duration=durations, loop=0, optimize=True)
    return path


def _decoded(out: Path, key: str, stored: list[StoredSample]) -> Sample:
    mine = [entry for entry in stored if entry.key == key]
    if not mine:
        raise UserError(f"--gif {key}: {out} has no such sample; its keys go from {stored[0].key} to {stored[-1].key}")
    entry = next(readable(mine))
    if isinstance(entry, Unreadable):
        raise UserError(f"--gif {key}: {entry.reason}; see `refocus-foundry verify {out}`", exit_code=1)
    return entry[1]


def focus_pull(sample: Sample) -> tuple[list[Picture], list[int]]:
    """Pictures and their milliseconds: every plane is held, with a short cross-fade to the next."""
    frames, planes = sample.record.frames, sample.record.planes
    level = max(range(sample.record.levels), key=lambda group: frames[group * planes].blur_scale_px)
    order = sorted(range(level * planes, (level + 1) * planes), key=lambda i: frames[i].focus_disparity)
    pull = [shrunk(sample.frames[i], LONG_SIDE) for i in [*order, *order[-2:0:-1]]]
    pictures, durations = [], []
    for now, following in zip(pull, [*pull[1:], pull[0]], strict=True):
        pictures.append(now)
        durations.append(HOLD_MS)
        for step in range(1, FADE_STEPS):
            share = step / FADE_STEPS
            faded = (1 - share) * now.astype(np.float32) + share * following
            pictures.append(np.rint(faded).astype(np.uint8))
            durations.append(FADE_MS)
    return pictures, durations
