"""Peak memory of one stack: in a fresh process on a CPU, of torch's own allocator on a GPU.

Peaks are those of the process's own memory map (VmHWM): ru_maxrss would begin at the peak of the process that forked.
"""

import multiprocessing
import resource
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from pipelines.bench.subject import FRAMES, PhotoLike, lenses_through
from simulator import Scene


@dataclass(frozen=True)
class MemoryPeak:
    """Bytes while one stack is rendered, set-up included; `added` to what the process held before."""

    side_px: int
    max_radius_px: int
    frames: int
    peak_bytes: int
    added_bytes: int
    of: str


def peak_on_cpu(photo: PhotoLike, max_radius_px: int, threads: int) -> MemoryPeak:
    """Peak of the resident memory. Raises BrokenProcessPool when the process is killed."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        arrays = photo.image.cpu().numpy(), photo.disparity.cpu().numpy()
        before, peak = process.submit(_resident_peak, *arrays, max_radius_px, threads).result()
    return MemoryPeak(photo.side_px, max_radius_px, FRAMES, peak, peak - before, "resident memory of the process")


def peak_on_cuda(photo: PhotoLike, max_radius_px: int) -> MemoryPeak:
    """Peak of what torch holds on the GPU."""
    torch.cuda.empty_cache()
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    _render(photo, max_radius_px)
    peak = torch.cuda.max_memory_allocated()
    return MemoryPeak(photo.side_px, max_radius_px, FRAMES, peak, peak - before, "memory allocated by torch on the GPU")


def _resident_peak(
    image: NDArray[np.float32], disparity: NDArray[np.float32], max_radius_px: int, threads: int
) -> tuple[int, int]:
    """Bytes before the stack is rendered, and at the peak."""
    torch.set_num_threads(threads)
    photo = PhotoLike(torch.from_numpy(image), torch.from_numpy(disparity))
    before = resident_bytes("VmRSS")
    _render(photo, max_radius_px)
    return before, resident_bytes("VmHWM")


def _render(photo: PhotoLike, max_radius_px: int) -> None:
    scene = Scene.from_rgbd(photo.image, photo.disparity, max_radius_px=float(max_radius_px))
    scene.render(lenses_through(photo.disparity, max_radius_px))


def resident_bytes(field: str) -> int:
    """VmRSS or VmHWM of this process; without /proc the only peak there is."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    line = next(line for line in status.read_text().splitlines() if line.startswith(f"{field}:"))
    return int(line.split()[1]) * 1024
