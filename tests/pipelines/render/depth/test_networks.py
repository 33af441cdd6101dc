"""A tiny random Depth Anything through the real loading code: kinds, sizes, batches, precision."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import interpolate

from pipelines.errors import Rejection, UserError
from pipelines.render.depth.checkpoint import DepthCheckpoint, fetch_checkpoint
from pipelines.render.depth.disparity_map import DisparityMap
from pipelines.render.depth.estimator import estimate
from pipelines.render.depth.networks import TransformersDepth, run_backbone_in_half_precision
from pipelines.render.photos.photo import Photo
from simulator.layers.disparity import normalized
from tests.pipelines.render.photos.photo_examples import photo_at

SIZES = [(90, 120), (120, 90), (90, 120), (64, 150), (90, 120), (120, 90), (200, 200)]


def checkpoint_of(folder: Path) -> DepthCheckpoint:
    return fetch_checkpoint(str(folder), kind=None, revision=None, allow_network=False)


def photos_of(sizes: list[tuple[int, int]]) -> list[Photo]:
    return [photo_at(Path(f"/photos/{i}.jpg"), height, width, seed=i) for i, (height, width) in enumerate(sizes)]


def disparities(depth: TransformersDepth, photos: list[Photo]) -> list[DisparityMap]:
    answers = estimate(depth, photos)
    assert all(isinstance(answer, DisparityMap) for answer in answers), answers
    return [answer for answer in answers if isinstance(answer, DisparityMap)]


def raw_output(folder: Path, photo: Photo) -> torch.Tensor:
    """What transformers says by itself, [h, w]."""
    from transformers import AutoImageProcessor, AutoModelForDepthEstimation

    pixels = AutoImageProcessor.from_pretrained(folder)(images=photo.srgb, return_tensors="pt")["pixel_values"]
    with torch.no_grad():
        predicted: torch.Tensor = AutoModelForDepthEstimation.from_pretrained(folder)(pixels).predicted_depth[0]
    return predicted


def test_relative_output_is_inverse_depth_upsampled_and_normalized(relative_checkpoint: Path) -> None:
    photo = photos_of([(90, 120)])[0]
    (answer,) = disparities(TransformersDepth(checkpoint_of(relative_checkpoint), device="cpu"), [photo])
    assert (answer.kind, answer.unit, answer.source) == ("relative", "1", "tiny-relative")
    raw = raw_output(relative_checkpoint, photo)
    assert raw.shape == (70, 98)  # 70 px short side, multiples of 14
    large = interpolate(raw[None, None], (90, 120), mode="bilinear", align_corners=False)[0, 0]
    torch.testing.assert_close(torch.from_numpy(answer.values), normalized(large))


def test_metric_output_is_meters_and_becomes_inverse_meters(metric_checkpoint: Path) -> None:
    photo = photos_of([(70, 98)])[0]  # the processed size itself: nothing is resampled
    (answer,) = disparities(TransformersDepth(checkpoint_of(metric_checkpoint), device="cpu"), [photo])
    assert (answer.kind, answer.unit) == ("metric", "1/m")
    torch.testing.assert_close(torch.from_numpy(answer.values), 1 / raw_output(metric_checkpoint, photo))


def test_upsampling_does_not_overshoot(metric_checkpoint: Path) -> None:
    photo = photos_of([(333, 451)])[0]
    (answer,) = disparities(TransformersDepth(checkpoint_of(metric_checkpoint), device="cpu"), [photo])
    raw = 1 / raw_output(metric_checkpoint, photo)
    assert raw.min() <= answer.values.min()
    assert answer.values.max() <= raw.max()


def test_depth_has_no_steps(relative_checkpoint: Path) -> None:
    photo = photos_of([(200, 200)])[0]
    (answer,) = disparities(TransformersDepth(checkpoint_of(relative_checkpoint), device="cpu"), [photo])
    assert np.unique(answer.values).size > 10_000  # bfloat16 anywhere on the way leaves some hundreds


@pytest.mark.parametrize("batch_size", [1, 2, 8])
def test_batches_of_mixed_sizes_equal_one_by_one(relative_checkpoint: Path, batch_size: int) -> None:
    photos = photos_of(SIZES)
    checkpoint = checkpoint_of(relative_checkpoint)
    together = disparities(TransformersDepth(checkpoint, device="cpu", batch_size=batch_size), photos)
    alone = TransformersDepth(checkpoint, device="cpu", batch_size=1)
    for photo, answer in zip(photos, together, strict=True):
        assert answer.values.shape == photo.srgb.shape[:2]
        # Another batch size may order float32 sums differently: 1e-6 of values of order 1, spread by normalizing.
        np.testing.assert_allclose(answer.values, disparities(alone, [photo])[0].values, atol=1e-4)


def test_batches_are_bounded_and_never_mix_sizes(relative_checkpoint: Path) -> None:
    depth = TransformersDepth(checkpoint_of(relative_checkpoint), device="cpu", batch_size=2)
    shapes = []
    depth.network.register_forward_pre_hook(
        lambda model, args, kwargs: shapes.append(tuple(kwargs["pixel_values"].shape)), with_kwargs=True
    )
    disparities(depth, photos_of(SIZES))
    landscape, portrait = (3, 70, 98), (3, 98, 70)
    assert sorted(shapes) == sorted([(2, *landscape), (1, *landscape), (2, *portrait), (1, 3, 70, 168), (1, 3, 70, 70)])


def test_a_panorama_is_rejected_and_the_others_keep_their_places(relative_checkpoint: Path) -> None:
    depth = TransformersDepth(checkpoint_of(relative_checkpoint), device="cpu")
    answers = estimate(depth, photos_of([(90, 120), (64, 260), (260, 64), (64, 256)]))
    assert [getattr(answer, "code", None) for answer in answers] == [None, "aspect", "aspect", None]
    assert isinstance(answers[1], Rejection)
    assert "260x64" in answers[1].message


def test_no_photos_give_no_answers(relative_checkpoint: Path) -> None:
    assert estimate(TransformersDepth(checkpoint_of(relative_checkpoint), device="cpu"), []) == []


def test_a_model_that_sees_nothing_gives_a_rejection(relative_checkpoint: Path) -> None:
    depth = TransformersDepth(checkpoint_of(relative_checkpoint), device="cpu")
    with torch.no_grad():
        depth.network.head.conv3.weight.zero_()  # type: ignore[union-attr, operator]
    (answer,) = estimate(depth, photos_of([(90, 120)]))
    assert isinstance(answer, Rejection)
    assert (answer.stage, answer.code) == ("depth", "constant")


def test_a_model_that_breaks_down_gives_a_rejection(relative_checkpoint: Path) -> None:
    depth = TransformersDepth(checkpoint_of(relative_checkpoint), device="cpu")
    with torch.no_grad():
        depth.network.head.conv3.bias.fill_(float("nan"))  # type: ignore[union-attr, operator]
    (answer,) = estimate(depth, photos_of([(90, 120)]))
    assert isinstance(answer, Rejection)
    assert (answer.stage, answer.code) == ("depth", "no_depth")


def test_the_same_photo_gives_the_same_bits(relative_checkpoint: Path) -> None:
    photos = photos_of([(90, 120), (120, 90)])
    first, second = (
        disparities(TransformersDepth(checkpoint_of(relative_checkpoint), device="cpu"), photos) for _ in range(2)
    )
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.values, other.values)


def test_half_precision_weights_are_computed_in_float32(relative_checkpoint: Path, tmp_path: Path) -> None:
    from transformers import AutoImageProcessor, AutoModelForDepthEstimation

    AutoModelForDepthEstimation.from_pretrained(relative_checkpoint).half().save_pretrained(tmp_path)
    AutoImageProcessor.from_pretrained(relative_checkpoint).save_pretrained(tmp_path)
    depth = TransformersDepth(checkpoint_of(tmp_path), device="cpu")
    assert {weight.dtype for weight in depth.network.parameters()} == {torch.float32}


def test_what_cannot_be_loaded_is_a_mistake_of_ours(relative_checkpoint: Path) -> None:
    checkpoint = checkpoint_of(relative_checkpoint)
    with pytest.raises(ValueError, match="must be fetched before"):
        TransformersDepth(replace(checkpoint, folder=None), device="cpu")
    with pytest.raises(ValueError, match="batch_size must be >= 1, got 0"):
        TransformersDepth(checkpoint, device="cpu", batch_size=0)


def test_half_precision_stays_within_the_backbone(relative_checkpoint: Path) -> None:
    """What CUDA does, on the CPU, whose autocast knows float16 as well."""
    photos = photos_of([(200, 200), (90, 120)])
    checkpoint = checkpoint_of(relative_checkpoint)
    exact, half = (TransformersDepth(checkpoint, device="cpu") for _ in range(2))
    run_backbone_in_half_precision(half.network, "cpu")
    dtypes = set()
    half.network.neck.register_forward_pre_hook(  # type: ignore[union-attr, operator]
        lambda neck, args: dtypes.update(feature.dtype for feature in args[0])
    )
    layer = half.network.get_submodule("backbone.encoder.layer.0.mlp.fc1")
    layer.register_forward_hook(lambda layer, args, output: dtypes.add(output.dtype))
    for one, other in zip(disparities(half, photos), disparities(exact, photos), strict=True):
        assert not np.array_equal(one.values, other.values)
        # float16 keeps 11 bits of each feature; normalizing spreads the error over the range seen.
        np.testing.assert_allclose(one.values, other.values, atol=0.02)
        assert np.unique(one.values).size > 0.5 * one.values.size
    assert dtypes == {torch.float16, torch.float32}


def test_a_batch_that_does_not_fit_the_gpu_is_said(relative_checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    depth = TransformersDepth(checkpoint_of(relative_checkpoint), device="cpu", batch_size=2)

    def out_of_memory(**_: object) -> None:
        raise torch.cuda.OutOfMemoryError("tried to allocate 90 GiB")

    monkeypatch.setattr(depth.network, "forward", out_of_memory)
    with pytest.raises(UserError, match=r"depth of 2 photos at once must fit the GPU's memory.*lower --depth-batch"):
        estimate(depth, photos_of([(90, 120)] * 3))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="CUDA is not available")
def test_on_a_gpu_only_the_backbone_loses_precision(relative_checkpoint: Path) -> None:
    photos = photos_of([(200, 200), (90, 120)])
    checkpoint = checkpoint_of(relative_checkpoint)
    on_gpu = disparities(TransformersDepth(checkpoint, device="cuda"), photos)
    on_cpu = disparities(TransformersDepth(checkpoint, device="cpu"), photos)
    for gpu, cpu in zip(on_gpu, on_cpu, strict=True):
        # float16 keeps 11 bits of each feature; normalizing spreads the error over the range seen.
        np.testing.assert_allclose(gpu.values, cpu.values, atol=0.02)
        assert np.unique(gpu.values).size > 0.5 * gpu.values.size
