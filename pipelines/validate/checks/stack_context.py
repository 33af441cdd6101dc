"""One lens alone against the same lens within a stack: a frame is a function of photo, map and lens."""

from pipelines.measure.rendering_error import psnr
from pipelines.validate.checks.check import Check
from simulator import ThinLens, render_stack
from simulator.scenes.catalog import builtin_scene


def alone_against_stack(kind: str, *, height: int = 128, width: int = 192, seed: int = 0) -> Check:
    """The lowest PSNR between the two, over a weak, a middle and a strong blur, each focused near and far."""
    image, disparity = builtin_scene(seed, height=height, width=width, kind=kind).layers.photo()
    lenses = [ThinLens(focus, scale * width / 192) for scale in (6.0, 12.0, 30.0) for focus in (0.2, 0.8)]
    stack = render_stack(image, disparity, lenses)
    values = [psnr(render_stack(image, disparity, [lens])[0], frame) for lens, frame in zip(lenses, stack, strict=True)]
    worst = min(range(len(values)), key=values.__getitem__)
    where = f"K {lenses[worst].blur_scale_px:g}, D_f {lenses[worst].focus_disparity:g}"
    return Check(f"alone against in a stack, {kind}", values[worst], "dB", "at least", 60.0, where)
