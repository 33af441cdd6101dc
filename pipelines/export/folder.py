"""The folder of an export: `.export/` holds its settings and one file a finished shard, with rows and sizes of files.

A shard is finished when that file is there and every file that it lists has its size; any other is written again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.errors import UserError
from pipelines.export.exporter import Row
from pipelines.runs.settings import check_settings, read_settings, settings_to_json
from shards.durable import write_durably

META = ".export"
_SETTINGS = "settings.json"


@dataclass(frozen=True)
class FinishedShard:
    """One shard in an export.

    Attributes:
        sizes: path of each file -> bytes.
        rows: for the list that the format ends with.
        captioned: samples whose photo has a sentence of its own.
    """

    sizes: dict[str, int]
    rows: list[Row]
    captioned: int


class ExportFolder:
    """`--to`. Raises UserError for a folder of other files, or of an export with other settings."""

    def __init__(self, path: Path, settings: Mapping[str, Any]) -> None:
        self.path, self.meta = path, path / META
        if path.exists() and not path.is_dir():
            raise UserError(f"--to {path} must be a folder; got a file; name a new or an empty folder")
        if path.is_dir() and not self.meta.is_dir() and any(path.iterdir()):
            raise UserError(f"--to {path} holds other things than an export; name a new or an empty folder")
        self.meta.mkdir(parents=True, exist_ok=True)
        try:
            if any(entry.name != META for entry in path.iterdir()):  # else it was refused before the first file
                check_settings(path, read_settings(self.meta / _SETTINGS), settings, flag="--to")
            write_durably(self.meta / _SETTINGS, settings_to_json(settings))
        except (ValueError, FileNotFoundError) as error:
            raise UserError(f"{self.meta / _SETTINGS} is damaged: {error}; choose another --to") from error

    def is_finished(self, shard: str) -> bool:
        """Whether every file of a shard is there."""
        try:
            return all((self.path / name).stat().st_size == size for name, size in self.finished(shard).sizes.items())
        except (OSError, ValueError, TypeError):
            return False

    def record(self, shard: str, content: FinishedShard) -> None:
        """Mark a shard as finished."""
        write_durably(self._record(shard), json.dumps(vars(content)).encode())

    def finished(self, shard: str) -> FinishedShard:
        """What was recorded. Raises OSError, ValueError or TypeError when that is nothing, or damaged."""
        return FinishedShard(**json.loads(self._record(shard).read_bytes()))

    def _record(self, shard: str) -> Path:
        return self.meta / f"{shard}.json"
