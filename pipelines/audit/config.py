"""What an audit is told; the command line is made from this record."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

from pipelines.errors import UserError


@dataclass(frozen=True)
class AuditConfig:
    """Say whether a data set's labels are true: blur, planes, depth, splits; exit code 4 when a line fails."""

    out: Positional[Path]
    """Folder of the data set, a folder of tars, or a tar."""
    samples: int = 24
    """How many samples, evenly over the data set, have their frames measured; labels and depth are read of all."""
    map: Path | None = None
    """JSON or YAML file that says what the fields of somebody else's shards mean (docs/audit.md)."""
    json: bool = False
    """Result as one JSON object on stdout."""

    def __post_init__(self) -> None:
        if self.samples < 1:
            raise UserError(f"--samples must be at least 1; got {self.samples}")
        if self.map is not None and not self.map.is_file():
            raise UserError(f"--map {self.map} must be a JSON or YAML file; it does not exist")
