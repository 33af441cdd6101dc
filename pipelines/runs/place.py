"""Folders and files on the command line: of this machine, or in a store."""

import dataclasses
import re
from pathlib import Path
from typing import Annotated, Any

from tyro.constructors import PrimitiveConstructorSpec

from pipelines.errors import UserError
from shards.storage import StoragePath, storage_path

Place = Annotated[
    StoragePath,
    PrimitiveConstructorSpec(
        nargs=1,
        metavar="DIR|URL",
        instance_from_str=lambda words: storage_path(words[0]),
        is_instance=lambda value: isinstance(value, StoragePath),
        str_from_instance=lambda value: [str(value)],
    ),
]
"""A folder of this machine, or an fsspec URL (s3://bucket/set), on the command line."""

_URL_AS_PATH = re.compile(r"([a-z][a-z0-9+.-]+):/(?!/)")  # `Path` makes one slash of two


def refuse_urls(config: Any) -> None:
    """Raise UserError for a URL where a configuration record has a plain `Path`: it would be a folder called `s3:`."""
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            refuse_urls(value)
        elif isinstance(value, Path) and _URL_AS_PATH.match(str(value)):
            url = _URL_AS_PATH.sub(r"\1://", str(value))
            flag = f"--{field.name.replace('_', '-')}"
            raise UserError(f"{flag} must lie on this machine; got {url}; copy it here, or copy the result there after")
