"""Scores of one method on the held-out scenes: error against the true frames, focus and blur control.

Every frame of every held-out stack is made from the all-in-focus photo, with depth and without; the strongest group of
each scene also from its farthest-focused frame, where the sharp content has to be invented.

Pictures, control and stack are measured as in pipelines/measure. The plane is measured by comparison with the true
frames of the group: the benchmark's own measure looks for the sharpest plane away from silhouettes, and in pictures
72 px across nearly everything is near one (it finds the true frames themselves 0.34 off).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.measure.blur_sweep import sweep_control
from pipelines.measure.fidelity import LEAST_PIXELS, PSNR_LIMIT_DB, fidelity
from pipelines.measure.stacking import stacking_error
from pipelines.render.sample.build import IN_FOCUS_RADIUS_PX
from shards import FrameLabels, Sample

Pixels = NDArray[np.uint8]
Method = Callable[[Pixels, NDArray[np.float32] | None, tuple[float, float], float], Pixels]
"""photo [H, W, 3], disparity [H, W] or None, focus point, blur level -> refocused photo."""


@dataclass(frozen=True)
class HeldOutScores:
    """Means over the frames of one scene; NaN where a scene has nothing to measure.

    Attributes:
        psnr, ssim: from the all-in-focus photo, with depth.
        psnr_in_focus, psnr_defocused: the same over pixels with r <= 1 px, and over the others.
        psnr_without_depth: with the map withheld.
        psnr_from_frame, psnr_from_frame_in_focus: from a frame focused elsewhere; over what is to become sharp.
        control: correlation of blur level and softness over the levels of a plane.
        focus_error: distance, in disparity (0 to 1), from the plane asked for to the plane of the true frame of the
            group that the made one is nearest to.
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


def score_held_out(method: Method, sample: Sample) -> HeldOutScores:
    """All measures of one scene."""
    disparity = sample.disparity_values().astype(np.float32)
    labels = sample.record.frames
    defocus = [frame.blur_scale_px * (disparity - frame.focus_disparity) for frame in labels]  # F of [H, W]
    sharp = [np.abs(signed_px) <= IN_FOCUS_RADIUS_PX for signed_px in defocus]
    predictions = [_refocus(method, sample.aif, disparity, frame) for frame in labels]
    without_depth = [_refocus(method, sample.aif, None, frame) for frame in labels]
    fidelities = [fidelity(frame, truth) for frame, truth in zip(predictions, sample.frames, strict=True)]
    planes = sample.record.planes
    last = range(len(labels) - planes, len(labels))  # the strongest blur; far to near
    from_frame = [_refocus(method, sample.frames[last[0]], disparity, labels[i]) for i in last[1:]]
    stack_error = stacking_error([predictions[i] for i in last], sample.aif, np.stack([defocus[i] for i in last]))
    return HeldOutScores(
        scene=sample.record.scene_id,
        psnr=mean_of_known([each.psnr for each in fidelities]),
        ssim=mean_of_known([each.ssim for each in fidelities]),
        psnr_in_focus=_regional(predictions, sample.frames, sharp),
        psnr_defocused=_regional(predictions, sample.frames, [~mask for mask in sharp]),
        psnr_without_depth=mean_of_known([_psnr(a, b) for a, b in zip(without_depth, sample.frames, strict=True)]),
        psnr_from_frame=mean_of_known([_psnr(a, sample.frames[i]) for a, i in zip(from_frame, last[1:], strict=True)]),
        psnr_from_frame_in_focus=_regional(from_frame, sample.frames[last[1] :], sharp[last[1] :]),
        control=mean_of_known([_control(predictions, sample, disparity, plane) for plane in range(planes)]),
        focus_error=mean_of_known([_focus_error(frame, sample, i) for i, frame in enumerate(predictions)]),
        stack_error=float("nan") if stack_error is None else stack_error,
    )


def _refocus(method: Method, photo: Pixels, disparity: NDArray[np.float32] | None, frame: FrameLabels) -> Pixels:
    return method(photo, disparity, (frame.focus_x, frame.focus_y), frame.blur_level)


def _regional(predictions: Sequence[Pixels], truth: Pixels, masks: Sequence[NDArray[np.bool_]]) -> float:
    """Mean PSNR over the masked pixels of each frame, `truth` [F, H, W, 3]; frames with too few are left out."""
    frames = zip(predictions, truth, masks, strict=True)
    return mean_of_known([_psnr(frame[mask], true[mask]) for frame, true, mask in frames if mask.sum() >= LEAST_PIXELS])


def _control(predictions: Sequence[Pixels], sample: Sample, disparity: NDArray[np.float32], plane: int) -> float:
    """Control correlation of one plane over its levels, weak to strong."""
    labels = sample.record.frames
    sweep = range(plane, len(labels), sample.record.planes)
    levels = [labels[i].blur_level for i in sweep]
    return sweep_control([predictions[i] for i in sweep], levels, disparity, labels[plane].focus_disparity).lv_corr


def _psnr(prediction: Pixels, truth: Pixels) -> float:
    """PSNR in dB as in `fidelity`, without its slow SSIM. Any shape."""
    square = float(np.square(prediction.astype(np.float32) - truth).mean()) / 255.0**2
    return min(PSNR_LIMIT_DB, -10.0 * math.log10(max(square, 1e-12)))


def _focus_error(prediction: Pixels, sample: Sample, index: int) -> float:
    """Frame `asked` of the stack was predictions: the nearest true frame of its group, in squares, shows its plane."""
    planes = sample.record.planes
    group = range(index // planes * planes, (index // planes + 1) * planes)
    distances = [float(np.square(prediction.astype(np.float32) - sample.frames[i]).mean()) for i in group]
    nearest = sample.record.frames[group[int(np.argmin(distances))]]
    return abs(nearest.focus_disparity - sample.record.frames[index].focus_disparity)


def mean_of_known(values: Sequence[float]) -> float:
    """Mean of the values that are not NaN; NaN without any."""
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else float("nan")
