"""The verb `doctor`: versions, devices, free disk against the estimate, depth model."""

import os
import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

import torch

from pipelines.config import DoctorConfig
from pipelines.errors import UserError
from pipelines.render.config import DepthConfig, RenderConfig, SourceConfig
from pipelines.render.depth.estimator import check_depth
from pipelines.render.estimate import bytes_per_sample
from pipelines.runs.disk import format_bytes, free_bytes
from pipelines.runs.verb_result import VerbResult
from shards.object_store import StoreError, asking

PACKAGES = (
    *("refocus-foundry", "torch", "numpy", "opencv-python-headless", "pillow"),
    *("webdataset", "ray", "transformers", "pyarrow", "tyro"),
)


@dataclass(frozen=True)
class Findings(VerbResult):
    """The state of this machine; `problems` keep a run from working and name a way out, `notes` do not."""

    versions: dict[str, str]
    devices: list[str]
    cpu_cores: int
    memory_bytes: int
    free_bytes: int | None  # None for an object store
    estimated_bytes: int
    depth: str
    depth_is_here: bool
    notes: list[str]
    problems: list[str]

    @property
    def exit_code(self) -> int:
        """1 when something keeps a run from working."""
        return 1 if self.problems else 0

    @property
    def _free(self) -> str:
        return "no limit" if self.free_bytes is None else f"{format_bytes(self.free_bytes)} free"

    def summary(self) -> str:
        """For people: one line a finding."""
        rows = {
            **self.versions,
            "devices": ", ".join(self.devices),
            "memory": format_bytes(self.memory_bytes),
            "disk": f"{self._free}, about {format_bytes(self.estimated_bytes)} needed",
            "depth": self.depth,
        }
        lines = [f"{name:<24} {value}" for name, value in rows.items()]
        lines += [f"note: {note}" for note in self.notes]
        lines += [f"problem: {problem}" for problem in self.problems]
        return "\n".join([*lines, "not ready" if self.problems else "ready"])


def examine(config: DoctorConfig) -> Findings:
    """The state of this machine for a run with default settings."""
    versions = {"python": platform.python_version()} | {name: _version(name) for name in PACKAGES}
    problems = [f"{name} is not installed; run `make setup`" for name, found in versions.items() if not found]
    free = free_bytes(config.out)
    needed = config.samples * bytes_per_sample(RenderConfig(SourceConfig("photos"), out=config.out))
    if free is not None and needed > free:
        problems.append(
            f"{config.out} has {format_bytes(free)} free, {config.samples} samples take about {format_bytes(needed)}"
        )
    try:
        with asking(config.out):
            config.out.exists()
    except StoreError as error:
        problems.append(f"{error}; check network and credentials")
    depth, is_here, notes = _depth(config.depth)
    return Findings(
        versions=versions,
        devices=_devices(),
        cpu_cores=os.cpu_count() or 1,
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        free_bytes=free,
        estimated_bytes=needed,
        depth=depth,
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
    """Name of the depth model, whether its weights are on this machine, and notes."""
    try:
        origin = check_depth(DepthConfig(depth, offline=True))[-1]
    except UserError as error:
        return "not on this machine", False, [f"{error}"]
    license_note = [f"{origin.source} may not be used commercially ({origin.license})"] * origin.is_noncommercial
    return " ".join(part for part in (origin.source, origin.revision, origin.license) if part), True, license_note
