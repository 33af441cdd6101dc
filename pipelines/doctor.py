"""What a run would find on this machine: versions, devices, disk against estimate, depth model."""

from __future__ import annotations

import os
import platform
import shutil
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from pipelines.errors import UserError
from pipelines.render import recipes
from pipelines.render.config import DepthConfig
from pipelines.render.depth.estimator import check_depth
from pipelines.render.estimate import bytes_per_sample
from pipelines.runs.disk import format_bytes

PACKAGES = (
    *("refocus-foundry", "torch", "numpy", "opencv-python-headless", "pillow"),
    *("webdataset", "ray", "transformers", "pyarrow", "tyro"),
)


@dataclass(frozen=True)
class Findings:
    """What the doctor saw; `problems` keep a run from working and have a way out, `notes` do not."""

    versions: dict[str, str]
    devices: list[str]
    cpu_cores: int
    memory_bytes: int
    free_bytes: int
    estimated_bytes: int
    depth: str
    depth_is_here: bool
    notes: list[str]
    problems: list[str]

    @property
    def exit_code(self) -> int:
        """1 when something keeps a run from working."""
        return 1 if self.problems else 0

    def summary(self) -> str:
        """For people: one line a finding."""
        rows = {
            **self.versions,
            "devices": ", ".join(self.devices),
            "memory": format_bytes(self.memory_bytes),
            "disk": f"{format_bytes(self.free_bytes)} free, about {format_bytes(self.estimated_bytes)} needed",
            "depth": self.depth,
        }
        lines = [f"{name:<24} {value}" for name, value in rows.items()]
        lines += [f"note: {note}" for note in self.notes]
        lines += [f"problem: {problem}" for problem in self.problems]
        return "\n".join([*lines, "not ready" if self.problems else "ready"])


def examine(out: Path, samples: int, depth: str) -> Findings:
    """Look at this machine as a run of `samples` default samples into `out` would find it."""
    versions = {"python": platform.python_version()} | {name: _version(name) for name in PACKAGES}
    problems = [f"{name} is not installed; run `make setup`" for name, found in versions.items() if not found]
    existing = next(folder for folder in (out, *out.absolute().parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    needed = samples * bytes_per_sample(recipes.default("photos", out))
    if needed > free:
        problems.append(
            f"{existing} has {format_bytes(free)} free, {samples} samples take about {format_bytes(needed)}"
        )
    said, is_here, notes = _depth(depth)
    return Findings(
        versions=versions,
        devices=_devices(),
        cpu_cores=os.cpu_count() or 1,
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        free_bytes=free,
        estimated_bytes=needed,
        depth=said,
        depth_is_here=is_here,
        notes=notes,
        problems=problems,
    )


def _version(package: str) -> str:
    """Empty when it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _devices() -> list[str]:
    gpus = [torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count())]
    return [f"cpu ({os.cpu_count()} cores)"] + [f"{gpu.name} ({format_bytes(gpu.total_memory)})" for gpu in gpus]


def _depth(depth: str) -> tuple[str, bool, list[str]]:
    """What is said of the depth model, whether its weights are on this machine, and notes."""
    try:
        origin = check_depth(DepthConfig(depth, offline=True))[-1]
    except UserError as error:
        return "not on this machine", False, [f"{error}"]
    license_note = [f"{origin.source} may not be used commercially ({origin.license})"] * origin.is_noncommercial
    return " ".join(part for part in (origin.source, origin.revision, origin.license) if part), True, license_note
