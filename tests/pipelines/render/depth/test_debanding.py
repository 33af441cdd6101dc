"""Depth maps of 8 bits through to the sample: smoothed, stored and labeled as one map; the json and the run say so."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from pipelines.render.config import RenderConfig
from pipelines.render.depth.disparity_map import RawDepth, disparity_map
from pipelines.render.result import RenderResult
from pipelines.render.run import run
from shards.reader import read_shards
from shards.sample import Sample
from shards.validate import validate

HEIGHT, WIDTH = 72, 96
ROWS, COLUMNS = np.mgrid[:HEIGHT, :WIDTH]
SLOPE = 60.0 + 0.52 * COLUMNS + 0.37 * ROWS  # in steps of 8 bits
SLOPE[:20] += 100.0


def config_with_map(config: RenderConfig, codes: NDArray[np.uint8] | NDArray[np.uint16]) -> RenderConfig:
    """One rough photo with this sidecar."""
    folder = Path(config.source.photos)
    for path in folder.iterdir():
        path.unlink()
    rough = np.random.default_rng(0).integers(40, 215, (HEIGHT, WIDTH, 3), np.uint8)
    cv2.imwrite(str(folder / "a.png"), rough)
    cv2.imwrite(str(folder / "a.disparity.png"), codes)
    return dataclasses.replace(config, source=dataclasses.replace(config.source, long_side=WIDTH))


def banded(config: RenderConfig) -> RenderConfig:
    depth = dataclasses.replace(config.depth, deband_depth=False)
    return dataclasses.replace(config, depth=depth, out=config.out.with_name("banded"))


def rendered(config: RenderConfig) -> tuple[RenderResult, Sample]:
    result = run(config)
    assert isinstance(result, RenderResult)
    (sample,) = read_shards(config.out, seed=None)
    return result, sample


def raw(values: NDArray[np.float32], kind: str = "relative", quantity: str = "disparity") -> RawDepth:
    return RawDepth(torch.from_numpy(values), quantity, kind, "made", "1")  # type: ignore[arg-type]


def test_the_sample_holds_the_smooth_map_and_says_so(tiny_config: RenderConfig) -> None:
    codes = SLOPE.round().astype(np.uint8)
    config = config_with_map(tiny_config, codes)
    (result, sample), (kept_result, kept) = rendered(config), rendered(banded(config))
    levels = len(np.unique(codes))
    assert (sample.record.disparity.quantization_levels, sample.record.disparity.steps) == (levels, "debanded")
    assert (kept.record.disparity.quantization_levels, kept.record.disparity.steps) == (levels, "as_is")
    assert len(np.unique(kept.disparity)) <= levels < len(np.unique(sample.disparity)) / 4
    assert (result.coarse_depth_maps, result.debanded_depth_maps) == (1, 1)
    assert (kept_result.coarse_depth_maps, kept_result.debanded_depth_maps) == (1, 0)
    assert "levels or fewer: in 1 of 1 sample; the steps of 1 were smoothed" in result.summary()
    assert "the steps of 0 were smoothed" in kept_result.summary()
    assert result.to_json()["debanded_depth_maps"] == 1
    assert validate(config.out).complaints == ()


def test_labels_are_those_of_the_smooth_map(tiny_config: RenderConfig) -> None:
    _, sample = rendered(config_with_map(tiny_config, SLOPE.round().astype(np.uint8)))
    stored = sample.disparity_values()
    for frame in sample.record.frames:
        assert frame.focus_disparity == stored[int(frame.focus_y * HEIGHT), int(frame.focus_x * WIDTH)]
        radius_px = frame.blur_scale_px * np.abs(stored - frame.focus_disparity)
        assert frame.radius_max_px == pytest.approx(radius_px.max(), rel=1e-6)


def test_a_map_of_sixteen_bits_is_untouched_and_not_spoken_of(tiny_config: RenderConfig) -> None:
    codes = (SLOPE * 200).round().astype(np.uint16)
    config = config_with_map(tiny_config, codes)
    (result, sample), (_, kept) = rendered(config), rendered(banded(config))
    assert np.array_equal(sample.disparity, kept.disparity)
    assert (sample.record.disparity.quantization_levels, sample.record.disparity.steps) == (
        len(np.unique(codes)),
        "as_is",
    )
    assert result.coarse_depth_maps == 0
    assert "levels or fewer" not in result.summary()


def test_exact_disparity_has_no_levels(tiny_config: RenderConfig) -> None:
    config = dataclasses.replace(tiny_config, source=dataclasses.replace(tiny_config.source, photos="builtin:1"))
    result, sample = rendered(config)
    assert (sample.record.disparity.quantization_levels, sample.record.disparity.steps) == (0, "as_is")
    assert result.coarse_depth_maps == 0


def gray(height: int, width: int) -> NDArray[np.uint8]:
    """A photo without contrast."""
    return np.full((height, width, 3), 128, np.uint8)


def test_few_flat_depths_are_counted_and_left(tiny_config: RenderConfig) -> None:
    cutouts = np.array([0.0, 0.5, 1.0], np.float32)[COLUMNS // 32]
    found = disparity_map(raw(cutouts), gray(HEIGHT, WIDTH))
    assert (found.quantization_levels, found.steps) == (3, "as_is")
    assert np.array_equal(found.values, cutouts)


def test_steps_are_dissolved_before_a_map_is_enlarged() -> None:
    """Enlarged steps are short ramps between flats: neither levels nor intervals could be read off them."""
    small = SLOPE[20::2, ::2].round().astype(np.float32)
    exact = cv2.resize(SLOPE[20::2, ::2], None, fx=4, fy=4, interpolation=cv2.INTER_LINEAR)
    found = disparity_map(raw(small, "metric"), gray(*exact.shape)).values
    kept = disparity_map(raw(small, "metric"), gray(*exact.shape), deband=False).values
    inner = (slice(24, -24), slice(24, -24))
    assert np.abs(found - exact)[inner].max() < 0.1 < 0.4 < np.abs(kept - exact)[inner].max()


def test_metric_depth_is_debanded_in_meters_and_keeps_its_holes() -> None:
    step_m = np.float32(0.05)
    depth_m = (SLOPE.round() - 67).astype(np.float32) * step_m  # 0, a hole, beside a depth of one step
    depth_m[40:44, 40:44] = 0.0
    found = disparity_map(raw(depth_m, "metric", "depth"), gray(HEIGHT, WIDTH))
    assert found.steps == "debanded"
    holes = depth_m == 0
    np.testing.assert_array_equal(found.known, ~holes)
    assert (np.abs(1.0 / found.values[~holes] - depth_m[~holes]) <= 0.501 * step_m).all()
    error_m = 1.0 / found.values[40:-14, 60:-14] - step_m * (SLOPE - 67)[40:-14, 60:-14]
    assert np.abs(error_m).max() < 0.15 * step_m


def test_metric_disparity_stays_positive() -> None:
    codes = np.maximum(SLOPE - 90, 0).round().astype(np.float32) * np.float32(0.01)
    found = disparity_map(raw(codes, "metric"), gray(HEIGHT, WIDTH))
    assert found.steps == "debanded"
    assert found.values.min() == 0
