"""The settings that decide a run's output, as one flat JSON object beside it: resuming insists on the same ones."""

import json
from collections.abc import Mapping
from typing import Any

from pipelines.errors import UserError
from shards.foreign_file import read_foreign
from shards.storage import StoragePath
from shards.strict_json import parse_object

Settings = dict[str, Any]
"""Flags' names and their values."""
MAX_SETTINGS_BYTES = 1 << 20


def settings_to_json(settings: Mapping[str, Any]) -> bytes:
    """The same bytes for the same settings."""
    return (json.dumps(settings, indent=1, sort_keys=True) + "\n").encode()


def read_settings(path: StoragePath) -> Settings:
    """The settings in a file. Raises OSError when it cannot be read, ValueError when it holds no object."""
    try:
        return parse_object(read_foreign(path, max_bytes=MAX_SETTINGS_BYTES))
    except ValueError as error:
        raise ValueError(f"it {error}") from error


def check_settings(out: StoragePath, before: Mapping[str, Any], now: Mapping[str, Any], *, flag: str = "--out") -> None:
    """Raise UserError that names every setting in which this command differs from the run in `out`, given by `flag`."""
    changed = [
        f"{key} was {before.get(key, 'absent')}, now {now.get(key, 'absent')}"
        for key in sorted(before.keys() | now.keys())
        if before.get(key) != now.get(key)
    ]
    if changed:
        raise UserError(
            f"{out} was begun with other settings: {'; '.join(changed)}; "
            f"give the old ones to resume it, or choose another {flag}"
        )
