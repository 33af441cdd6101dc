"""Milliseconds a frame: the renderer against direct and binned scatter, taking turns on the same photo and lenses."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from pipelines.bench import direct_scatter_cpu
from pipelines.bench.binned_scatter import BinnedScatter
from pipelines.bench.subject import PhotoLike, lenses_through, sampled
from pipelines.bench.timing import Timing, interleaved
from simulator import Scene, ThinLens
from simulator.reference import scatter as reference

STACK, SETUP, BINNED, DIRECT = "stack", "set-up", "binned scatter", "direct scatter"


@dataclass(frozen=True)
class RendererRow:
    """One method at one size and radius. Milliseconds a frame; of the set-up, a scene."""

    method: str
    side_px: int
    max_radius_px: int
    frames: int
    ms: Timing
    times_stack: float
    """Median over that of a stack's frame, set-up included."""


@dataclass(frozen=True)
class DirectScatter:
    """The fastest direct scatter that this machine can build, and what it is."""

    frame: Callable[[Tensor, Tensor, ThinLens], Tensor]
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
    """All methods at one size and radius: a stack and its set-up once for twelve frames, the others frame by frame."""
    lenses = lenses_through(photo.disparity, max_radius_px)
    few = sampled(lenses)
    binned = BinnedScatter(photo.image, photo.disparity)

    def set_up() -> Scene:
        return Scene.from_rgbd(photo.image, photo.disparity, max_radius_px=float(max_radius_px))

    methods: dict[str, Callable[[], object]] = {
        STACK: lambda: set_up().render(lenses),
        SETUP: set_up,
        BINNED: lambda: [binned.frame(lens) for lens in few],
        DIRECT: lambda: [direct.frame(photo.image, photo.disparity, lens) for lens in few],
    }
    frames = {STACK: len(lenses), SETUP: 1, BINNED: len(few), DIRECT: len(few)}
    with torch.no_grad():
        seconds = interleaved(methods, repeats, device=device)
    timings = {
        name: Timing.from_seconds(spent, first_s=first, units=frames[name]) for name, (first, spent) in seconds.items()
    }
    stack_ms = timings[STACK].median_ms
    return [
        RendererRow(name, photo.side_px, max_radius_px, frames[name], ms, ms.median_ms / stack_ms)
        for name, ms in timings.items()
    ]
