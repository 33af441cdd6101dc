"""How the pictures of an arm are made. A way returns None for a task that it cannot do, such as one without depth."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from torch import Tensor

from pipelines.experiment.arms import Arm
from pipelines.experiment.held_out import RefocusTask
from pipelines.measure.fidelity import Picture
from pipelines.model.checkpoint import load_averaged
from pipelines.model.sampler_config import SamplerConfig
from pipelines.pictures.srgb8 import from_srgb8, to_srgb8
from pipelines.refocus.back_projection import STEPS
from pipelines.refocus.composition import Composition
from pipelines.refocus.flow_refocuser import FlowRefocuser
from pipelines.refocus.missing_blur import missing_blur
from pipelines.refocus.network_sharpener import NetworkSharpener
from pipelines.refocus.refocuser import UNKNOWN_LENS, PreparedPhoto, Refocuser
from pipelines.refocus.sharpen_then_render import SharpenThenRender
from pipelines.refocus.sharpener import Unsharpened

Way = Callable[[RefocusTask], Sequence[Picture] | None]

SAMPLER = SamplerConfig(steps=4, solver="euler")
"""Of small pictures more steps change nothing that is measured, and a study makes tens of thousands."""
ALONE = 3
"""Steps of back-projection where nothing is learned: 0.1 dB better than two."""


def way_of(arm: Arm, run: Path | None, device: str) -> Way:
    """The way of an arm, with the newest checkpoint of `run` where it is a learned one.

    Raises UserError as `load_averaged` does.
    """
    if run is None:
        return _NOT_LEARNED[arm.way]
    model, trained_on = load_averaged(run)
    if arm.way == "network":
        has_own_lens = arm.is_lens_given and trained_on.defocus_maps
        return _refocused(FlowRefocuser(model, trained_on, device, SAMPLER, "trained"), has_own_lens)
    if arm.way == "missing blur, then network":
        return _needing_depth(_refocused_from_blurred(FlowRefocuser(model, trained_on, device, SAMPLER, "trained")))
    steps = STEPS if arm.is_reblurred else 0
    refocuser = SharpenThenRender(NetworkSharpener(model, trained_on, device), device, steps)
    if arm.way == "sharpened, then composed":
        return _needing_depth(_refocused(refocuser, arm.is_lens_given))

    def rendered(task: RefocusTask) -> Sequence[Picture]:
        sharp = _prepared(refocuser, task, arm.is_lens_given).sharp
        assert sharp is not None
        return _rendered(sharp, task)

    return _needing_depth(rendered)


def _refocused(refocuser: Refocuser, is_lens_given: bool) -> Way:
    return lambda task: list(_prepared(refocuser, task, is_lens_given).frames(task.requests, 0))


def _refocused_from_blurred(refocuser: Refocuser) -> Way:
    def way(task: RefocusTask) -> Sequence[Picture]:
        pictures, depth, lens = blurred_on(task), task.scene.disparity, task.photo_lens
        prepared = [refocuser.prepare(picture, depth, lens) for picture in pictures]
        return [next(each.frames([asked], 0)) for each, asked in zip(prepared, task.requests, strict=True)]

    return way


def _prepared(refocuser: Refocuser, task: RefocusTask, is_lens_given: bool) -> PreparedPhoto:
    disparity = task.scene.disparity if task.has_depth else None
    is_told = is_lens_given and task.has_depth
    return refocuser.prepare(task.picture, disparity, task.photo_lens if is_told else UNKNOWN_LENS)


def _needing_depth(way: Way) -> Way:
    return lambda task: way(task) if task.has_depth else None


def _rendered(photo: Picture, task: RefocusTask) -> list[Picture]:
    """The renderer's frames of an all-in-focus photo."""
    light = from_srgb8(photo)
    return _displayed(Composition(light, task.scene.depth, None, light).frames(task.lenses))


def blurred_on(task: RefocusTask) -> list[Picture]:
    """The reference with the blur that it lacks."""
    light, own = from_srgb8(task.picture), task.own_lens
    return _displayed(missing_blur(light, task.scene.depth, own, asked) for asked in task.lenses)


def _displayed(frames: Iterable[Tensor]) -> list[Picture]:
    return [to_srgb8(frame[None])[0] for frame in frames]


_NOT_LEARNED: dict[str, Way] = {
    "as it is": lambda task: [task.picture] * len(task.frames),
    "true frames": lambda task: task.truth,
    "blurred twice": _needing_depth(lambda task: _rendered(task.picture, task)),
    "missing blur": _needing_depth(blurred_on),
    "deconvolved": _needing_depth(_refocused(SharpenThenRender(Unsharpened(), steps=ALONE), True)),
    "photo rendered": _needing_depth(lambda task: _rendered(task.scene.sample.aif, task)),
}
