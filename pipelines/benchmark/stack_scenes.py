"""Scenes from focus stacks of a camera or another renderer: photo and depth are to predict each frame."""

from pathlib import Path

from pipelines.benchmark.metric_scene import MetricScale
from pipelines.benchmark.tasks import AIF_FILE, DISPARITY_FILE, Frame, TestScene, make_task, write_picture
from pipelines.stacks.config import StackOptions
from pipelines.stacks.focus_stack import FocusStack
from pipelines.stacks.labeled_stack import LabeledStack, labeled


def make_stack(folder: Path, stack: FocusStack, options: StackOptions) -> TestScene:
    """Write the photo, depth and frames as PNGs and list one task a frame.

    Frames focused beyond the scene's depth have no pixel to focus on, and no task. The blur that the photo has itself
    (F16) is that of the tasks' input. All f-numbers on the middle plane are a sweep, all planes of the widest opening a
    stacking group. Raises ValueError without a frame focused within the scene.
    """
    content = labeled(stack, options)
    scale = MetricScale.of(content.disparity)
    place = folder / "scenes" / stack.name
    write_picture(place / AIF_FILE, content.photo)
    write_picture(place / DISPARITY_FILE, scale.codes)
    photo = None if content.photo_lens is None else scale.frame("photo", AIF_FILE, content.photo_lens)
    frames = _frames(content, scale)
    for i, frame in frames.items():
        write_picture(place / frame.file, content.picture(i))
    planes = sorted({frame.focus_disparity for frame in frames.values()})
    middle, widest = planes[len(planes) // 2], min(stack.frames[i].f_number for i in frames)
    tasks = (
        make_task(
            stack.name,
            scale.size,
            "bokeh",
            photo,
            frame,
            sweep=frame.focus_disparity == middle,
            group=stack.frames[i].f_number == widest,
        )
        for i, frame in frames.items()
    )
    return TestScene(folder, stack.name, f"focus stack, {options.layout}", tuple(tasks))


def _frames(content: LabeledStack, scale: MetricScale) -> dict[int, Frame]:
    """By their number in the stack."""
    found = {}
    for i, (frame, lens) in enumerate(zip(content.stack.frames, content.lenses, strict=True)):
        if 0.0 <= (lens.focus_disparity - scale.low) / scale.range <= 1.0:
            name = f"f{frame.f_number:g}-{frame.focus_distance_m:g}m"
            found[i] = scale.frame(name, f"frame_{name}.png", lens)
    if not found:
        raise ValueError("no frame is focused within the depth of the scene; check the units of depth and distances")
    return found
