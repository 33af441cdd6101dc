"""Scenes at the edge of what a map may hold: disparities a rounding apart, and radii larger than the frame."""

import math
import time

import torch
from torch import Tensor

from pipelines.validate.checks.check import Check
from simulator import ThinLens, render_stack

SCENES = 60
LARGE_RADIUS_S = 3.0
_HEIGHT, _WIDTH = 48, 64


def cut_outs(seed: int) -> tuple[Tensor, Tensor]:
    """Image [3, H, W] and disparity [H, W]: discs before a wall, some of them one float32 apart in disparity."""
    generator = torch.Generator().manual_seed(seed)

    def draw(low: float, high: float) -> float:
        return low + (high - low) * float(torch.rand((), generator=generator))

    image = torch.rand(3, _HEIGHT, _WIDTH, generator=generator)
    disparity = torch.full((_HEIGHT, _WIDTH), draw(0.0, 0.3))
    y, x = torch.meshgrid(torch.arange(_HEIGHT), torch.arange(_WIDTH), indexing="ij")
    nearest = torch.tensor(1.0)
    for _ in range(int(draw(2.0, 7.0))):
        inside = torch.hypot(y - draw(0, _HEIGHT), x - draw(0, _WIDTH)) < draw(4.0, 16.0)
        disparity[inside] = nearest
        nearest = torch.nextafter(nearest, torch.tensor(-math.inf)) if draw(0, 1) < 0.5 else nearest - draw(0.05, 0.2)
    return image, disparity


def broken_cut_outs(count: int = SCENES) -> Check:
    """How many of the scenes have a frame with NaN, infinity, or light outside the photo's range."""
    broken = []
    for seed in range(count):
        image, disparity = cut_outs(seed)
        lenses = [ThinLens(focus, scale) for focus, scale in ((1.0, 12.0), (0.3, 6.0))]
        frames = render_stack(image, disparity, lenses)
        if not (frames.max() <= 1.05 * image.max() and frames.min() >= 0):  # NaN fails, too
            broken.append(seed)
    where = f"of {count}" + (f"; seeds {', '.join(map(str, broken[:5]))}" if broken else "")
    return Check("cut-outs with broken frames", float(len(broken)), "scenes", "at most", 0.0, where)


def seconds_of_large_radius(radius_px: float = 300.0) -> Check:
    """Seconds of one frame of 96 × 128 pixels whose largest disc is wider than the frame, the first in its process."""
    disparity = torch.linspace(0.0, 1.0, 96)[:, None].expand(96, 128).contiguous()
    image = torch.rand(3, 96, 128, generator=torch.Generator().manual_seed(1))
    start = time.perf_counter()
    render_stack(image, disparity, [ThinLens(0.0, radius_px)])
    spent = time.perf_counter() - start
    return Check(
        f"time for r {radius_px:g} at 96x128", spent, "s", "at most", LARGE_RADIUS_S, "one frame, tables empty"
    )
