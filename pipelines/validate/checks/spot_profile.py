"""White points in a focus pull: is a disc a disc? Radius at half of the plateau, width of the rim, jumps.

The profile of a spot is its light over the distance from its middle. A true disc, drawn by counting points of a fine
grid, is measured in the same way; errors are differences between the two. The second moment hides such errors: a
wide rim around a disc that is too small has the moment of the right disc.
Letters: r labeled radius in pixels.
"""

import math
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from pipelines.validate.checks.check import Check
from simulator import ThinLens, render_stack

RADII_PX = tuple(2.0 * 1.04**i for i in range(89))  # to 63 px
WHITES = (1.0, 0.98)
_BLUR_SCALE_PX = 64.0
_JUMP_BAR = 1.5  # percent; pixels alone make 1.0 at r = 3, where the profile has few of them
_FINE = 8  # points a pixel and direction of a true disc
_STEP_PX, _WINDOW_PX = 0.1, 0.5  # of the profile


@dataclass(frozen=True)
class Profile:
    """Half-maximum radius, and the distance between 90 and 10 percent of the plateau, in pixels."""

    half_maximum_px: float
    rim_px: float


def profile_of(spot: Tensor, radius_px: float) -> Profile:
    """Of a spot [d, d] with its middle in the middle pixel; `radius_px` tells where the plateau is."""
    half = spot.shape[-1] // 2
    offset = torch.arange(-half, half + 1, dtype=torch.float64)
    distance = torch.hypot(offset[:, None], offset[None]).flatten()
    light = spot.double().flatten()
    plateau = light[distance <= max(0.6 * radius_px, 1.0)].mean()
    steps = torch.arange(0.0, min(1.4 * radius_px + 4.0, half), _STEP_PX, dtype=torch.float64)
    window = (distance[None] - steps[:, None]).abs() <= _WINDOW_PX  # [S, d·d]
    mean = (window * light).sum(1) / window.sum(1).clamp(min=1) / plateau
    return Profile(_crossing(steps, mean, 0.5), _crossing(steps, mean, 0.1) - _crossing(steps, mean, 0.9))


def true_disc(radius_px: float, half: int) -> Tensor:
    """Share of each pixel [2 half + 1, 2 half + 1] that a disc covers, by points; unit sum."""
    fine = (torch.arange((2 * half + 1) * _FINE, dtype=torch.float32) + 0.5) / _FINE - half - 0.5
    inside = (fine[:, None].square() + fine[None].square() <= radius_px**2).float()
    mask = torch.nn.functional.avg_pool2d(inside[None], _FINE)[0].double()
    return mask / mask.sum()


def focus_pull(white: float, radii_px: tuple[float, ...] = RADII_PX) -> list[Check]:
    """Worst half-maximum radius, widest rim and largest jump of a white point over a focus pull."""
    half = math.ceil(1.4 * radii_px[-1]) + 6
    image = torch.zeros(3, 2 * half + 1, 2 * half + 1)
    image[:, half, half] = white
    lenses = [ThinLens(0.5 - r / _BLUR_SCALE_PX, _BLUR_SCALE_PX) for r in radii_px]
    frames = render_stack(image, torch.full_like(image[0], 0.5), lenses)[:, 1]  # [F, d, d]
    scale, rim = [], []
    for r, frame in zip(radii_px, frames, strict=True):
        reach = math.ceil(1.4 * r) + 5
        middle = slice(half - reach, half + reach + 1)
        ours, truth = profile_of(frame[middle, middle], r), profile_of(true_disc(r, reach), r)
        scale.append(ours.half_maximum_px / truth.half_maximum_px - 1.0)
        rim.append(ours.rim_px - truth.rim_px)
    jumps = [abs(b - a) for a, b in pairwise(scale)]
    return [
        _check(f"half-maximum radius, white {white:g}", [100 * abs(s) for s in scale], "%", 2.0, radii_px),
        _check(f"rim wider than a disc's, white {white:g}", rim, "px", 0.5, radii_px),
        _check(
            f"jump of the radius in a focus pull, white {white:g}", [100 * j for j in jumps], "%", _JUMP_BAR, radii_px
        ),
    ]


def _check(what: str, values: list[float], unit: str, bar: float, radii_px: tuple[float, ...]) -> Check:
    worst = max(range(len(values)), key=lambda i: math.inf if math.isnan(values[i]) else values[i])
    return Check(what, values[worst], unit, "at most", bar, f"r {radii_px[worst]:.2f}")


def _crossing(steps: Tensor, profile: Tensor, level: float) -> float:
    """The outermost distance at which the profile falls below the level, linear between steps."""
    above = (profile >= level).nonzero()[:, 0]
    last = int(above[-1]) if len(above) else 0
    if last + 1 >= len(steps):
        return float(steps[-1])
    a, b = float(profile[last]), float(profile[last + 1])
    return float(steps[last]) + _STEP_PX * (a - level) / max(a - b, 1e-12)
