"""Scores of methods that are known to be right, or wrong in one way."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from pipelines.experiment.scores import HeldOutScores, Method, Pixels, score_held_out
from pipelines.measure.fidelity import PSNR_LIMIT_DB
from shards import Sample, read_shards


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Small pictures: more threads wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    """Three planes, three levels, stored without loss."""
    from pipelines.render.config import ExecutionConfig, RenderConfig, SourceConfig, StackConfig, StorageConfig
    from pipelines.render.run import render

    out = tmp_path_factory.mktemp("scores") / "data"
    config = RenderConfig(
        source=SourceConfig(photos="builtin:1", long_side=96),
        out=out,
        stack=StackConfig(planes=3, levels=3, blur_level_min=4.0, blur_level_max=16.0),
        storage=StorageConfig(split_fractions=(1.0, 0.0, 0.0), image_format="png"),
        execution=ExecutionConfig(device="cpu"),
        seed=3,
    )
    render(config)
    return next(read_shards(out, seed=None))


def oracle(sample: Sample, *, plane_shift: int = 0, level_of: dict[int, int] | None = None) -> Method:
    """The true frame that was asked for, or another plane's, or another level's."""
    labels, planes = sample.record.frames, sample.record.planes

    def method(
        photo: Pixels, disparity: NDArray[np.float32] | None, point: tuple[float, float], blur_level: float
    ) -> Pixels:
        asked = next(
            i
            for i, label in enumerate(labels)
            if (label.focus_x, label.focus_y) == point and label.blur_level == blur_level
        )
        level, plane = divmod(asked, planes)
        level = (level_of or {}).get(level, level)
        return sample.frames[level * planes + (plane + plane_shift) % planes]

    return method


def scored(sample: Sample, **wrong: object) -> HeldOutScores:
    return score_held_out(oracle(sample, **wrong), sample)  # type: ignore[arg-type]


def test_the_true_frames_score_best(sample: Sample) -> None:
    right = scored(sample)
    same = (right.psnr, right.psnr_without_depth, right.psnr_in_focus, right.psnr_defocused, right.psnr_from_frame)
    assert same == pytest.approx((PSNR_LIMIT_DB,) * 5)
    assert right.psnr_from_frame_in_focus == pytest.approx(PSNR_LIMIT_DB)
    assert right.focus_error == 0.0
    assert right.stack_error < 0.01
    assert right.ssim == pytest.approx(1.0, abs=1e-5)  # variances in float32
    assert right.control > 0.9
    assert right.scene == sample.record.scene_id


def test_the_wrong_plane_shows_in_focus_and_in_the_picture(sample: Sample) -> None:
    right, wrong = scored(sample), scored(sample, plane_shift=1)
    planes = [label.focus_disparity for label in sample.record.frames[:3]]
    apart = [abs(planes[i] - planes[(i + 1) % 3]) for i in range(3)]
    assert wrong.focus_error == pytest.approx(np.mean(apart))
    assert wrong.psnr_in_focus < 35
    assert wrong.psnr < right.psnr - 10


def test_levels_turned_round_show_in_control(sample: Sample) -> None:
    assert scored(sample, level_of={0: 2, 2: 0}).control < -0.7
    assert scored(sample, level_of={0: 1, 2: 1}).control == 0.0


def test_the_photo_as_it_is_has_no_control_and_a_perfect_stack(sample: Sample) -> None:
    identity = score_held_out(lambda photo, disparity, point, level: photo, sample)
    assert identity.control == 0.0
    assert identity.psnr < 32
    assert identity.stack_error == pytest.approx(0.0)
