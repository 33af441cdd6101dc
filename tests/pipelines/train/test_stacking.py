"""The stacking constraint against its closed forms."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from pipelines.train.batch import collate
from pipelines.train.batches import GroupDataset, find_training_shards
from pipelines.train.config import DataConfig, ObjectiveConfig
from pipelines.train.stacking import (
    SHARP_PX,
    StackGeometry,
    linear_light,
    reached_by_nearer,
    signal_share,
    stack_weights,
    stacked,
    stacking_loss,
    time_weight,
)
from simulator.optics.color import linear_to_srgb

OBJECTIVE = ObjectiveConfig(stack_softness_px=0.5)


def group(groups: int = 2, planes: tuple[float, ...] = (0.1, 0.9), scale_px: float = 5.0) -> StackGeometry:
    disparity = torch.linspace(0, 1, 12).expand(groups, 8, 12).contiguous()
    return StackGeometry(disparity, torch.tensor([planes] * groups), torch.full((groups,), scale_px))


def weights_of(geometry: StackGeometry, softness_px: float) -> torch.Tensor:
    return stack_weights(geometry.radius_px(), softness_px)


def frames(groups: int = 2, count: int = 2, seed: int = 0) -> torch.Tensor:
    return torch.rand(groups, count, 3, 8, 12, generator=torch.Generator().manual_seed(seed)) * 2 - 1


@pytest.mark.parametrize("planes", [(0.1, 0.9), (0.0, 0.4, 1.0), (0.3, 0.3)])
@pytest.mark.parametrize("softness_px", [0.05, 0.5, 50.0])
def test_the_weights_sum_to_one(planes: tuple[float, ...], softness_px: float) -> None:
    weights = weights_of(group(planes=planes), softness_px)
    assert weights.shape == (2, len(planes), 8, 12)
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(2, 8, 12))
    assert (weights >= 0).all()


def test_the_weights_are_the_softmax_of_the_radii() -> None:
    """One pixel by hand: D = 0, planes 0.1 and 0.9, K = 5 px, τ = 0.5 px: radii 0.5 and 4.5 px, odds e^8 : 1."""
    weights = weights_of(group(), 0.5)[0, :, 0, 0]
    assert float(weights[0] / weights[1]) == pytest.approx(math.exp((4.5 - 0.5) / 0.5), rel=1e-4)


def test_the_sharper_frame_counts_and_frames_alike_count_alike() -> None:
    weights = weights_of(group(planes=(0.0, 1.0)), 0.1)[0, :, 0]  # [2, 12]
    assert float(weights[0, 0]) > 0.999
    assert float(weights[1, -1]) > 0.999
    torch.testing.assert_close(weights_of(group(planes=(0.4, 0.4)), 0.1), torch.full((2, 2, 8, 12), 0.5))


@pytest.mark.parametrize("target", ["frames", "aif"])
def test_a_perfect_prediction_costs_nothing(target: str) -> None:
    """Against the photo, the true frames must be the photo where they are sharp: here they are it everywhere."""
    true = frames(count=1).expand(-1, 2, -1, -1, -1)
    objective = replace(OBJECTIVE, stack_target=target)
    torch.testing.assert_close(stacking_loss(true, true, true[:, 0], group(), objective), torch.zeros(2))
    true = frames()
    assert stacking_loss(true, true, true[:, 0], group(), OBJECTIVE).tolist() == [0.0, 0.0]


def test_swapped_frames_cost() -> None:
    true = frames()
    assert (stacking_loss(true.flip(1), true, true[:, 0], group(), OBJECTIVE) > 0.01).all()


def test_errors_that_cancel_in_the_stack_are_free_and_others_are_not() -> None:
    """In linear light: +e in one frame and −e·w_0/w_1 in the other leave the stack as it is."""
    true = frames() * 0.5
    weights = weights_of(group(), 5.0)  # [2, 2, 8, 12], soft: nothing is divided by almost 0
    light = linear_light(true)
    error = 0.02
    light[:, 0] += error
    light[:, 1] -= error * (weights[:, 0] / weights[:, 1])[:, None]
    cancelling = linear_to_srgb(light.clamp(min=0.0)) * 2 - 1
    objective = replace(OBJECTIVE, stack_softness_px=5.0)
    keeps = (light >= 0).all(dim=(1, 2))[:, None]  # [2, 1, 8, 12]: where nothing was clipped
    rest = (stacked(cancelling, weights) - stacked(true, weights)) * keeps
    assert float(rest.abs().max()) < 1e-5
    one_sided = true.clone()
    one_sided[:, 0] += 0.1
    assert (stacking_loss(one_sided, true, true[:, 0], group(), objective) > 1e-4).all()


def test_frames_are_mixed_in_linear_light() -> None:
    """Half black, half white is the display value of half the light, not half the display value."""
    pair = torch.stack([torch.full((1, 3, 8, 12), -1.0), torch.full((1, 3, 8, 12), 1.0)], dim=1)
    halves = torch.full((1, 2, 8, 12), 0.5)
    torch.testing.assert_close(stacked(pair, halves), torch.full((1, 3, 8, 12), 0.5))


def test_the_loss_is_the_mean_square_of_the_stack_s_error() -> None:
    """All frames brighter by the same light e: the stack is brighter by e, the loss is e²."""
    true = frames() * 0.5
    brighter = linear_to_srgb(linear_light(true) + 0.05) * 2 - 1
    loss = stacking_loss(brighter, true, true[:, 0], group(), OBJECTIVE)
    torch.testing.assert_close(loss, torch.full((2,), 0.05**2), rtol=1e-3, atol=0)


@pytest.mark.parametrize("target", ["frames", "aif"])
def test_the_gradient_reaches_every_frame_and_beyond_white_and_black(target: str) -> None:
    predicted = (1.5 * frames(count=3, seed=1)).requires_grad_()
    true = frames(count=3)
    objective = replace(OBJECTIVE, stack_softness_px=2.0, stack_target=target)
    planes = group(planes=(0.1, 0.5, 0.9))
    stacking_loss(predicted, true, true[:, 0], planes, objective).sum().backward()
    assert predicted.grad is not None
    reached = predicted.grad.abs().amax(dim=2) > 0  # [2, 3, 8, 12]
    radius = planes.unobstructed_radius_px()
    asked = radius.amin(dim=1) <= SHARP_PX if target == "aif" else torch.ones(2, 8, 12, dtype=torch.bool)
    counts = asked[:, None] & (radius < 100.0) if target == "aif" else torch.ones_like(reached)
    assert reached[counts].float().mean() > 0.99
    assert not reached.any(dim=1)[~asked].any()
    assert all(predicted.grad[:, i].abs().sum() > 0 for i in range(3))
    outside = predicted.abs() > 1
    assert predicted.grad[outside & counts[:, :, None].expand_as(predicted)].abs().gt(0).float().mean() > 0.9


def test_against_the_photo_only_sharp_pixels_count() -> None:
    """Planes at 0.1 and 0.9, K = 5 px: r <= 0.5 px within 0.1 of a plane. Outside the frames may be anything."""
    true = frames(count=1).expand(-1, 2, -1, -1, -1).clone()
    objective = replace(OBJECTIVE, stack_target="aif")
    soft = group().unobstructed_radius_px().amin(dim=1) > SHARP_PX  # [2, 8, 12]
    assert 0.2 < float(soft.float().mean()) < 0.9
    wrong = torch.where(soft[:, None, None], -true, true)
    torch.testing.assert_close(stacking_loss(wrong, true, true[:, 0], group(), objective), torch.zeros(2))
    assert (stacking_loss(-true, true, true[:, 0], group(), objective) > 0.01).all()


def test_pure_noise_does_not_count_and_the_picture_does() -> None:
    times = torch.tensor([0.0, 0.1, 0.5, 0.9, 1.0])
    weight = signal_share(times)
    assert float(weight[0]) == 0.0
    assert float(weight[2]) == 0.5
    assert float(weight[4]) == 1.0
    assert (weight.diff() > 0).all()
    assert float(weight[1]) == pytest.approx(0.01 / (0.01 + 0.81))
    assert time_weight(times, replace(OBJECTIVE, stack_time="flat")).tolist() == [1.0] * 5
    torch.testing.assert_close(time_weight(times, OBJECTIVE), weight)


def test_without_a_sharp_pixel_the_photo_asks_for_nothing() -> None:
    true = frames()
    nowhere = group(planes=(5.0, 6.0))
    loss = stacking_loss(-true, true, true[:, 0], nowhere, replace(OBJECTIVE, stack_target="aif"))
    assert loss.tolist() == [0.0, 0.0]


def test_a_nearer_surface_s_blur_reaches_discs_of_its_radius() -> None:
    """One pixel of s = 3.2 px and one of 1.4 in a plane in focus: discs of 4.2 and 2.4 px, pixel by pixel; what is
    behind the plane reaches nothing."""
    defocus = torch.zeros(1, 1, 24, 40)
    defocus[0, 0, 10, 12], defocus[0, 0, 12, 33], defocus[0, 0, 20, 5] = 3.2, 1.4, -6.0
    rows, columns = torch.meshgrid(torch.arange(24.0), torch.arange(40.0), indexing="ij")
    large = torch.hypot(rows - 10, columns - 12) <= 4.2
    small = torch.hypot(rows - 12, columns - 33) <= 2.4
    assert torch.equal(reached_by_nearer(defocus)[0, 0], large | small)


def test_true_frames_satisfy_the_constraint_against_the_photo(scenes: Path) -> None:
    """Where a nearer surface's blur is left out they hardly differ from it (JPEG, weights of less sharp frames); with
    it several times as much, and so do frames of wrong planes. The photo itself satisfies it too."""
    data = DataConfig(data=scenes, width=48, height=32, targets=3, least_crop=1.0)
    groups = GroupDataset(find_training_shards(data), data, OBJECTIVE, 0)
    batch = collate([groups[(0, position)] for position in range(5)]).to("cpu")
    geometry = StackGeometry(batch.disparity, batch.focus_disparity, batch.blur_scale_px)
    objective = replace(OBJECTIVE, stack_target="aif")

    def loss(frames: torch.Tensor) -> float:
        return float(stacking_loss(frames, frames, batch.aif, geometry, objective).mean())

    photo = batch.aif[:, None].expand_as(batch.targets)
    weights = stack_weights(geometry.radius_px(), objective.stack_softness_px)
    sharp = (geometry.radius_px().amin(dim=1) <= SHARP_PX)[:, None]
    with_blur = ((stacked(batch.targets, weights) - linear_light(batch.aif)).square() * sharp).sum() / (3 * sharp.sum())
    assert loss(photo) < loss(batch.targets) < 0.25 * float(with_blur)
    assert loss(batch.targets) < 0.1 * loss(batch.targets.roll(1, dims=1))
