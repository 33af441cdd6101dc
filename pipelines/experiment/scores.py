"""One method on the held-out scenes: how near its frames are to the true ones, and whether it obeys.

Every frame of every held-out stack is made from the all-in-focus photo, with depth and without; the strongest group of
each scene also from its farthest-focused frame, where what is to become sharp has to be invented.
The measures are those of pipelines/benchmark.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.benchmark.control import sharpest_plane, sweep_control
from pipelines.benchmark.metrics import fidelity
from pipelines.benchmark.regions import regions, silhouette_band
from pipelines.benchmark.stacking import stacking_error
from shards import FrameLabels, Sample

Pixels = NDArray[np.uint8]
Method = Callable[[Pixels, NDArray[np.float32] | None, tuple[float, float], float], Pixels]
"""photo [H, W, 3], disparity [H, W] or None, focus point, blur level -> refocused photo."""


@dataclass(frozen=True)
class SceneScores:
    """Means over the frames of one scene; NaN where a scene has nothing to measure.

    Attributes:
        psnr, ssim: from the all-in-focus photo, with depth.
        psnr_in_focus, psnr_defocused: the same over the pixels that are, and are not, in focus.
        psnr_without_depth: with the map withheld.
        psnr_from_frame, psnr_from_frame_in_focus: from a frame focused elsewhere; over what is to become sharp.
        control: correlation of blur level and softness over the levels of a plane.
        focus_error: distance of the sharpest plane from the one asked for, in disparity (0 to 1).
        stack_error: mean |stack of the frames − photo| where some plane is sharp, of the display range.
    """

    scene: str
    psnr: float
    ssim: float
    psnr_in_focus: float
    psnr_defocused: float
    psnr_without_depth: float
    psnr_from_frame: float
    psnr_from_frame_in_focus: float
    control: float
    focus_error: float
    stack_error: float


def score_scene(method: Method, sample: Sample) -> SceneScores:
    """All measures of one scene."""
    disparity = sample.disparity_values().astype(np.float32)
    labels = sample.record.frames
    defocus = [frame.blur_scale_px * (disparity - frame.focus_disparity) for frame in labels]  # F of [H, W]
    made = [_ask(method, sample.aif, disparity, frame) for frame in labels]
    blind = [_ask(method, sample.aif, None, frame) for frame in labels]
    whole = [fidelity(frame, truth) for frame, truth in zip(made, sample.frames, strict=True)]
    planes = sample.record.planes
    last = range(len(labels) - planes, len(labels))  # the strongest blur; far to near
    moved = [_ask(method, sample.frames[last[0]], disparity, labels[i]) for i in last[1:]]
    return SceneScores(
        scene=sample.record.scene_id,
        psnr=_mean([one.psnr for one in whole]),
        ssim=_mean([one.ssim for one in whole]),
        psnr_in_focus=_regional(made, sample.frames, defocus, "in_focus"),
        psnr_defocused=_regional(made, sample.frames, defocus, "defocused"),
        psnr_without_depth=_mean([fidelity(a, b).psnr for a, b in zip(blind, sample.frames, strict=True)]),
        psnr_from_frame=_mean([fidelity(a, sample.frames[i]).psnr for a, i in zip(moved, last[1:], strict=True)]),
        psnr_from_frame_in_focus=_regional(moved, sample.frames[last[1] :], [defocus[i] for i in last[1:]], "in_focus"),
        control=_mean([_control(made, labels, disparity, plane, planes) for plane in range(planes)]),
        focus_error=_mean([_focus_error(made[i], sample, disparity, labels[i], defocus[i]) for i in last]),
        stack_error=_or_nan(stacking_error([made[i] for i in last], sample.aif, np.stack([defocus[i] for i in last]))),
    )


def _ask(method: Method, photo: Pixels, disparity: NDArray[np.float32] | None, frame: FrameLabels) -> Pixels:
    return method(photo, disparity, (frame.focus_x, frame.focus_y), frame.blur_level)


def _regional(
    made: Sequence[Pixels], truth: Sequence[Pixels], defocus: Sequence[NDArray[np.floating]], region: str
) -> float:
    """Mean PSNR over one region of each frame; frames with hardly a pixel of it are left out."""
    values = []
    for frame, true, signed_px in zip(made, truth, defocus, strict=True):
        mask = regions(signed_px)[region]
        if mask.sum() >= LEAST_PIXELS:
            values.append(fidelity(frame, true, mask).psnr)
    return _mean(values)


LEAST_PIXELS = 64


def _control(
    made: Sequence[Pixels], labels: Sequence[FrameLabels], disparity: NDArray[np.float32], plane: int, planes: int
) -> float:
    """One plane, its levels from weak to strong."""
    sweep = range(plane, len(labels), planes)
    levels = [labels[i].blur_level for i in sweep]
    return sweep_control([made[i] for i in sweep], levels, disparity, labels[plane].focus_disparity).lv_corr


def _focus_error(
    frame: Pixels,
    sample: Sample,
    disparity: NDArray[np.float32],
    label: FrameLabels,
    signed_px: NDArray[np.floating],
) -> float:
    """Distance from the plane asked for; where no plane is sharper than another, what a blind guess is off by."""
    found = sharpest_plane(frame, sample.aif, disparity, silhouette_band(signed_px))
    low, high = float(disparity.min()), float(disparity.max())
    guess = (low + high) / 2 if found is None else found
    return abs(guess - label.focus_disparity)


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else float("nan")


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else value
