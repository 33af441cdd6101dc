"""The device that `--device auto|cpu|cuda` stands for, the cores of this machine, and the CPU threads of torch."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import torch

from pipelines.errors import UserError


def resolve_device(device: str, *, is_elsewhere: bool = False) -> Literal["cpu", "cuda"]:
    """cpu or cuda; `auto` takes a GPU where torch sees one.

    Raises UserError for cuda without a GPU, unless the GPUs are those of other machines.
    """
    has_gpu = torch.cuda.is_available() or (is_elsewhere and device == "cuda")
    if device == "cuda" and not has_gpu:
        raise UserError("--device cuda: torch sees no GPU here; see `refocus-foundry doctor`, or use --device cpu")
    return "cuda" if has_gpu and device != "cpu" else "cpu"


CPU_QUOTAS = ("cpu.max", "cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us")
"""Of a container, below /sys/fs/cgroup: version 2 in one file, version 1 in two."""


def cores(cgroup: Path = Path("/sys/fs/cgroup")) -> int:
    """CPU cores that this process may use: by its affinity, and by the quota of its container."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    words = " ".join(file.read_text() for name in CPU_QUOTAS if (file := cgroup / name).is_file()).split()
    if len(words) == 2 and all(word.isdigit() for word in words):  # else `max` or -1: no quota
        quota, period = map(int, words)
        allowed = min(allowed, max(1, quota // period))
    return allowed


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Within the block torch has this many CPU threads, afterwards as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
