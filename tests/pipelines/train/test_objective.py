from __future__ import annotations

from dataclasses import replace

import torch
from torch import nn

from pipelines.model.condition import Condition
from pipelines.model.flow import flow_loss
from pipelines.train.objective import condition_of, losses
from pipelines.train.stacking import StackGeometry, stacking_loss, time_weight
from tests.pipelines.train.tiny_run import PLAIN, make_batch


class Oracle(nn.Module):
    """Predicts what it is given, plus a weight to have a gradient; remembers its condition."""

    def __init__(self, predicted: torch.Tensor) -> None:
        super().__init__()
        self.predicted = predicted
        self.offset = nn.Parameter(torch.zeros(()))
        self.condition: Condition | None = None

    def forward(self, noisy: torch.Tensor, time: torch.Tensor, condition: Condition) -> torch.Tensor:
        self.condition = condition
        return self.predicted.flatten(0, 1) + self.offset


def test_perfect_predictions_cost_nothing() -> None:
    batch = make_batch()
    result = losses(Oracle(batch.targets), batch, PLAIN)
    assert float(result.total.detach()) == float(result.flow) == float(result.stack) == 0.0


def test_the_total_is_flow_and_lambda_times_stack() -> None:
    batch = make_batch()
    predicted = batch.targets * 0.5
    objective = replace(PLAIN, stack_weight=3.0)
    result = losses(Oracle(predicted), batch, objective)
    flow = flow_loss(predicted, batch.targets, batch.time[:, None].expand(2, 2)).mean()
    group = StackGeometry(batch.disparity, batch.focus_disparity, batch.blur_scale_px)
    stack = stacking_loss(predicted, batch.targets, batch.aif, group, objective)
    weighted = (time_weight(batch.time, objective) * stack).mean()
    torch.testing.assert_close(result.total.detach(), flow + 3.0 * weighted)
    torch.testing.assert_close(result.stack, weighted)


def test_without_lambda_the_constraint_is_watched_and_not_descended() -> None:
    batch = make_batch()

    def gradient(stack_weight: float) -> tuple[float, float]:
        oracle = Oracle(batch.targets * 0.5)
        result = losses(oracle, batch, replace(PLAIN, stack_weight=stack_weight))
        result.total.backward()
        assert oracle.offset.grad is not None
        return float(oracle.offset.grad), float(result.stack)

    (free, watched), (bound, same) = gradient(0.0), gradient(4.0)
    assert watched == same > 0
    assert free != bound


def test_depth_is_unconditional_as_a_whole() -> None:
    """Validity 0 and disparity 0 for all frames of the group that drew it, the map itself for the others."""
    batch = replace(make_batch(), is_depth_dropped=torch.tensor([True, False]))
    condition = condition_of(batch)
    assert condition.disparity.shape == condition.validity.shape == (4, 1, 16, 24)
    assert not condition.disparity[:2].any()
    assert not condition.validity[:2].any()
    assert (condition.validity[2:] == 1).all()
    torch.testing.assert_close(condition.disparity[2, 0], batch.disparity[1])


def test_the_stack_is_weighed_by_true_depth_even_where_it_is_unconditional() -> None:
    batch = make_batch()
    blind = replace(batch, is_depth_dropped=torch.tensor([True, True]))
    predicted = batch.targets * 0.5
    torch.testing.assert_close(
        losses(Oracle(predicted), blind, PLAIN).stack, losses(Oracle(predicted), batch, PLAIN).stack
    )


def test_what_frames_share_is_told_to_each_and_what_they_do_not_to_one() -> None:
    batch = replace(make_batch(groups=2, frames=3), is_unconditional=torch.tensor([False, True]))
    condition = condition_of(batch)
    for frame in range(3):
        torch.testing.assert_close(condition.reference[frame], batch.reference[0])
        torch.testing.assert_close(condition.reference[3 + frame], batch.reference[1])
        torch.testing.assert_close(condition.focus_point[3 + frame], batch.focus_point[1, frame])
        torch.testing.assert_close(condition.point_disparity[frame], batch.point_disparity[0, frame])
    assert condition.is_unconditional.tolist() == [False] * 3 + [True] * 3


def test_frames_that_are_not_told_their_focus_do_not_stack() -> None:
    batch = replace(make_batch(), is_unconditional=torch.tensor([True, True]))
    assert float(losses(Oracle(batch.targets * 0.5), batch, PLAIN).stack) == 0.0


def test_groups_without_labels_count_in_the_constraint_alone_and_are_not_shown() -> None:
    batch = replace(make_batch(), is_labeled=torch.tensor([True, False]))
    predicted = batch.targets * 0.5
    objective = replace(PLAIN, stack_target="aif", stack_time="flat")
    result = losses(Oracle(predicted), batch, objective)
    flow = flow_loss(predicted[0], batch.targets[0], batch.time[:1].expand(2)).mean()
    torch.testing.assert_close(result.flow, flow)
    group = StackGeometry(batch.disparity, batch.focus_disparity, batch.blur_scale_px)
    stack = stacking_loss(predicted, batch.targets, batch.aif, group, objective)
    torch.testing.assert_close(result.stack, stack[1] / 2)
    # The true frames of the second group are no input either: others give the same loss.
    other = replace(batch, targets=torch.cat([batch.targets[:1], -batch.targets[1:]]))
    echo = Echo()
    torch.testing.assert_close(losses(echo, other, objective).total, losses(echo, batch, objective).total)


class Echo(nn.Module):
    """Half of z_t."""

    def forward(self, noisy: torch.Tensor, time: torch.Tensor, condition: Condition) -> torch.Tensor:
        return 0.5 * noisy
