"""Configuration of an audit; the command line is made from this record."""

from dataclasses import dataclass, field
from pathlib import Path

from tyro.conf import Positional

from pipelines.errors import UserError, require
from pipelines.runs.place import Place
from pipelines.stacks.config import StackOptions


@dataclass(frozen=True)
class AuditConfig:
    """Check a data set's labels against its frames: blur, planes, depth, splits; exit code 4 when a check fails."""

    out: Positional[Place]
    """Folder of the data set, a folder of tars, a tar, or with --layout a folder of focus stacks; or its URL."""
    samples: int = 24
    """Number of samples, evenly spread, whose frames are measured; labels and depth are read for all samples."""
    planes: int = 1
    """Planes whose frames are measured, of each of these samples; planes take turns from sample to sample."""
    stacks: StackOptions = field(default_factory=StackOptions)
    map: Path | None = None
    """For shards of another format: JSON or YAML file that names their fields and units (docs/audit.md)."""
    json: bool = False
    """Result as one JSON object on stdout."""

    def __post_init__(self) -> None:
        require(self.planes >= 1, "--planes", "be at least 1", self.planes)
        require(self.samples >= 1, "--samples", "be at least 1", self.samples)
        if self.map is not None and not self.map.is_file():
            raise UserError(f"--map {self.map} must be a JSON or YAML file; it does not exist")
