"""Lenses sampled from recipes, and the labels of the lens that a sample was taken with."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from pipelines.errors import Rejection, UserError
from pipelines.render.config import LensConfig, StackConfig
from pipelines.render.photos.exif import UNKNOWN_CAMERA, CameraTags
from pipelines.render.sample.build import SampleSettings, build_sample, plan_sample
from pipelines.render.sample.lens_recipes import LENS_RECIPES
from pipelines.render.sample.lens_sampling import (
    jpeg_compressed,
    read_aperture_mask,
    sample_jpeg_quality,
    sample_lens,
    with_sensor_noise,
)
from pipelines.render.sample.rgbd import RgbdImage
from shards.record import RendererRecord, SampleRecord
from simulator import Aperture
from simulator.optics.lens import ThinLens
from simulator.optics.sensor import SensorNoise
from tests.pipelines.render.sample.test_build import disparity_map, rgbd

SIZE = (64, 48)
STACK = StackConfig(planes=2, levels=2, blur_level_min=0.5, blur_level_max=6.0)


def settings_of(lens: LensConfig) -> SampleSettings:
    return SampleSettings(STACK, 5, RendererRecord("1", "0" * 64, "cpu"), "cpu", lens)


def drawn(name: str, scene: str = "a", camera: CameraTags = UNKNOWN_CAMERA):
    return sample_lens(1, scene, LensConfig(lens_recipe=name), camera, SIZE)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", LENS_RECIPES)
def test_every_value_lies_in_its_range_and_hangs_on_the_scene_alone(name: str) -> None:
    recipe = LENS_RECIPES[name]
    assert recipe.name == name
    for scene in "abcdefgh":
        lens = drawn(name, scene)
        assert lens == drawn(name, scene)
        assert lens.aperture.blades in recipe.blades
        for field in ("roundness", "obstruction", "spherical", "squeeze", "cat_eye"):
            low, high = recipe.aperture.get(field, (getattr(Aperture(), field),) * 2)
            assert low <= getattr(lens.aperture, field) <= high
        assert recipe.highlight_peak[0] <= lens.highlight.peak <= recipe.highlight_peak[1]
        quality = sample_jpeg_quality(1, scene, recipe, 0)
        assert recipe.jpeg_quality[0] <= quality <= recipe.jpeg_quality[1]
    if name != "plain":
        assert drawn(name, "a") != drawn(name, "b")


def test_plain_is_a_disc_with_nothing_added() -> None:
    lens = drawn("plain")
    assert lens.aperture == Aperture()
    assert lens.highlight.peak == 1.0
    assert lens.noise.full_well_electrons == 0.0


def test_the_photo_s_exif_names_the_lens_where_the_recipe_does_not() -> None:
    lens = drawn("plain", camera=CameraTags(50.0, 50.0, 2.0))
    assert lens.focal_length_mm == 50.0
    assert lens.sensor_width_mm == pytest.approx(math.hypot(36, 24) * 64 / math.hypot(64, 48))
    assert drawn("portrait-85mm", camera=CameraTags(50.0, 50.0, 2.0)).focal_length_mm == 85.0


def test_f_numbers_of_frames_are_those_that_their_blur_stands_for() -> None:
    """Focused at infinity an 85 mm lens at f/2 has K = 85² / 4 mm² in meters a diopter; under the assumed depths."""
    lens = drawn("portrait-85mm")
    diopters = 1 / 1.5 - 1 / 10
    levels = lens.blur_levels(1, "a", 3, diopters)
    assert levels == tuple(sorted(levels))
    for level in levels:
        k_metric_px = level / 100 * 64 / diopters
        expected = 85.0**2 / 2 / 1000 / 36 * 64 / k_metric_px
        infinity = ThinLens(-0.1 / diopters, level / 100 * 64)  # relative disparity of 0 diopters
        assert 1.4 <= expected <= 4.0
        metric = lens.recipe.depth.metric(infinity)  # type: ignore[union-attr]
        assert lens.f_number(ThinLens(max(metric.focus_disparity, 0.0), metric.blur_scale_px), True, 64) == (
            pytest.approx(expected, rel=1e-6)
        )
        assert lens.f_number(ThinLens(0.9, level / 100 * 64), False, 64) > expected  # the image distance grows


@pytest.mark.parametrize("name", LENS_RECIPES)
def test_a_sample_says_what_it_was_taken_with(name: str) -> None:
    sample = build_sample("00000003", "val", rgbd(), settings_of(LensConfig(lens_recipe=name)))  # type: ignore[arg-type]
    record = SampleRecord.from_json(sample.record.to_json())
    assert record == sample.record
    lens = sample_lens(5, record.scene_id, LensConfig(lens_recipe=name), UNKNOWN_CAMERA, SIZE)  # type: ignore[arg-type]
    assert record.lens.recipe == name
    assert record.aperture.squeeze == lens.aperture.squeeze
    assert record.aperture.focus_shift == lens.aperture.focus_shift  # relative disparity spans 1
    assert record.imaging.highlight_peak == lens.highlight.peak
    assert (record.lens.near_m > 0) == (record.frames[0].f_number > 0) == (name != "plain")
    assert (record.frames[0].jpeg_quality > 0) == (lens.recipe.jpeg_quality[1] > 0)
    whole = json.loads(sample.record.to_json())
    keys = {key: sorted(value) for key, value in whole.items() if isinstance(value, dict)}
    plain = build_sample("00000003", "val", rgbd(), settings_of(LensConfig()))
    others = json.loads(plain.record.to_json())
    assert keys == {key: sorted(value) for key, value in others.items() if isinstance(value, dict)}


def test_near_and_far_are_assumed_of_relative_disparity_alone() -> None:
    settings = settings_of(LensConfig(lens_recipe="portrait-85mm"))
    metric = build_sample("00000003", "val", rgbd(disparity_map("metric", low=0.2, high=0.5)), settings).record.lens
    assert metric.f_number > 0
    assert (metric.near_m, metric.far_m) == (0.0, 0.0)


def test_the_same_scene_gives_the_same_bytes_and_off_is_off() -> None:
    config = LensConfig(lens_recipe="phone")
    one, two = (build_sample("00000003", "val", rgbd(), settings_of(config)) for _ in range(2))
    assert np.array_equal(one.frames, two.frames)
    off = build_sample("00000003", "val", rgbd(), settings_of(dataclasses.replace(config, highlights="off")))
    assert off.record.imaging.highlight_peak == 1.0
    shoulder = build_sample("00000003", "val", rgbd(), settings_of(LensConfig(tone="shoulder")))
    assert shoulder.record.imaging.tone == "shoulder"


@pytest.mark.parametrize("scene", "abcd")
def test_red_and_blue_are_in_focus_on_the_same_side_of_green(scene: str) -> None:
    """The secondary spectrum of an achromat: purple fringes on one side of the focus, green ones on the other."""
    red, green, blue = drawn("vintage-swirl", scene).aperture.focus_shift
    assert green == 0.0
    assert red == blue < 0.0


@pytest.mark.parametrize(("least", "most", "expected"), [(0.3, 0.5, 0.5), (20.0, 25.0, 20.0)])
def test_levels_of_a_recipe_stay_within_the_flags(least: float, most: float, expected: float) -> None:
    """An 85 mm lens at f/1.4 to f/4 blurs by 0.6 % to 8 %: more than the one range holds, less than the other."""
    stack = StackConfig(planes=2, levels=2, blur_level_min=least, blur_level_max=most)
    settings = dataclasses.replace(settings_of(LensConfig(lens_recipe="portrait-85mm")), stack=stack)
    plan = plan_sample(rgbd(), settings)
    levels = [frame.lens.blur_level(max(plan.stored.shape)) for frame in plan.frames]
    assert levels == pytest.approx([expected] * 4)


@pytest.mark.parametrize("kind", ["metric", "relative"])
def test_f_numbers_are_blur_levels_by_the_thin_lens(kind: str) -> None:
    """K = f² / 2000 N mm a diopter, over 36 mm; the label of a frame focused at z is N z / (z - f)."""
    low, high = (0.1, 1.0) if kind == "metric" else (0.0, 1.0)  # 1 to 10 m, either way
    lens = LensConfig(focal_length=50.0, sensor_width=36.0, depth_meters="1,10" if kind == "relative" else "")
    settings = dataclasses.replace(settings_of(lens), stack=StackConfig(planes=4, f_number="1.8,4"))
    plan = plan_sample(RgbdImage(rgbd().photo, disparity_map(kind, low=low, high=high)), settings)
    assert [frame.group for frame in plan.frames] == [0] * 4 + [1] * 4
    span = float(np.ptp(plan.stored))  # 0.9 diopters, or 1
    for frame, n in zip(plan.frames, [4.0] * 4 + [1.8] * 4, strict=True):
        level = frame.lens.blur_level(max(plan.stored.shape)) * span
        assert level == pytest.approx(100 * 50**2 / (2000 * n) * 0.9 / 36, rel=1e-3)  # f/1.8: 1.74
        diopters = frame.lens.focus_disparity if kind == "metric" else 0.1 + 0.9 * frame.lens.focus_disparity
        assert frame.f_number == pytest.approx(n / (1 - 0.05 * diopters), rel=1e-3)


@pytest.mark.parametrize(("meters", "said"), [("", "that of this photo is relative"), ("0.01,10", "at most 25 can be")])
def test_f_numbers_without_a_blur_level_cost_their_photo(meters: str, said: str) -> None:
    lens = LensConfig(focal_length=50.0, sensor_width=36.0, depth_meters=meters)
    with pytest.raises(Rejection, match=said):
        plan_sample(rgbd(), dataclasses.replace(settings_of(lens), stack=StackConfig(f_number="1.4")))


def test_each_frame_has_noise_of_its_own() -> None:
    """Two equal frames: their noise has the sensor's deviation and does not correlate."""
    frames = torch.full((2, 3, 64, 64), 0.5)
    noise = SensorNoise(full_well_electrons=2000.0)
    first, second = with_sensor_noise(frames, noise, 1, "scene") - frames
    # 12,288 pixels: the deviation is known within 0.7 %, a correlation of none within 0.009; four times that.
    assert float(first.std()) == pytest.approx(math.sqrt(0.5 / 2000), rel=0.03)
    assert abs(float(np.corrcoef(first.flatten(), second.flatten())[0, 1])) < 0.036
    assert torch.equal(with_sensor_noise(frames, noise, 1, "scene")[1], frames[1] + second)
    assert not torch.equal(with_sensor_noise(frames, noise, 1, "other")[0], frames[0] + first)


def test_metric_depth_scales_the_fringes_to_its_unit() -> None:
    metric = RgbdImage(rgbd().photo, disparity_map("metric", low=0.2, high=2.2))
    config = LensConfig(lens_recipe="vintage-swirl")
    sample = build_sample("00000003", "val", metric, settings_of(config))
    share = sample_lens(5, sample.record.scene_id, config, UNKNOWN_CAMERA, SIZE).aperture.focus_shift[0]
    assert sample.record.aperture.focus_shift[0] == pytest.approx(2.0 * share, rel=1e-3)
    assert sample.record.frames[0].f_number > 0


def test_a_mask_from_a_png_and_what_is_none(tmp_path: Path) -> None:
    heart = np.zeros((20, 20), np.uint8)
    heart[5:15, 4:16] = 255
    cv2.imwrite(str(tmp_path / "mask.png"), heart)
    config = LensConfig(aperture_mask=tmp_path / "mask.png")
    sample = build_sample("00000003", "val", rgbd(), settings_of(config))
    assert sample.record.aperture.shape == "raster"
    assert sample.record.aperture.raster_sha256 == read_aperture_mask(tmp_path / "mask.png").sha256
    cv2.imwrite(str(tmp_path / "color.png"), np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(UserError, match=r"color.png cannot be used: raster must be one channel"):
        read_aperture_mask(tmp_path / "color.png")
    with pytest.raises(FileNotFoundError):  # for which the command line has a sentence
        read_aperture_mask(tmp_path / "none.png")


def test_compression_is_that_of_its_quality() -> None:
    rough = (torch.rand(40, 40, 3, generator=torch.Generator().manual_seed(1)) * 255).byte().numpy()
    errors = [float(np.abs(jpeg_compressed(rough, q).astype(int) - rough).mean()) for q in (98, 80, 40)]
    assert errors == sorted(errors)
    assert jpeg_compressed(rough, 0) is rough
    red = np.zeros((16, 16, 3), np.uint8)
    red[..., 0] = 200
    assert np.abs(jpeg_compressed(red, 95).astype(int) - red).max() < 6  # channels keep their order
