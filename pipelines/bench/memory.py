"""Peak memory of one stack, in a fresh process on a CPU: `python -m pipelines.bench.memory SUBJECT.pt RADIUS THREADS`.

Peaks are those of the process's own memory map (VmHWM): ru_maxrss would begin at the peak of the process that forked.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import torch

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
    """Peak of the resident memory. Raises RuntimeError when the process fails."""
    with tempfile.TemporaryDirectory(prefix="bench-memory-") as folder:
        subject = Path(folder, "subject.pt")
        torch.save({"image": photo.image.cpu(), "disparity": photo.disparity.cpu()}, subject)
        command = [sys.executable, "-m", "pipelines.bench.memory", str(subject), str(max_radius_px), str(threads)]
        environment = os.environ | {"CUDA_VISIBLE_DEVICES": ""}
        root = Path(__file__).parents[2]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=root)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} failed: {done.stderr.strip()[-400:]}")
    before, peak = json.loads(done.stdout)
    return MemoryPeak(photo.side_px, max_radius_px, FRAMES, peak, peak - before, "resident memory of the process")


def peak_on_cuda(photo: PhotoLike, max_radius_px: int) -> MemoryPeak:
    """Peak of what torch holds on the GPU."""
    torch.cuda.empty_cache()
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    _render(photo, max_radius_px)
    peak = torch.cuda.max_memory_allocated()
    return MemoryPeak(photo.side_px, max_radius_px, FRAMES, peak, peak - before, "memory allocated by torch on the GPU")


def _render(photo: PhotoLike, max_radius_px: int) -> None:
    scene = Scene.from_rgbd(photo.image, photo.disparity, max_radius_px=float(max_radius_px))
    scene.render(lenses_through(photo.disparity, max_radius_px))


def _resident_bytes(field: str) -> int:
    """VmRSS or VmHWM of this process; without /proc the only peak there is."""
    status = Path("/proc/self/status")
    if not status.exists():
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    line = next(line for line in status.read_text().splitlines() if line.startswith(f"{field}:"))
    return int(line.split()[1]) * 1024


def _main(subject: str, max_radius_px: str, threads: str) -> None:
    torch.set_num_threads(int(threads))
    photo = PhotoLike(**torch.load(subject, weights_only=True))
    before = _resident_bytes("VmRSS")
    _render(photo, int(max_radius_px))
    print(json.dumps([before, _resident_bytes("VmHWM")]))


if __name__ == "__main__":
    _main(*sys.argv[1:])
