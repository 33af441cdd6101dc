"""One item out of a stored sample: that labels and pictures still agree."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pipelines.train.batch import collate
from pipelines.train.blurred_references import BlurredReferences
from pipelines.train.config import DataConfig, ObjectiveConfig
from pipelines.train.group import TrainingGroup, draw_framing, draw_time, read_group
from pipelines.train.wrong_labels import labeled_pictures
from shards import DisparityRecord, FieldError, Sample, SampleAccess, StoredFields, encode, find_shards, read_shards
from tests.shards.synthetic import make_sample

DATA = DataConfig(data=Path("unused"), width=48, height=32, outside_focus=0.0)
OBJECTIVE = ObjectiveConfig(depth_noise=0.0)


def item(sample: Sample, seed: int = 0, **changes: Any) -> TrainingGroup:
    draws = np.random.default_rng(seed)
    return read_group(sample.key, encode(sample), draws, replace(DATA, **changes), OBJECTIVE)


@pytest.fixture(scope="session")
def sample(scenes: Path) -> Sample:
    return next(read_shards(scenes, seed=None))


def test_a_photo_is_one_target_whatever_the_number_of_targets(sample: Sample) -> None:
    """And its reference may be any frame of the stack."""
    photo = replace(OBJECTIVE, predict="photo")
    group = read_group("k", encode(sample), np.random.default_rng(1), replace(DATA, targets=3, aif_share=0.0), photo)
    assert group.targets.shape[0] == group.focus_point.shape[0] == group.point_disparity.shape[0] == 1
    assert group.focus_disparity.shape == (1,)
    assert group.is_unconditional
    np.testing.assert_array_equal(group.targets[0], group.aif)
    assert group.own_blur_scale_px > 0


def test_an_item_is_a_function_of_sample_and_draws(sample: Sample) -> None:
    first, again, other = item(sample, 3), item(sample, 3), item(sample, 4)
    for name, value in vars(first).items():
        np.testing.assert_array_equal(value, getattr(again, name))
    assert first.noise_seed != other.noise_seed


def test_half_of_the_references_get_noise_of_their_own_strength(sample: Sample) -> None:
    objective = replace(OBJECTIVE, photo_noise=10.0)
    groups = [read_group("k", encode(sample), np.random.default_rng(i), DATA, objective) for i in range(40)]
    strengths = np.array([group.photo_noise for group in groups])
    assert 8 < (strengths == 0).sum() < 32
    assert strengths.max() <= 10.0
    noisy = groups[int(strengths.argmax())]
    batch = collate([(noisy, ()), (replace(noisy, photo_noise=0.0), ())]).to("cpu")
    grain = (batch.reference[0] - batch.reference[1])[batch.reference[1].abs() < 0.7]  # not clamped
    assert float(grain.std()) * 127.5 == pytest.approx(noisy.photo_noise, rel=0.1)
    assert torch.equal(collate([(noisy, ())]).to("cpu").reference[0], batch.reference[0])


def test_shapes_and_ranges(sample: Sample) -> None:
    group = item(sample, targets=3)
    assert group.reference.shape == group.aif.shape == (3, 32, 48)
    assert group.targets.shape == (3, 3, 32, 48)
    assert group.disparity.shape == (32, 48)
    assert group.focus_point.shape == (3, 2)
    for picture in (group.reference, group.targets):
        assert picture.dtype == np.uint8
        assert picture.min() < 100 < 150 < picture.max()
    assert 0 <= group.disparity.min() < group.disparity.max() <= 1
    assert 0 < group.time < 1


@pytest.mark.parametrize("redraw", [0.0, 1.0])
def test_what_is_pointed_at_is_the_plane_in_focus(sample: Sample, redraw: float) -> None:
    """The disparity under the point, in the item's own map, is the plane within the band, whatever crop and mirror.

    A stored point is a pixel of the photo; the item's pixel around it also holds its neighbors.
    """
    offsets, stored = [], 0
    for seed in range(40):
        group = item(sample, seed, redraw_focus=redraw)
        for (x, y), plane, told in zip(group.focus_point, group.focus_disparity, group.point_disparity, strict=True):
            assert 0 < x < 1
            assert 0 < y < 1
            shown = group.disparity[int(y * 32), int(x * 48)]
            offsets.append(group.blur_scale_px * abs(shown - plane))
            stored += int(told == plane)
            assert told in (plane, shown)
    assert stored < 10 if redraw else stored > 30  # of 80; the rest was cropped away, and drawn anew
    if redraw:
        assert np.mean(np.array(offsets) <= DATA.focus_band_px * 1.01) > 0.97  # the rest had no pixel in the band
    else:
        assert np.median(offsets) < 0.25
        assert np.percentile(offsets, 80) < 0.8


def test_redrawn_points_are_spread_over_the_band(sample: Sample) -> None:
    points = {tuple(item(sample, seed, redraw_focus=1.0, least_crop=1.0).focus_point[0]) for seed in range(30)}
    assert len(points) > 20


def test_mirrored_and_cropped_targets_are_the_stored_frames(sample: Sample) -> None:
    """At the photo's own size the target is, pixel by pixel, a stored frame or its mirror image."""
    height, width = sample.aif.shape[:2]
    frames = sample.frames.astype(np.float32).transpose(0, 3, 1, 2)
    size = {"width": width, "height": height, "least_crop": 1.0, "redraw_focus": 0.0}
    mirrored = set()
    stored = encode(sample)
    for seed in range(12):
        group = read_group(sample.key, stored, np.random.default_rng(seed), replace(DATA, **size), OBJECTIVE)
        for target, (x, y), plane in zip(group.targets, group.focus_point, group.focus_disparity, strict=True):
            labels = [f for f in sample.record.frames if abs(f.blur_level - group.blur_level) < 1e-6]
            label = min(labels, key=lambda f: abs(f.focus_disparity - plane))
            frame = frames[sample.record.frames.index(label)]
            is_mirrored = abs(x - label.focus_x) > 1e-6
            mirrored.add(is_mirrored)
            assert (1 - x if is_mirrored else x) == pytest.approx(label.focus_x, abs=1e-6)
            assert y == pytest.approx(label.focus_y, abs=1e-6)
            # Stored as JPEG: the decoded frame differs a little from the rendered one.
            decoded = target[:, :, ::-1] if is_mirrored else target
            assert np.abs(decoded - frame).mean() < 4.0
    assert mirrored == {False, True}


def test_blur_level_is_of_the_crop_s_long_side(sample: Sample) -> None:
    """K' = 100-th of blur level times 48 px, and enlarging by the crop makes the level grow by as much."""
    labels = {round(frame.blur_level, 6) for frame in sample.record.frames}
    grown = []
    for seed in range(30):
        group = item(sample, seed, least_crop=0.5)
        assert group.blur_scale_px == pytest.approx(group.blur_level / 100 * 48)
        grown.append(min((group.blur_level / level for level in labels if group.blur_level / level > 0.999), default=0))
    assert min(grown) >= 0.999
    assert max(grown) > 1.3
    # Uncropped the level is the label's; 48 x 32 out of 64 x 43 px leaves out a rounded row or column.
    for seed in range(8):
        level = item(sample, seed, least_crop=1.0).blur_level
        assert min(abs(level / label - 1) for label in labels) < 0.02


def test_targets_are_different_frames_of_one_group_and_never_the_reference(sample: Sample) -> None:
    for seed in range(20):
        group = item(sample, seed, aif_share=0.0, least_crop=1.0)
        assert not np.array_equal(group.targets[0], group.targets[1])
        assert len(set(group.focus_disparity.tolist())) == 2
        assert not any(np.array_equal(group.reference, target) for target in group.targets)
        assert not np.array_equal(group.reference, group.aif)
    assert np.array_equal(item(sample, 0, aif_share=1.0).reference, item(sample, 0, aif_share=1.0).aif)


def test_focus_may_lie_outside_the_crop_only_where_depth_is_told(sample: Sample) -> None:
    outside = 0
    for seed in range(60):
        group = item(sample, seed, least_crop=0.4, outside_focus=1.0, redraw_focus=0.0)
        is_outside = ((group.focus_point < 0) | (group.focus_point > 1)).any()
        outside += int(is_outside)
        assert not (is_outside and group.is_depth_dropped)
    assert outside > 5


def test_depth_and_condition_are_withheld_as_often_as_asked(sample: Sample) -> None:
    objective = replace(OBJECTIVE, depth_dropout=0.5, condition_dropout=0.25)
    stored = encode(sample)
    groups = [read_group(sample.key, stored, np.random.default_rng(seed), DATA, objective) for seed in range(60)]
    # Binomial: three standard deviations of 60 draws are 12 and 10.
    assert sum(group.is_depth_dropped for group in groups) == pytest.approx(30, abs=13)
    assert sum(group.is_unconditional for group in groups) == pytest.approx(15, abs=11)
    never = replace(OBJECTIVE, depth_dropout=0.0, condition_dropout=0.0)
    assert not any(
        group.is_depth_dropped or group.is_unconditional
        for group in (read_group(sample.key, stored, np.random.default_rng(s), DATA, never) for s in range(30))
    )


def test_metric_disparity_is_stretched_and_blur_stays() -> None:
    """D in 1/m from 0.5 to 4.5: in the item it spans [0, 1], and K·|D − D_i| in pixels is what the labels say."""
    plain = make_sample(0, width=48, height=32)
    scale = 4.0 / 65535
    frames = tuple(
        replace(
            frame,
            focus_disparity=0.5 + 4.0 * frame.focus_disparity,
            blur_scale_px=frame.blur_scale_px / 4,
            blur_level=frame.blur_level / 4,
            blur_at_infinity_px=frame.blur_scale_px / 4 * (0.5 + 4.0 * frame.focus_disparity),
        )
        for frame in plain.record.frames
    )
    record = replace(plain.record, disparity=DisparityRecord("metric", "1/m", scale, 0.5, "made", ""), frames=frames)
    metric = Sample(plain.key, plain.aif, plain.disparity, plain.valid, plain.frames, record)
    for seed in range(4):
        one, other = item(plain, seed), item(metric, seed)
        np.testing.assert_allclose(other.disparity, one.disparity, atol=1e-6)
        np.testing.assert_allclose(other.focus_disparity, one.focus_disparity, atol=1e-6)
        assert other.blur_scale_px == pytest.approx(one.blur_scale_px)
        assert other.blur_level == pytest.approx(one.blur_level)


@pytest.mark.parametrize("is_large", [False, True])
def test_times_are_logit_normal_and_larger_pictures_get_more_noise(is_large: bool) -> None:
    draws = np.random.default_rng(0)
    drawn = np.array([draw_time(draws, OBJECTIVE, 1024.0 if is_large else 300.0) for _ in range(5000)])
    assert np.mean(drawn == 0) == pytest.approx(OBJECTIVE.time_zero_share, abs=0.02)
    times = drawn[drawn > 0]
    logits = np.log(times / (1 - times))
    assert logits.mean() == pytest.approx(-1.5 - is_large * math.log(2.0), abs=0.04)  # 0.8 / sqrt(4000) = 0.013
    assert logits.std() == pytest.approx(0.8, abs=0.04)


def test_too_few_planes_are_named(sample: Sample) -> None:
    with pytest.raises(FieldError, match=r"00000000\.group must have at least --targets 5 planes .* got 3"):
        item(sample, targets=5)


def test_only_what_is_needed_is_read(scenes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of six frames, two targets and at most one reference: the others stay on the disk."""

    read: set[str] = set()  # checks of types at run time look at a field more than once
    plain = StoredFields.read

    def watched(fields: StoredFields, names: Iterable[str]) -> dict[str, bytes]:
        chosen = list(names)
        read.update(chosen)
        return plain(fields, chosen)

    monkeypatch.setattr(StoredFields, "read", watched)
    fields = SampleAccess(find_shards(scenes), lambda key, fields: fields).read(0, 0)
    read_group("00000000", fields, np.random.default_rng(0), DATA, OBJECTIVE)
    assert sum(name.startswith("frame_") for name in read) in (2, 3)
    assert {name for name in read if not name.startswith("frame_")} == {"aif.jpg", "disparity.png", "json"}


def test_windows_have_the_output_s_shape_and_lie_inside() -> None:
    draws = np.random.default_rng(0)
    framings = [draw_framing(draws, (90, 40), (48, 32), min_crop=0.5, flip=True) for _ in range(200)]
    for framing in framings:
        assert 0 <= framing.left <= 90 - framing.crop_width
        assert 0 <= framing.top <= 40 - framing.crop_height
        # Both sides are rounded, by half a pixel at most.
        assert abs(framing.crop_width - 1.5 * framing.crop_height) <= 0.5 + 1.5 * 0.5
    heights = [framing.crop_height for framing in framings]
    assert min(heights) < 24
    assert max(heights) > 36
    assert {framing.is_mirrored for framing in framings} == {False, True}
    assert not any(draw_framing(draws, (90, 40), (48, 32), min_crop=1, flip=False).is_mirrored for _ in range(20))


def test_mislabeled_groups_show_another_plane_at_every_label() -> None:
    right = labeled_pictures("00000001", levels=3, planes=4, mislabeled=0.0)
    assert right == list(range(12))
    for key in range(20):
        wrong = labeled_pictures(f"{key:08d}", levels=3, planes=4, mislabeled=1.0)
        assert sorted(wrong) == right
        for label, frame in enumerate(wrong):
            assert frame != label
            assert frame // 4 == label // 4  # the blur level is right
    shares = [labeled_pictures(f"{key:08d}", levels=1, planes=4, mislabeled=0.4) != right[:4] for key in range(300)]
    assert 0.3 < np.mean(shares) < 0.5


def test_a_mislabeled_item_has_the_same_labels_and_other_pictures(sample: Sample) -> None:
    plain, wrong = item(sample, 3), item(sample, 3, mislabeled=1.0)
    np.testing.assert_array_equal(plain.focus_disparity, wrong.focus_disparity)
    np.testing.assert_array_equal(plain.aif, wrong.aif)
    assert np.abs(plain.targets - wrong.targets).mean() > 0.01


def test_blurred_references_stand_in_the_reference_s_place(sample: Sample, tmp_path: Path) -> None:
    """Each target's own picture, the lens being that of the frame it was made of."""
    count = len(sample.frames)
    gray = np.stack([np.full_like(sample.aif, 10 * frame) for frame in range(count)])
    BlurredReferences(np.roll(np.arange(count), 1), gray).write(tmp_path, sample.key)
    changes = {"targets": 1, "blurred_references": str(tmp_path)}
    for seed in range(6):
        found = item(sample, seed, **changes)
        frame = round(float(found.reference.mean()) / 10)
        labels = sample.record.frames
        assert found.focus_disparity[0] == pytest.approx(labels[frame].focus_disparity, abs=1e-5)
        assert found.own_focus_disparity == pytest.approx(labels[frame - 1].focus_disparity, abs=1e-5)
    with pytest.raises(FieldError, match=r"must hold 00000000\.npz"):
        item(sample, **(changes | {"blurred_references": str(tmp_path / "none")}))
