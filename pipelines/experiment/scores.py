"""Scores of one way on one held-out scene: from the photo, from frames of three blur levels, without depth.

Pictures, control, stack and recovered detail are measured as in pipelines/measure. The plane is measured by comparison
with the true frames of the group: the benchmark's own measure looks for the sharpest plane away from silhouettes, and
in pictures of a hundred pixels nearly everything is near one.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from pipelines.experiment.held_out import PHOTO, HeldOutScene, RefocusTask
from pipelines.experiment.ways import Way
from pipelines.measure.blur_sweep import sweep_control
from pipelines.measure.fidelity import LEAST_PIXELS, PSNR_LIMIT_DB, Picture
from pipelines.measure.recovered_share import recovered_share
from pipelines.measure.stacking import stacking_error
from pipelines.render.sample.build import IN_FOCUS_RADIUS_PX

Scores = dict[str, float]
"""By measure; what a scene or a way has nothing to measure of is absent."""

REGIONS = ("all", "in focus", "defocused")
"""Where the true frame has r <= 1 px, and the rest."""


@dataclass(frozen=True)
class Measure:
    """Heading of its columns, format of its values, and whether more is better."""

    heading: str
    form: str = "{:.2f}"
    more_is_better: bool = True


def _measures() -> dict[str, Measure]:
    table = {f"photo, {region}": Measure(f"{region}, dB") for region in REGIONS}
    table["control"] = Measure("control", "{:.3f}")
    table["focus error"] = Measure("focus error", "{:.3f}", more_is_better=False)
    table["focus error without depth"] = Measure("without depth", "{:.3f}", more_is_better=False)
    table["stack error"] = Measure("stack error", "{:.4f}", more_is_better=False)
    for level in ("strong", "middle", "weak"):
        table |= {f"{level}, {region}": Measure(f"{region}, dB") for region in REGIONS}
        table |= {f"{level}, gain {region}": Measure(f"gain {region}, dB", "{:+.2f}") for region in REGIONS}
        table[f"{level}, recovered"] = Measure("recovered", "{:.3f}")
    return table


MEASURES = _measures()
"""`photo, ...`: PSNR of all frames from the all-in-focus photo, with depth.
control: correlation of blur level and softness over the levels of a plane.
focus error: distance, in disparity, to the plane of the true frame of the group that a frame is nearest to.
stack error: mean |stack - photo| where some plane is sharp, strongest level, of the display range.
`strong`, `middle`, `weak`: the reference is a frame of that blur level, focused farthest or, in every second scene,
nearest; the other planes of its level are asked for. gain: PSNR less that of the reference as it is. recovered: share
of what the reference lacks where it is asked to become sharp."""


def score(way: Way, scene: HeldOutScene) -> Scores:
    """All measures of one scene."""
    found = _from_photo(way, scene) | _without_depth(way, scene)
    levels = {"strong": scene.levels - 1, "middle": scene.levels // 2, "weak": 0}
    for name, level in levels.items():
        found |= {f"{name}, {measure}": value for measure, value in _from_frame(way, scene, level).items()}
    return {name: value for name, value in found.items() if not math.isnan(value)}


def _from_photo(way: Way, scene: HeldOutScene) -> Scores:
    frames = range(scene.planes * scene.levels)
    made = way(RefocusTask(scene, PHOTO, frames))
    if made is None:
        return {}
    strongest = scene.group(scene.levels - 1)
    defocus = np.stack([scene.defocus_px(i) for i in strongest])
    stack = stacking_error([made[i] for i in strongest], scene.sample.aif, defocus)
    return {f"photo, {region}": value for region, value in _psnr_by_region(made, scene, frames).items()} | {
        "control": _mean([_control(made, scene, plane) for plane in range(scene.planes)]),
        "focus error": _mean([_focus_error(picture, scene, i) for i, picture in enumerate(made)]),
        "stack error": float("nan") if stack is None else stack,
    }


def _without_depth(way: Way, scene: HeldOutScene) -> Scores:
    """The strongest level with the map withheld."""
    frames = scene.group(scene.levels - 1)
    made = way(RefocusTask(scene, PHOTO, frames, has_depth=False))
    if made is None:
        return {}
    errors = [_focus_error(picture, scene, i) for picture, i in zip(made, frames, strict=True)]
    return {"focus error without depth": _mean(errors)}


def _from_frame(way: Way, scene: HeldOutScene, level: int) -> Scores:
    group = scene.group(level)
    reference = group[0] if crc32(scene.sample.record.scene_id.encode()) % 2 == 0 else group[-1]
    asked = [frame for frame in group if frame != reference]
    made = way(RefocusTask(scene, reference, asked))
    if made is None:
        return {}
    as_it_is = [scene.picture(reference)] * len(asked)
    found, before = (_psnr_by_region(pictures, scene, asked) for pictures in (made, as_it_is))
    shares = [
        recovered_share(picture, as_it_is[0], scene.picture(i), scene.defocus_px(reference), scene.defocus_px(i))
        for picture, i in zip(made, asked, strict=True)
    ]
    gains = {f"gain {region}": found[region] - before[region] for region in REGIONS}
    return found | gains | {"recovered": _mean([share for share in shares if share is not None])}


def _psnr_by_region(made: Sequence[Picture], scene: HeldOutScene, frames: Sequence[int]) -> Scores:
    """Mean over the frames; in a frame, regions of too few pixels are left out."""
    values: dict[str, list[float]] = {region: [] for region in REGIONS}
    for picture, frame in zip(made, frames, strict=True):
        truth, sharp = scene.picture(frame), np.abs(scene.defocus_px(frame)) <= IN_FOCUS_RADIUS_PX
        for region, mask in zip(REGIONS, (np.ones_like(sharp), sharp, ~sharp), strict=True):
            if mask.sum() >= LEAST_PIXELS:
                values[region].append(_psnr(picture[mask], truth[mask]))
    return {region: _mean(found) for region, found in values.items()}


def _control(made: Sequence[Picture], scene: HeldOutScene, plane: int) -> float:
    """Control correlation of one plane over its levels, weak to strong."""
    sweep = range(plane, len(made), scene.planes)
    if len(sweep) < 3:
        return float("nan")
    levels = [scene.sample.record.frames[i].blur_level for i in sweep]
    focus = scene.lens(plane).focus_disparity
    return sweep_control([made[i] for i in sweep], levels, scene.disparity, focus).lv_corr


def _psnr(prediction: NDArray[np.uint8], truth: NDArray[np.uint8]) -> float:
    """PSNR in dB as in `fidelity`, without its slow SSIM. Any shape."""
    square = float(np.square(prediction.astype(np.float32) - truth).mean()) / 255.0**2
    return min(PSNR_LIMIT_DB, -10.0 * math.log10(max(square, 1e-12)))


def _focus_error(prediction: Picture, scene: HeldOutScene, asked: int) -> float:
    """The nearest true frame of the group, in squares, shows the plane of the prediction."""
    group = scene.group(asked // scene.planes)
    distances = [float(np.square(prediction.astype(np.float32) - scene.picture(i)).mean()) for i in group]
    nearest = group[int(np.argmin(distances))]
    return abs(scene.lens(nearest).focus_disparity - scene.lens(asked).focus_disparity)


def _mean(values: Sequence[float]) -> float:
    """Mean of the values that are not NaN; NaN without any."""
    known = [value for value in values if not math.isnan(value)]
    return float(np.mean(known)) if known else float("nan")
