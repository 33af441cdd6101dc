"""From a batch to one number: the model is asked for every target, flow loss and stacking constraint are added.

    L = mean ‖v̂ − v‖² + λ · mean ω(t)·L_stack        (flow.py, stacking.py)

All n frames of a group share their time, so that their predictions are equally sure of themselves and one ω holds.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pipelines.model.dit import Condition
from pipelines.model.flow import add_noise, flow_loss
from pipelines.train.batches import Batch
from pipelines.train.config import ObjectiveConfig
from pipelines.train.stacking import Group, stacking_loss, time_weight


@dataclass(frozen=True, eq=False)
class Losses:
    """Means over the batch: `total` is what is descended, with gradient; the other two are its parts, before λ."""

    total: Tensor
    flow: Tensor
    stack: Tensor


def condition_of(batch: Batch) -> Condition:
    """What the model is told of each of the N = B·n targets, with depth and condition withheld as drawn."""
    frames = batch.targets.shape[1]

    def each(value: Tensor) -> Tensor:
        """[B, ...] -> [B n, ...]: what the frames of a group share."""
        return value.repeat_interleave(frames, dim=0)

    known = (~batch.without_depth).to(batch.disparity.dtype)[:, None, None].expand_as(batch.disparity)  # [B, H, W]
    return Condition(
        reference=each(batch.reference),
        disparity=each(known * batch.disparity)[:, None],
        validity=each(known)[:, None],
        focus_point=batch.focus_point.flatten(0, 1),
        point_disparity=batch.point_disparity.flatten(),
        blur_level=each(batch.blur_level),
        is_unconditional=each(batch.without_condition),
    )


def losses(model: nn.Module, batch: Batch, objective: ObjectiveConfig) -> Losses:
    """One pass. The constraint is computed at λ = 0 as well, without gradient: what it would have been is of interest.

    Groups whose condition is withheld are left out of it: their frames are all asked for the same.
    """
    groups, frames = batch.targets.shape[:2]
    time = batch.time[:, None].expand(groups, frames)  # [B, n]
    noisy = add_noise(batch.targets, batch.noise, time)  # [B, n, 3, H, W]
    flat = model(noisy.flatten(0, 1), time.flatten(), condition_of(batch))  # [B n, 3, H, W]
    predicted = flat.unflatten(0, (groups, frames))  # [B, n, 3, H, W]
    flow = flow_loss(predicted, batch.targets, time).mean()
    group = Group(batch.disparity, batch.focus_disparity, batch.blur_scale_px)
    with torch.set_grad_enabled(torch.is_grad_enabled() and objective.stack_weight > 0):
        of_group = stacking_loss(predicted, batch.targets, batch.aif, group, objective)  # [B]
        told = (~batch.without_condition).to(of_group.dtype)  # [B]
        stack = (told * time_weight(batch.time, objective) * of_group).mean()
    return Losses(flow + objective.stack_weight * stack, flow.detach(), stack.detach())
