"""The machine that the numbers were taken on, and how busy it was."""

import os
import platform
from dataclasses import dataclass
from pathlib import Path

import torch

from shards.parallel import cores


@dataclass(frozen=True)
class Machine:
    """The machine that times depend on. `load`: one-minute load average before the first measurement."""

    cpu: str
    cores: int
    memory_bytes: int
    device: str
    threads: int
    torch_version: str
    python_version: str
    system: str
    load: float


def this_machine(device: str, threads: int) -> Machine:
    """The machine as it is now."""
    on_gpu = device == "cuda"
    return Machine(
        cpu=_cpu_model(),
        cores=cores(),
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        device=f"cuda ({torch.cuda.get_device_name()}, CUDA {torch.version.cuda})" if on_gpu else "cpu",
        threads=threads,
        torch_version=torch.__version__,
        python_version=platform.python_version(),
        system=f"{platform.system()} {platform.machine()}",
        load=os.getloadavg()[0],
    )


def _cpu_model() -> str:
    listed = Path("/proc/cpuinfo")
    lines = listed.read_text().splitlines() if listed.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown CPU"
