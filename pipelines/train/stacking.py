"""The stacking constraint (DiffCamera, arXiv 2509.26599): predictions of one scene with different planes in focus are
averaged pixel by pixel in linear light, and must average to the same picture as the true frames.

Letters: I_i true frame i of a group, x̂_i its prediction, D disparity, D_i the plane of frame i, K blur scale of the
group (pixels), s_i = K·(D − D_i) signed blur radius, positive in front of the plane, r_i = |s_i|, τ softness in
pixels, t time (0 noise, 1 picture).

    w_i      = softmax_i(−r_i / τ)                weighs the sharper frame; Σ w_i = 1 at each pixel
    L_frames = ‖Σ w_i·x̂_i − Σ w_i·I_i‖²           against the stack of true frames
    L_aif    = ‖Σ w_i·x̂_i − A‖² where min_i r_i ≤ SHARP_PX, A the all-in-focus photo; r_i counts as infinite where
               the blur of a surface in front of the plane lies over the pixel, as frame i is not A there
    ω(t)     = t² / (t² + (1 − t)²)               fraction of the power of z_t that is picture, not noise

The paper publishes neither weights nor masks; these are ours. ω suppresses times near 0, where x̂ is a guess and its
error depends more on the noise than on the network. True frames satisfy L_aif, but so does the photo unchanged: it asks
nothing of what is blurred in every frame. The paper writes a norm; its mean square here has the same zero, and its
gradient vanishes with the error.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from pipelines.train.config import ObjectiveConfig
from simulator.optics.color import srgb_to_linear

SHARP_PX = 0.5
"""Blur up to this radius is invisible: a frame equals the all-in-focus photo there."""

_OBSTRUCTED_PX = 1e3
_NOWHERE = 1e9


@dataclass(frozen=True, eq=False)
class StackGeometry:
    """Depth and lenses of B stacking groups of n frames: D [B, H, W], D_i [B, n], K [B]."""

    disparity: Float[Tensor, "b h w"]
    focus_disparity: Float[Tensor, "b n"]
    blur_scale_px: Float[Tensor, " b"]

    def defocus_px(self) -> Float[Tensor, "b n h w"]:
        """s_i at every pixel."""
        away = self.disparity[:, None] - self.focus_disparity[:, :, None, None]  # [B, n, H, W]
        return self.blur_scale_px[:, None, None, None] * away

    def radius_px(self) -> Float[Tensor, "b n h w"]:
        """r_i at every pixel."""
        return self.defocus_px().abs()

    def unobstructed_radius_px(self) -> Float[Tensor, "b n h w"]:
        """r_i, and _OBSTRUCTED_PX more where the blur of a surface in front of the plane lies over the pixel."""
        return self.radius_px() + _OBSTRUCTED_PX * reached_by_nearer(self.defocus_px())


def stack_weights(radius_px: Float[Tensor, "b n h w"], softness_px: float) -> Float[Tensor, "b n h w"]:
    """w_i of r_i at every pixel."""
    return torch.softmax(-radius_px / softness_px, dim=1)


def reached_by_nearer(defocus_px: Float[Tensor, "b n h w"]) -> Tensor:
    """Pixels of frames with signed radii s that light from a blurred surface in front of the plane may reach: those
    within s + 1 of a pixel q with s > SHARP_PX. Bool, [B, n, H, W].

    p is reached where min_q |p − q|² − (s(q) + 1)² ≤ 0; the minimum is taken along rows, then along columns. Radii over
    a quarter of the long side count as that.
    """
    reach = max(defocus_px.shape[-2:]) // 4
    radius = (defocus_px + 1.0).clamp(max=float(reach))
    excess = torch.where(defocus_px > SHARP_PX, -radius.square(), _NOWHERE).flatten(0, 1)  # [B n, H, W]
    for axis, pad in ((2, (reach, reach)), (1, (0, 0, reach, reach))):
        padded, size = functional.pad(excess, pad, value=_NOWHERE), excess.shape[axis]
        for offset in range(-reach, reach + 1):
            excess = torch.minimum(excess, padded.narrow(axis, reach + offset, size) + float(offset * offset))
    return (excess <= 0.0).view(defocus_px.shape)


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
    is_frames = objective.stack_target == "frames"
    radius_px = geometry.radius_px() if is_frames else geometry.unobstructed_radius_px()  # [B, n, H, W]
    weights = stack_weights(radius_px, objective.stack_softness_px)  # [B, n, H, W]
    stack = stacked(prediction, weights)  # [B, 3, H, W]
    if is_frames:
        return (stack - stacked(frames, weights)).square().mean((1, 2, 3))
    sharp = (radius_px.amin(dim=1) <= SHARP_PX).to(stack.dtype)[:, None]  # [B, 1, H, W]
    error = sharp * (stack - linear_light(aif)).square()  # [B, 3, H, W]
    return error.sum((1, 2, 3)) / (3.0 * sharp.sum((1, 2, 3))).clamp(min=1.0)


def time_weight(time: Tensor, objective: ObjectiveConfig) -> Tensor:
    """ω(t), or 1 at all times with --stack-time flat."""
    return signal_share(time) if objective.stack_time == "signal" else torch.ones_like(time)
