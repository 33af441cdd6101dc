from __future__ import annotations

import base64
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipelines.errors import UserError
from pipelines.pictures.resizing import shrunk
from pipelines.preview.media import FRAME_BYTES, OWN_BYTES, QUALITY_STEPS, SAMPLE_BYTES, Beside, InPage, encoded, webp
from shards import encode
from tests.pipelines.preview.page_disparity import unpacked
from tests.pipelines.preview.stack_scene import stack_sample

SAMPLE = stack_sample()


def opened(url: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2])))


def test_the_best_rung_keeps_size_and_disparity() -> None:
    media = encoded(SAMPLE, QUALITY_STEPS[0])
    assert opened(media.photo).size == (120, 80)
    assert len(media.frames) == 6
    difference = np.asarray(opened(media.frames[2]).convert("RGB")).astype(int) - SAMPLE.frames[2]
    assert np.abs(difference).mean() < 8
    assert np.array_equal(unpacked(media.disparity["codes"], 80, 120), SAMPLE.disparity)
    assert media.size > sum(map(len, media.frames))


def test_rungs_go_down() -> None:
    noisy = np.random.default_rng(0).integers(0, 256, (600, 900, 3)).astype(np.uint8)
    sizes = [len(webp(shrunk(noisy, step.long_side), step.quality)) for step in QUALITY_STEPS]
    assert sizes == sorted(sizes, reverse=True)


def test_scaling_keeps_the_shape_and_never_enlarges() -> None:
    picture = np.zeros((30, 90, 3), np.uint8)
    assert shrunk(picture, 45).shape == (15, 45, 3)
    assert shrunk(picture, 90) is picture


def test_a_tight_budget_makes_pictures_smaller() -> None:
    """Pictures of a sample take 5408 bytes at their best and 4288 at their smallest, its labels some more."""
    labels = SAMPLE_BYTES + 6 * FRAME_BYTES
    roomy, tight = InPage(50_000_000, 4, [SAMPLE]), InPage(OWN_BYTES + 4 * (labels + 5000), 4, [SAMPLE])
    large = [roomy.add(stack_sample(i), {}) for i in range(4)]
    small = [tight.add(stack_sample(i), {}) for i in range(4)]
    assert sum(media.size for media in small) <= 4 * 5000 < sum(media.size for media in large)
    assert {media.shown for media in large} == {"WebP 88, 120 px"}
    assert "WebP 88, 120 px" not in {media.shown for media in small}


def test_a_budget_that_holds_nothing_is_said() -> None:
    with pytest.raises(UserError, match=r"--budget-mb must leave 0\.\d+ or more to each of 1000 samples; got 1 in all"):
        InPage(1_000_000, 1000, [SAMPLE]).add(SAMPLE, {})


def test_beside_lie_the_data_sets_own_bytes(tmp_path: Path) -> None:
    fields = encode(SAMPLE)
    store = Beside(tmp_path / "index.html")
    media = store.add(SAMPLE, fields)
    assert base64.b64decode(media.photo.removeprefix("data:image/jpeg;base64,")) == fields["aif.jpg"]
    assert [(tmp_path / frame).read_bytes() for frame in media.frames] == [fields[f"frame_0{i}.jpg"] for i in range(6)]
    assert store.payload(SAMPLE.key, {"name": "</script>"}) == ""
    script = (tmp_path / "media" / SAMPLE.key / "sample.js").read_text()
    start = 'globalThis.takeSample("00000000",'
    assert script.startswith(start)
    assert json.loads(script.removeprefix(start).removesuffix(");\n")) == {"name": "</script>"}
