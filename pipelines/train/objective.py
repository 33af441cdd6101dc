"""The loss of a batch: flow loss of every target plus the weighted stacking constraint.

    L = mean ‖v̂ − v‖² + λ · mean ω(t)·L_stack        (flow.py, stacking.py)

All n frames of a group share their time t: one weight ω(t) then holds for the whole stack.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pipelines.model.dit import Condition
from pipelines.model.flow import add_noise, flow_loss
from pipelines.train.batches import Batch
from pipelines.train.config import ObjectiveConfig
from pipelines.train.stacking import StackGeometry, stacking_loss, time_weight


@dataclass(frozen=True, eq=False)
class Losses:
    """Means over the batch: `total` is minimized and has a gradient; the other two are its terms, before λ."""

    total: Tensor
    flow: Tensor
    stack: Tensor


def condition_of(batch: Batch) -> Condition:
    """The condition of each of the N = B·n targets, with depth and condition dropped as drawn."""
    frames = batch.targets.shape[1]

    def each(value: Tensor) -> Tensor:
        """[B, ...] -> [B n, ...], for values that the frames of a group share."""
        return value.repeat_interleave(frames, dim=0)

    validity = (
        (~batch.is_depth_dropped).to(batch.disparity.dtype)[:, None, None].expand_as(batch.disparity)
    )  # [B, H, W]
    return Condition(
        reference=each(batch.reference),
        disparity=each(validity * batch.disparity)[:, None],
        validity=each(validity)[:, None],
        focus_point=batch.focus_point.flatten(0, 1),
        point_disparity=batch.point_disparity.flatten(),
        blur_level=each(batch.blur_level),
        is_unconditional=each(batch.is_unconditional),
    )


def losses(model: nn.Module, batch: Batch, objective: ObjectiveConfig) -> Losses:
    """One forward pass. At λ = 0 the constraint is computed without gradient, to be logged.

    Unconditional groups do not count in the constraint: all their frames have the same input.
    """
    groups, frames = batch.targets.shape[:2]
    time = batch.time[:, None].expand(groups, frames)  # [B, n]
    noisy = add_noise(batch.targets, batch.noise, time)  # [B, n, 3, H, W]
    flat = model(noisy.flatten(0, 1), time.flatten(), condition_of(batch))  # [B n, 3, H, W]
    prediction = flat.unflatten(0, (groups, frames))  # [B, n, 3, H, W]
    flow = flow_loss(prediction, batch.targets, time).mean()
    geometry = StackGeometry(batch.disparity, batch.focus_disparity, batch.blur_scale_px)
    with torch.set_grad_enabled(torch.is_grad_enabled() and objective.stack_weight > 0):
        per_group = stacking_loss(prediction, batch.targets, batch.aif, geometry, objective)  # [B]
        is_conditional = (~batch.is_unconditional).to(per_group.dtype)  # [B]
        stack = (is_conditional * time_weight(batch.time, objective) * per_group).mean()
    return Losses(flow + objective.stack_weight * stack, flow.detach(), stack.detach())
