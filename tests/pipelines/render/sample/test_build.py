from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from pipelines.errors import Rejection
from pipelines.render.config import StackConfig
from pipelines.render.depth.disparity_map import DisparityMap
from pipelines.render.photos.finding import find_photos
from pipelines.render.sample.build import SampleSettings, build_sample, dequantized, plan_sample, quantized
from pipelines.render.sample.rgbd import RgbdImage, builtin_rgbd
from shards.record import RendererRecord, SceneRecord
from shards.sample import Sample
from simulator import ThinLens, render_stack
from simulator.optics.color import srgb_to_linear
from simulator.scenes.catalog import SCENES_VERSION, builtin_scene
from simulator.scenes.look import CameraLook
from tests.pipelines.render.photos.photo_examples import photo_at
from tests.pipelines.tiny_photos import hill

STACK = StackConfig(planes=3, levels=2, blur_level_min=8.0, blur_level_max=20.0)
SETTINGS = SampleSettings(STACK, 5, RendererRecord("1", "0" * 64, "cpu"), "cpu")


def disparity_map(kind: str = "relative", *, low: float = 0.0, high: float = 1.0) -> DisparityMap:
    values = (low + (high - low) * hill(48, 64) / 65535.0).astype(np.float32)
    return DisparityMap(values, kind, {"relative": "1", "metric": "1/m"}[kind], "made", "1")  # type: ignore[arg-type]


def rgbd(disparity: DisparityMap | None = None) -> RgbdImage:
    return RgbdImage(photo_at(Path("a.jpg"), 48, 64, scale=2), disparity or disparity_map())


@pytest.fixture(scope="module")
def sample() -> Sample:
    return build_sample("00000003", "val", rgbd(), SETTINGS)


def test_the_frames_are_those_that_the_labels_ask_for(sample: Sample) -> None:
    """Who renders the stored photo at the stored disparity with the labels' lenses gets the stored frames."""
    lenses = [ThinLens(frame.focus_disparity, frame.blur_scale_px) for frame in sample.record.frames]
    image = srgb_to_linear(torch.from_numpy(sample.aif).permute(2, 0, 1) / 255)
    stack = render_stack(image, torch.from_numpy(sample.disparity_values().astype(np.float32)), lenses)
    again = np.rint(255 * linear_to_srgb_reference(stack.clamp(0, 1).numpy())).transpose(0, 2, 3, 1)
    # One step of 8 bits: the reference curve rounds differently at the border of two codes.
    assert np.abs(again - sample.frames).max() <= 1
    assert np.mean(again != sample.frames) < 0.001


def linear_to_srgb_reference(linear: np.ndarray) -> np.ndarray:
    """IEC 61966-2-1, written down a second time."""
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055)


def points(row: str, run: str = "") -> set[tuple[int, int]]:
    """(row, column) of the planes of a photo whose list and whose run give these focus points."""
    image = rgbd()
    image = replace(image, photo=replace(image.photo, source=replace(image.photo.source, focus_points=row)))
    plan = plan_sample(image, replace(SETTINGS, stack=replace(STACK, focus_points=run)))
    return {(frame.point.row, frame.point.column) for frame in plan.frames}


def test_focus_points_of_a_list_go_before_those_of_the_run() -> None:
    assert (24, 32) in points("0.5, 0.5")
    assert (24, 32) in points("", "0.5,0.5")
    assert points("0.5,0.5;0.1,0.2", "0.9,0.9") >= {(24, 32), (9, 6)}


@pytest.mark.parametrize("row", ["0.5", "nan,0.5", "1.5,0.5", "0.5,0.5;" * 4])
def test_focus_points_of_a_list_that_are_none_cost_their_photo(row: str) -> None:
    with pytest.raises(Rejection, match=r"draw/focus_point: focus_points of the list must .*; correct the row"):
        points(row)


def test_the_plane_in_focus_is_the_stored_disparity_at_the_focus_point(sample: Sample) -> None:
    stored = sample.disparity_values()
    for frame in sample.record.frames:
        row, column = int(frame.focus_y * 48), int(frame.focus_x * 64)
        assert (frame.focus_x, frame.focus_y) == ((column + 0.5) / 64, (row + 0.5) / 48)
        assert frame.focus_disparity == stored[row, column]


def test_radii_in_the_labels_are_those_of_the_stored_map(sample: Sample) -> None:
    for frame in sample.record.frames:
        radius = frame.blur_scale_px * np.abs(sample.disparity_values() - frame.focus_disparity)
        assert frame.radius_max_px == pytest.approx(radius.max(), rel=1e-6)
        assert frame.radius_p95_px == pytest.approx(np.quantile(radius, 0.95), rel=1e-6)
        # A pixel or two may lie within rounding of the limit.
        assert frame.in_focus_fraction == pytest.approx(np.mean(radius <= 1.0), abs=2 / radius.size)
        assert frame.blur_level == pytest.approx(100 * frame.blur_scale_px / 64)
        assert frame.blur_at_infinity_px == pytest.approx(frame.blur_scale_px * frame.focus_disparity)


def test_a_sample_is_level_major_and_a_group_shares_its_blur_level(sample: Sample) -> None:
    frames = sample.record.frames
    assert [frame.group for frame in frames] == [0, 0, 0, 1, 1, 1]
    assert len({frame.blur_level for frame in frames}) == 2
    assert frames[0].blur_level < frames[3].blur_level
    for plane in range(3):
        assert frames[plane].focus_disparity == frames[3 + plane].focus_disparity


def test_provenance_is_kept(sample: Sample) -> None:
    record = sample.record
    assert (sample.key, record.split, record.seed) == ("00000003", "val", 5)
    assert (record.photo.width, record.photo.height) == (128, 96)
    assert record.photo.sha256.startswith(record.scene_id)
    assert (record.disparity.source, record.disparity.source_revision) == ("made", "1")


def test_the_same_photo_gives_the_same_sample(sample: Sample) -> None:
    again = build_sample("00000003", "val", rgbd(), SETTINGS)
    assert np.array_equal(again.frames, sample.frames)
    assert again.record == sample.record


@pytest.mark.parametrize(
    ("kind", "low", "high"), [("relative", 0.0, 1.0), ("relative", 0.3, 0.4), ("metric", 0.2, 7.5)]
)
def test_sixteen_bits_lose_at_most_half_a_step(kind: str, low: float, high: float) -> None:
    disparity = disparity_map(kind, low=low, high=high)
    codes, record = quantized(disparity)
    # Half a step, and the rounding of float32, which metric values near 7.5 feel.
    assert np.abs(dequantized(codes, record) - disparity.values).max() <= 0.5 * record.scale + 1e-6
    assert (record.offset, record.scale) == (
        (0.0, 1 / 65535) if kind == "relative" else pytest.approx((low, 7.3 / 65535))
    )


def test_metric_blur_levels_are_drawn_over_the_photos_own_range() -> None:
    """A landscape within 0.01/m is blurred as much as a table top over 7/m; the label tells the lens."""
    largest = []
    for low, high in ((0.001, 0.011), (0.5, 7.5)):
        record = build_sample("00000000", "train", rgbd(disparity_map("metric", low=low, high=high)), SETTINGS).record
        largest.append([frame.radius_max_px for frame in record.frames])
        for frame in record.frames:
            assert frame.blur_level == pytest.approx(100 * frame.blur_scale_px / 64)
    assert largest[0] == pytest.approx(largest[1], rel=1e-3)  # two roundings to 16 bits
    assert max(largest[0]) <= 20.0 / 100 * 64


def test_a_map_of_another_size_is_our_own_mistake() -> None:
    with pytest.raises(ValueError, match=r"disparity must be \[48, 64\] like the photo, got \[10, 12\]"):
        RgbdImage(
            photo_at(Path("a.jpg"), 48, 64), DisparityMap(np.eye(10, 12, dtype=np.float32), "relative", "1", "x", "")
        )


def test_a_builtin_scene_becomes_a_sample_with_its_exact_disparity() -> None:
    photos, _ = find_photos("builtin:1", limit=None, seed=0)
    drawn = builtin_rgbd(photos[0], long_side=72, stack=STACK)
    sample = build_sample("00000000", "train", drawn, SETTINGS)
    assert sample.aif.shape == (40, 72, 3)  # 16:9
    assert (sample.record.disparity.source, sample.record.disparity.source_revision) == ("builtin", str(SCENES_VERSION))
    _, exact = drawn.layers.photo()
    assert np.abs(sample.disparity_values() - exact.numpy()).max() <= 0.5 / 65535 + 1e-6  # half a step, float32
    assert sample.record.photo.name == "builtin-000000"


def test_the_labels_name_a_builtin_scene_its_camera_and_its_look() -> None:
    photos, _ = find_photos("builtin:1", limit=None, seed=0)
    drawn = builtin_rgbd(photos[0], long_side=72, stack=STACK)
    label = build_sample("00000000", "train", drawn, SETTINGS).record.scene
    scene = builtin_scene(photos[0].builtin_seed, height=40, width=72)
    assert (label.kind, label.foreground, label.backdrop) == (scene.kind, scene.foreground, scene.backdrop)
    assert (label.version, label.mirrored) == (SCENES_VERSION, scene.view.is_mirrored)
    angles = np.deg2rad([label.yaw_deg, label.pitch_deg, label.roll_deg])
    assert angles == pytest.approx([scene.view.yaw, scene.view.pitch, scene.view.roll])
    assert label.focal_length == scene.view.focal
    look = {name: getattr(label, name) for name in vars(scene.look)}
    assert CameraLook(**look).white_balance == pytest.approx(scene.look.white_balance)
    # The margin, which differs, changes the metered light by rounding only.
    assert (label.exposure, label.toe) == pytest.approx((scene.look.exposure, scene.look.toe), abs=1e-5)


def test_a_photo_s_scene_has_nothing_but_defaults(sample: Sample) -> None:
    assert sample.record.scene == SceneRecord()


def test_a_builtin_scene_is_the_same_whatever_the_blur() -> None:
    """The margin grows with the strongest blur; the photo must not."""
    photos, _ = find_photos("builtin:1", limit=None, seed=0)
    weak, strong = (
        builtin_rgbd(photos[0], long_side=72, stack=StackConfig(blur_level_max=level)).photo.srgb
        for level in (1.0, 6.0)
    )
    assert np.array_equal(weak, strong)
