"""The loss of a batch: that of every target plus the weighted stacking constraint.

    L = mean ‖v̂ − v‖² + λ · mean ω(t)·L_stack        (flow.py, stacking.py)

All n frames of a group share their time t: one weight ω(t) then holds for the whole stack. With --noise none the
network sees no noise, t is 0 and the first term is a Charbonnier error of the picture. A network that also estimates
the reference's own blur adds a term for it (blur_map.py), over the items whose own lens is not told.
Groups without labels count in the constraint alone, and it in them alone; as their true frames are no inputs either,
z_t is then what Euler's first step makes of the noise.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pipelines.model.blur_map import blur_map_loss
from pipelines.model.condition import Condition
from pipelines.model.flow import add_noise, flow_loss
from pipelines.train.batch import Batch
from pipelines.train.config import ObjectiveConfig
from pipelines.train.stacking import StackGeometry, stacking_loss, time_weight

CHARBONNIER = 0.3
"""Errors below it, of display values in [-1, 1], count by their square, larger ones by their size."""


@dataclass(frozen=True, eq=False)
class Losses:
    """Means over the batch: `total` is minimized and has a gradient; the others are its terms, before their weights."""

    total: Tensor
    flow: Tensor
    stack: Tensor


def condition_of(batch: Batch, *, defocus_maps: bool = True) -> Condition:
    """The condition of each of the N = B·n targets, with depth, condition and own lens dropped as drawn."""
    frames = batch.targets.shape[1]

    def each(value: Tensor) -> Tensor:
        """[B, ...] -> [B n, ...], for values that the frames of a group share."""
        return value.repeat_interleave(frames, dim=0)

    def where(is_known: Tensor) -> Tensor:
        """[B] -> [B, H, W] of 0 and 1."""
        return is_known.to(batch.disparity.dtype)[:, None, None].expand_as(batch.disparity)

    validity = where(~batch.is_depth_dropped)  # [B, H, W]
    own_validity = validity * where(~batch.is_own_dropped) * float(defocus_maps)
    own = _defocus_px(batch.given_disparity, batch.told_blur_scale_px[:, None], batch.told_focus_disparity[:, None])
    asked = _defocus_px(batch.given_disparity, batch.blur_scale_px[:, None], batch.point_disparity)  # [B, n, H, W]
    asked_validity = validity * float(defocus_maps)
    return Condition(
        reference=each(batch.reference),
        disparity=each(validity * batch.given_disparity)[:, None],
        validity=each(validity)[:, None],
        focus_point=batch.focus_point.flatten(0, 1),
        point_disparity=batch.point_disparity.flatten(),
        blur_level=each(batch.blur_level),
        is_unconditional=each(batch.is_unconditional),
        asked_defocus=(asked_validity[:, None] * asked).flatten(0, 1)[:, None],
        own_defocus=each(own_validity * own[:, 0])[:, None],
        own_validity=each(own_validity)[:, None],
        frames=frames,
    )


def losses(model: nn.Module, batch: Batch, objective: ObjectiveConfig) -> Losses:
    """One forward pass. At λ = 0 the constraint is computed without gradient, to be logged.

    Unconditional groups do not count in the constraint: all their frames have the same input.
    """
    groups, frames = batch.targets.shape[:2]
    time = batch.time[:, None].expand(groups, frames)  # [B, n]
    is_flow = objective.noise == "flow"
    condition = condition_of(batch, defocus_maps=objective.defocus_maps)
    labeled = batch.is_labeled.to(batch.targets)  # [B]
    pictures = batch.targets if batch.is_labeled.all() else _known_pictures(model, batch, condition)
    noisy = add_noise(pictures, batch.noise, time) if is_flow else torch.zeros_like(batch.targets)
    output = model(noisy.flatten(0, 1), time.flatten(), condition)  # [B n, 3 or 5, H, W]
    prediction = output[:, :3].unflatten(0, (groups, frames))  # [B, n, 3, H, W]
    if is_flow:
        errors = flow_loss(prediction, batch.targets, time).mean(1)  # [B]
    else:
        errors = ((prediction - batch.targets).square() + CHARBONNIER**2).sqrt().mean((1, 2, 3, 4)) - CHARBONNIER
    flow = (labeled * errors).sum() / labeled.sum().clamp(min=1.0)
    total, stack = flow, torch.zeros_like(flow)
    if output.shape[1] > 3:
        total = total + objective.blur_map_weight * _blur_map(output, batch)
    if objective.predict == "frame":
        geometry = StackGeometry(batch.disparity, batch.focus_disparity, batch.blur_scale_px)
        with torch.set_grad_enabled(torch.is_grad_enabled() and objective.stack_weight > 0):
            per_group = stacking_loss(prediction, batch.targets, batch.aif, geometry, objective)  # [B]
            is_conditional = (~batch.is_unconditional).to(per_group.dtype)  # [B]
            counts = is_conditional if batch.is_labeled.all() else is_conditional * (1.0 - labeled)
            stack = (counts * time_weight(batch.time, objective) * per_group).mean()
        total = total + objective.stack_weight * stack
    return Losses(total, flow.detach(), stack.detach())


def _known_pictures(model: nn.Module, batch: Batch, condition: Condition) -> Tensor:
    """Targets [B, n, 3, H, W], in groups without labels what the model makes of the noise alone."""
    with torch.no_grad():
        start = model(batch.noise.flatten(0, 1), torch.zeros_like(condition.blur_level), condition)
    labeled = batch.is_labeled.to(start.device)[:, None, None, None, None]
    return torch.where(labeled, batch.targets, start[:, :3].view_as(batch.targets))


def _blur_map(output: Tensor, batch: Batch) -> Tensor:
    """Of the items that are not told their own lens: for the others it stands in their input."""
    radius = _defocus_px(batch.disparity, batch.own_blur_scale_px[:, None], batch.own_focus_disparity[:, None]).abs()
    frames = batch.targets.shape[1]
    per_item = blur_map_loss(output[:, 3:], radius.repeat_interleave(frames, dim=0)[:, 0])  # [B n]
    is_blind = (batch.is_own_dropped | batch.is_depth_dropped).repeat_interleave(frames).to(per_item.dtype)
    return (is_blind * per_item).sum() / is_blind.sum().clamp(min=1.0)


def _defocus_px(disparity: Tensor, scale_px: Tensor, focus: Tensor) -> Tensor:
    """s = K·(D − D_f) of D [B, H, W], K [B, 1] and D_f [B, n]: [B, n, H, W]."""
    return scale_px[..., None, None] * (disparity[:, None] - focus[..., None, None])
