"""Light on slanted planes: a white square on a black plane whose blur radius changes along x.

Light is neither made nor lost by a lens: the sum over the frame is that of the photo. `exact` renders give the truth of
the discrete scene. Letters: slope: change of the blur radius in px for each px along x.
"""

import torch

from pipelines.validate.checks.check import Check
from simulator import Scene, ThinLens

SLOPES = (0.05, 0.1, 0.25, 0.5)
_BARS = {0.5: 2.0}  # percent; elsewhere 0.5
_HALF_PX, _SQUARE_PX = 72, 4  # the frame's and the square's half sides
_PLACES_PX = (-40, -16, 0, 16, 40)  # of the square's middle from the line in focus


def light_on_slope(slope: float, *, with_truth: bool = True) -> Check:
    """Largest share of light lost or gained, in percent, over squares in front of, in and behind the focus."""
    side = 2 * _HALF_PX + 1
    disparity = (0.5 + torch.arange(-_HALF_PX, _HALF_PX + 1) / (2.0 * _HALF_PX)).expand(side, side).contiguous()
    lens = ThinLens(0.5, slope * 2.0 * _HALF_PX)
    errors: dict[str, list[float]] = {"fast": [], "exact": []}
    for place in _PLACES_PX:
        image = torch.zeros(3, side, side)
        rows, middle = slice(_HALF_PX - _SQUARE_PX, _HALF_PX + _SQUARE_PX + 1), _HALF_PX + place
        image[:, rows, middle - _SQUARE_PX : middle + _SQUARE_PX + 1] = 1.0
        scene = Scene.from_rgbd(image, disparity, max_radius_px=slope * _HALF_PX * 1.001 + 0.01)
        for quality in errors if with_truth else ("fast",):
            frame = scene.render([lens], quality=quality)[0]
            errors[quality].append(100 * (float(frame.double().sum() / image.double().sum()) - 1.0))
    worst = max(range(len(_PLACES_PX)), key=lambda i: abs(errors["fast"][i]))
    truth = max(errors["exact"], key=abs) if with_truth else None
    where = f"{errors['fast'][worst]:+.2f} % at {_PLACES_PX[worst]:+d} px"
    bar = _BARS.get(slope, 0.5)
    return Check(f"light on a slope of {slope:g} px/px", abs(errors["fast"][worst]), "%", "at most", bar, where, truth)
