"""Soft depth of a photo with a clear silhouette, through to the sample: sharpened, labeled and stored as one map."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from pipelines.render.config import RenderConfig
from pipelines.render.depth.disparity_map import DisparityMap, with_sharp_edges
from pipelines.render.executors import worker
from pipelines.render.photos.photo import Photo
from pipelines.render.run import render
from shards.reader import read_shards
from shards.sample import Sample
from shards.validate import validate
from simulator.optics.lens import ThinLens
from tests.pipelines.render.photos.photo_examples import source_at
from tests.pipelines.tiny_photos import tar_sums

HEIGHT, WIDTH, EDGE = 72, 96, 48
Array = NDArray[np.float32]


def photo_pixels() -> NDArray[np.uint8]:
    """A rough orange thing before a rough blue wall; the silhouette is a column."""
    rough = np.random.default_rng(0).uniform(0.8, 1.2, (HEIGHT, WIDTH, 1))
    near = np.arange(WIDTH) >= EDGE
    return (np.where(near[:, None], [200, 110, 50], [60, 110, 160]) * rough).astype(np.uint8)


def exact(edge: int = EDGE) -> Array:
    """Near and far with a slope on both, so that planes can be drawn in many depths."""
    near = np.where(np.arange(WIDTH) >= edge, 0.6, 0.0)
    return (near + 0.4 * np.arange(HEIGHT)[:, None] / (HEIGHT - 1)).astype(np.float32)


def soft(shift_px: int = 1) -> Array:
    return cv2.GaussianBlur(exact(EDGE + shift_px), (0, 0), 2.0, borderType=cv2.BORDER_REPLICATE)


def photo() -> Photo:
    return Photo(source_at(Path("a.png")), photo_pixels(), WIDTH, HEIGHT)


def found(values: Array) -> DisparityMap:
    return DisparityMap(values.clip(0, 1), "relative", "1", "made", "1")


@pytest.fixture
def soft_config(tiny_config: RenderConfig) -> RenderConfig:
    """One photo whose sidecar is soft and a pixel off."""
    folder = Path(tiny_config.source.photos)
    for path in folder.iterdir():
        path.unlink()
    cv2.imwrite(str(folder / "a.png"), photo_pixels()[..., ::-1])
    inner = soft()
    cv2.imwrite(str(folder / "a.disparity.png"), np.rint(65535 * inner / inner.max()).astype(np.uint16))
    return dataclasses.replace(tiny_config, source=dataclasses.replace(tiny_config.source, long_side=WIDTH))


def unsharpened(config: RenderConfig) -> RenderConfig:
    depth = dataclasses.replace(config.depth, sharpen_depth=False)
    return dataclasses.replace(config, depth=depth, out=config.out.with_name("unsharpened"))


def only_sample(config: RenderConfig) -> Sample:
    render(config)
    (sample,) = read_shards(config.out, seed=None)
    return sample


def widest_ramp_px(disparity: NDArray[np.float64]) -> int:
    """Pixels of a row that belong to neither side."""
    level = (disparity - disparity[:, :8].mean(1, keepdims=True)) / np.ptp(disparity, axis=1, keepdims=True)
    return int(((level > 0.1) & (level < 0.9))[8:-8].sum(1).max())


def test_a_soft_edge_becomes_the_photos() -> None:
    result = with_sharp_edges(found(soft()), photo())
    assert (result.edges, result.kind, result.source, result.source_revision) == ("sharpened", "relative", "made", "1")
    wrong = np.abs(result.values - exact())[8:-8] > 0.1
    assert wrong.mean() < 0.003  # a third of a pixel in a row of 96
    assert (np.abs(soft() - exact())[8:-8] > 0.1).mean() > 0.03


def test_a_sharp_map_is_the_very_same_record() -> None:
    came = found(exact())
    assert with_sharp_edges(came, photo()) is came


def test_the_sample_holds_the_sharp_map_and_says_so(soft_config: RenderConfig) -> None:
    sample, without = only_sample(soft_config), only_sample(unsharpened(soft_config))
    assert (sample.record.disparity.edges, without.record.disparity.edges) == ("sharpened", "as_is")
    assert widest_ramp_px(sample.disparity_values()) <= 1
    assert widest_ramp_px(without.disparity_values()) >= 4
    assert json.loads(sample.record.to_json())["disparity"]["edges"] == "sharpened"
    assert validate(soft_config.out).complaints == ()


def test_labels_are_those_of_the_sharp_map(soft_config: RenderConfig) -> None:
    sample = only_sample(soft_config)
    stored = sample.disparity_values()
    for frame in sample.record.frames:
        row, column = int(frame.focus_y * HEIGHT), int(frame.focus_x * WIDTH)
        assert frame.focus_disparity == stored[row, column]
        lens = ThinLens(frame.focus_disparity, frame.blur_scale_px)
        radius_px = lens.blur_scale_px * np.abs(stored - lens.focus_disparity)
        assert frame.in_focus_fraction == pytest.approx(np.mean(radius_px <= 1.0), abs=2 / stored.size)
        assert frame.radius_max_px == pytest.approx(radius_px.max(), rel=1e-6)


def test_the_same_bytes_again(soft_config: RenderConfig) -> None:
    render(soft_config)
    again = dataclasses.replace(soft_config, out=soft_config.out.with_name("again"))
    render(again)
    assert tar_sums(again.out) == tar_sums(soft_config.out)


def test_builtin_scenes_never_come_by(tiny_config: RenderConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> DisparityMap:
        raise AssertionError("exact disparity must not be touched")

    monkeypatch.setattr(worker, "with_sharp_edges", never)
    config = dataclasses.replace(tiny_config, source=dataclasses.replace(tiny_config.source, photos="builtin:1"))
    assert only_sample(config).record.disparity.edges == "as_is"
