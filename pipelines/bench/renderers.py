"""Milliseconds a frame: the renderer against direct and binned scatter, taking turns on the same photo and lenses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from pipelines.bench import direct_scatter_cpu
from pipelines.bench.binned_scatter import BinnedScatter
from pipelines.bench.subject import PhotoLike, lenses_through, sampled
from pipelines.bench.timing import Contender, Timing, interleaved
from simulator import Scene, ThinLens
from simulator.reference import scatter as reference

STACK, SETUP, BINNED, DIRECT = "stack", "set-up", "binned scatter", "direct scatter"
FRAME_COUNTS = (1, 3, 6, 12)

Frame = Callable[[Tensor, Tensor, ThinLens], Tensor]


@dataclass(frozen=True)
class RendererRow:
    """One method at one size and radius. Milliseconds a frame; of the set-up, a scene."""

    method: str
    side_px: int
    max_radius_px: int
    frames: int
    ms: Timing


@dataclass(frozen=True)
class DirectScatter:
    """The fastest direct scatter that this machine can build, and what it is."""

    frame: Frame
    built_with: str


def best_direct_scatter(device: str) -> DirectScatter:
    """A Triton kernel on a GPU; compiled C++ on a CPU, or eager torch where nothing compiles."""
    if device == "cuda":
        try:
            from pipelines.bench import direct_scatter_cuda
        except ImportError as error:
            return DirectScatter(reference.direct_scatter, f"eager torch ({error})")
        return DirectScatter(direct_scatter_cuda.direct_scatter, f"Triton {direct_scatter_cuda.triton.__version__}")
    try:
        _, compiler = direct_scatter_cpu.built()
    except direct_scatter_cpu.NoCompiler as reason:
        return DirectScatter(reference.direct_scatter, f"eager torch ({reason})")
    return DirectScatter(direct_scatter_cpu.direct_scatter, compiler)


def measured(
    photo: PhotoLike, max_radius_px: int, direct: DirectScatter, *, repeats: int, device: str
) -> list[RendererRow]:
    """All methods at one size and radius: set-up shared by twelve frames, and by itself; the others frame by frame."""
    lenses = lenses_through(photo.disparity, max_radius_px)
    few = sampled(lenses)
    binned = BinnedScatter(photo.image, photo.disparity)
    contenders = {
        STACK: Contender(partial(_stack, photo, lenses, max_radius_px), len(lenses)),
        SETUP: Contender(partial(Scene.from_rgbd, photo.image, photo.disparity, max_radius_px=float(max_radius_px))),
        BINNED: Contender(lambda: [binned.frame(lens) for lens in few], len(few)),
        DIRECT: Contender(lambda: [direct.frame(photo.image, photo.disparity, lens) for lens in few], len(few)),
    }
    timings = interleaved(contenders, repeats, device=device)
    return [
        RendererRow(name, photo.side_px, max_radius_px, contenders[name].units, timing)
        for name, timing in timings.items()
    ]


def stacks_by_frames(photo: PhotoLike, max_radius_px: int, *, repeats: int, device: str) -> dict[int, Timing]:
    """Milliseconds of a whole stack, set-up included, of 1, 3, 6 and 12 frames."""
    lenses = lenses_through(photo.disparity, max_radius_px)
    spread = {count: _evenly(lenses, count) for count in FRAME_COUNTS}
    contenders = {str(count): Contender(partial(_stack, photo, some, max_radius_px)) for count, some in spread.items()}
    timings = interleaved(contenders, repeats, device=device)
    return {int(count): timing for count, timing in timings.items()}


def _stack(photo: PhotoLike, lenses: Sequence[ThinLens], max_radius_px: float) -> Tensor:
    with torch.no_grad():
        scene = Scene.from_rgbd(photo.image, photo.disparity, max_radius_px=float(max_radius_px))
        return scene.render(lenses)


def _evenly(lenses: list[ThinLens], count: int) -> list[ThinLens]:
    """`count` of them, each from the middle of its share."""
    return [lenses[(2 * i + 1) * len(lenses) // (2 * count)] for i in range(count)]
