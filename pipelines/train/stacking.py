"""The stacking constraint (DiffCamera, arXiv 2509.26599): predictions of one scene with different planes in focus are
averaged pixel by pixel in linear light, and must average to the same picture as the true frames.

Letters: I_i true frame i of a group, x̂_i its prediction, D disparity, D_i the plane of frame i, K blur scale of the
group (pixels), r_i = K·|D − D_i| blur radius, τ softness in pixels, t time (0 noise, 1 picture).

    w_i      = softmax_i(−r_i / τ)                weighs the sharper frame; Σ w_i = 1 at each pixel
    L_frames = ‖Σ w_i·x̂_i − Σ w_i·I_i‖²           against the stack of true frames
    L_aif    = ‖Σ w_i·x̂_i − A‖² where min_i r_i ≤ SHARP_PX, A the all-in-focus photo
    ω(t)     = t² / (t² + (1 − t)²)               fraction of the power of z_t that is picture, not noise

The paper publishes neither weights nor masks; these are ours. ω suppresses times near 0, where x̂ is a guess and its
error depends more on the noise than on the network. The paper writes a norm; its mean square here has the same zero,
and its gradient vanishes with the error.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from pipelines.train.config import ObjectiveConfig
from simulator.optics.color import srgb_to_linear

SHARP_PX = 0.5
"""Blur up to this radius is invisible: a frame equals the all-in-focus photo there."""


@dataclass(frozen=True, eq=False)
class StackGeometry:
    """Depth and lenses of B stacking groups of n frames: D [B, H, W], D_i [B, n], K [B]."""

    disparity: Float[Tensor, "b h w"]
    focus_disparity: Float[Tensor, "b n"]
    blur_scale_px: Float[Tensor, " b"]

    def radius_px(self) -> Float[Tensor, "b n h w"]:
        """r_i at every pixel."""
        away = (self.disparity[:, None] - self.focus_disparity[:, :, None, None]).abs()  # [B, n, H, W]
        return self.blur_scale_px[:, None, None, None] * away

    def weights(self, softness_px: float) -> Float[Tensor, "b n h w"]:
        """w_i at every pixel."""
        return torch.softmax(-self.radius_px() / softness_px, dim=1)


def linear_light(display: Tensor) -> Tensor:
    """Display values in [-1, 1] to linear light, of any shape; the curve continues beyond the range, so that a
    prediction that overshoots still has a gradient.
    """
    return srgb_to_linear((display + 1.0) / 2.0)


def stacked(display: Float[Tensor, "b n 3 h w"], weights: Float[Tensor, "b n h w"]) -> Float[Tensor, "b 3 h w"]:
    """Σ w_i·I_i in linear light."""
    return (weights[:, :, None] * linear_light(display)).sum(dim=1)


def signal_share(time: Tensor) -> Tensor:
    """ω(t), of any shape."""
    signal, noise = time.square(), (1.0 - time).square()
    return signal / (signal + noise)


def stacking_loss(
    prediction: Float[Tensor, "b n 3 h w"],
    frames: Float[Tensor, "b n 3 h w"],
    aif: Float[Tensor, "b 3 h w"],
    geometry: StackGeometry,
    objective: ObjectiveConfig,
) -> Float[Tensor, " b"]:
    """L_frames or L_aif of each group, the mean over pixels, before ω and λ. Pictures are display values in [-1, 1]."""
    weights = geometry.weights(objective.stack_softness_px)  # [B, n, H, W]
    stack = stacked(prediction, weights)  # [B, 3, H, W]
    if objective.stack_target == "frames":
        return (stack - stacked(frames, weights)).square().mean((1, 2, 3))
    sharp = (geometry.radius_px().amin(dim=1) <= SHARP_PX).to(stack.dtype)[:, None]  # [B, 1, H, W]
    error = sharp * (stack - linear_light(aif)).square()  # [B, 3, H, W]
    return error.sum((1, 2, 3)) / (3.0 * sharp.sum((1, 2, 3))).clamp(min=1.0)


def time_weight(time: Tensor, objective: ObjectiveConfig) -> Tensor:
    """ω(t), or 1 at all times with --stack-time flat."""
    return signal_share(time) if objective.stack_time == "signal" else torch.ones_like(time)
