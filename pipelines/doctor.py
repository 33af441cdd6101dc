"""The verb `doctor`: versions, devices, free disk against the estimate, depth model."""

import os
import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from shlex import quote

import torch

from pipelines.config import DoctorConfig
from pipelines.errors import UserError
from pipelines.render.config import DepthConfig, RenderConfig, SourceConfig
from pipelines.render.depth.estimator import check_depth
from pipelines.render.estimate import bytes_per_sample
from pipelines.runs.disk import closed_folder, counted, format_bytes, free_bytes
from pipelines.runs.verb_result import VerbResult
from shards.licenses import SYNTHETIC_SHAPES
from shards.object_store import StoreError, asking

PACKAGES = (
    *("refocus-foundry", "torch", "numpy", "opencv-python-headless", "pillow"),
    *("webdataset", "ray", "transformers", "pyarrow", "tyro"),
)


@dataclass(frozen=True)
class Findings(VerbResult):
    """The state of this machine for the run that was asked about.

    room_for_samples: that the free disk holds; None in an object store. `problems` keep the run from working and name
    a way out, `notes` do not.
    """

    out: str
    samples: int
    versions: dict[str, str]
    devices: list[str]
    cpu_cores: int
    memory_bytes: int
    free_bytes: int | None
    estimated_bytes: int
    room_for_samples: int | None
    depth: str
    depth_is_here: bool
    notes: list[str]
    problems: list[str]
    next_command: str

    @property
    def exit_code(self) -> int:
        """1 when something keeps the run from working."""
        return 1 if self.problems else 0

    def summary(self) -> str:
        """For people: what was asked, one line a finding, and whether it would work now."""
        disk = f"about {format_bytes(self.estimated_bytes)} needed"
        if self.free_bytes is not None:
            disk += f", {format_bytes(self.free_bytes)} free: room for {counted(self.room_for_samples or 0, 'sample')}"
        rows = {
            "asked": f"{counted(self.samples, 'sample')} of default size into {self.out}",
            **self.versions,
            "devices": ", ".join(self.devices),
            "memory": format_bytes(self.memory_bytes),
            "disk": disk,
            "depth": self.depth,
        }
        lines = [f"{name:<24} {value}" for name, value in rows.items()]
        lines += [f"note: {note}" for note in self.notes]
        lines += [f"problem: {problem}" for problem in self.problems]
        return "\n".join([*lines, "not ready" if self.problems else f"ready: {self.next_command}"])


def examine(config: DoctorConfig) -> Findings:
    """The state of this machine for a run of the default size; asks the hub for a depth model that is not here."""
    versions = {"python": platform.python_version()} | {name: _version(name) for name in PACKAGES}
    problems = [f"{name} is not installed; pip install {name}" for name, found in versions.items() if not found]
    free = free_bytes(config.out)
    each = bytes_per_sample(RenderConfig(SourceConfig("photos"), out=config.out))
    if free is not None and config.samples * each > free:
        problems.append(
            f"{config.out} has {format_bytes(free)} free, {counted(config.samples, 'sample')} take about "
            f"{format_bytes(config.samples * each)}; name another --out, or fewer --samples"
        )
    problems += _closed(config)
    depth, is_here, notes, no_depth = _depth(config)
    flags = f" --depth {quote(config.depth)}" * (config.depth != "auto")
    flags += " --allow-synthetic-depth" * (config.depth in SYNTHETIC_SHAPES)
    return Findings(
        out=str(config.out),
        samples=config.samples,
        versions=versions,
        devices=_devices(),
        cpu_cores=os.cpu_count() or 1,
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        free_bytes=free,
        estimated_bytes=config.samples * each,
        room_for_samples=None if free is None else free // each,
        depth=depth,
        depth_is_here=is_here,
        notes=notes,
        problems=problems + no_depth,
        next_command=f"refocus-foundry render --photos my/photos{flags} --out {quote(str(config.out))}",
    )


def _closed(config: DoctorConfig) -> list[str]:
    """Why nothing can be written to `out`, if so: asked of the folder above that is there, or of the store."""
    if isinstance(config.out, Path):
        closed = closed_folder(config.out)
        return [f"{closed} is no folder that you may write to; name another --out"] if closed else []
    try:
        with asking(config.out):
            config.out.exists()
    except StoreError as error:
        return [f"{error}; check network and credentials"]
    return []


def _version(package: str) -> str:
    """Empty when it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _devices() -> list[str]:
    gpus = [torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count())]
    return [f"cpu ({os.cpu_count()} cores)"] + [f"{gpu.name} ({format_bytes(gpu.total_memory)})" for gpu in gpus]


def _depth(config: DoctorConfig) -> tuple[str, bool, list[str], list[str]]:
    """Name of the depth model, whether its weights are on this machine, notes, and the problem if there is none."""
    try:
        asked = DepthConfig(config.depth, allow_synthetic_depth=True)
        origin = check_depth(RenderConfig(SourceConfig("photos"), config.out, depth=asked).depth)[-1]
    except UserError as error:
        others = "built-in scenes (--photos builtin:24) and photos with depth maps (--depth sidecar) need none"
        return "not on this machine", False, [others] * (config.depth == "auto"), [f"{error}"]
    notes = [f"{origin.source} may not be used commercially ({origin.license})"] * origin.is_noncommercial
    notes += ["this depth is made up: it knows nothing of the photos"] * (config.depth in SYNTHETIC_SHAPES)
    notes += [f"the weights of {origin.source} are downloaded by the first run"] * (not origin.is_here)
    return " ".join(filter(None, (origin.source, origin.revision, origin.license))), origin.is_here, notes, []
