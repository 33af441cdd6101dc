"""Contour lines of depth maps of 8 bits: frames from a debanded map against frames from the exact one."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from pipelines.measure.rendering_error import displayed
from pipelines.validate.checks.check import Check
from simulator import ThinLens, render_stack
from simulator.layers.debanding import debanded
from simulator.layers.morphology import dilate
from simulator.scenes.catalog import builtin_scene

_STEP = 1 / 255
_CALM_STEPS, _CALM_PX = 6, 4  # away from depth edges: so little range within such a radius
_BAR = 0.3  # codes of 255: a line of one code, one pixel wide, in every eleventh pixel


def contour_lines(kind: str, *, height: int = 256, width: int = 384, seed: int = 0) -> Check:
    """The strongest contours over three planes and two blur levels; beside it, those of the rounded map as it is."""
    image, disparity = builtin_scene(seed, height=height, width=width, kind=kind).layers.photo()
    image = image.clamp(max=1.0)  # as photos are: a lamp's rim shows where a flat part lies within its step, no contour
    rounded = (disparity / _STEP).round() * _STEP
    focuses = [float(disparity.quantile(q)) for q in (0.1, 0.5, 0.9)]
    lenses = [ThinLens.from_blur_level(focus, level, width) for level in (1.5, 4.0) for focus in focuses]
    calm = dilate(disparity, _CALM_PX) + dilate(-disparity, _CALM_PX) < _CALM_STEPS * _STEP
    exact, smooth, banded = (render_stack(image, d, lenses) for d in (disparity, debanded(rounded, _STEP), rounded))
    values = [_contours(frame, truth, calm) for frame, truth in zip(smooth, exact, strict=True)]
    as_it_is = max(_contours(frame, truth, calm) for frame, truth in zip(banded, exact, strict=True))
    worst = max(range(len(values)), key=values.__getitem__)
    where = f"D_f {focuses[worst % 3]:.2f}, level {(1.5, 4.0)[worst // 3]:g}; {as_it_is:.2f} from the map as it is"
    return Check(f"contour lines of 8 bits, {kind}", values[worst], "codes", "at most", _BAR, where)


def _contours(frame: Tensor, truth: Tensor, calm: Tensor) -> float:
    """RMS of the fine detail that the frame [3, H, W] has and truth has not, over calm pixels [H, W], in codes."""
    difference = 255.0 * (displayed(frame) - displayed(truth))
    broad = difference
    for _ in range(2):
        broad = F.avg_pool2d(broad[None], 5, stride=1, padding=2, count_include_pad=False)[0]
    return float((difference - broad)[:, calm].square().mean().sqrt()) if bool(calm.any()) else 0.0
