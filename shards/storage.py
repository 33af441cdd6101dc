"""Where files lie: a folder of this machine, or an object store behind an fsspec URL (s3://, gs://, memory://).

A local path is a `pathlib.Path`, a URL a `UPath` with the same methods. What differs is how a file appears whole or not
at all: by renaming here, by uploading a complete object there (see durable.py).
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

from upath import UPath

StoragePath: TypeAlias = Path | UPath


def is_url(text: str) -> bool:
    """Whether a text names a place by scheme. `C:` and `builtin:` are none: a URL has `://`."""
    return "://" in text


def storage_path(place: str | StoragePath) -> StoragePath:
    """The path that a text means.

    Raises:
        ValueError: a scheme that no installed library serves; the message names what to install where that is known.
    """
    if not isinstance(place, str):
        return place
    if not is_url(place):
        return Path(place)
    scheme, _, rest = place.partition("://")
    if scheme == "file":
        return Path(rest)
    try:
        path = UPath(place)
        path.fs  # noqa: B018 -- only now the library behind the scheme is imported
    except (ImportError, ValueError) as error:
        raise ValueError(f"{place} must be a local path or a URL that fsspec serves here; got: {error}") from error
    return path


def is_local(path: StoragePath) -> bool:
    """Whether a path lies in a file system of this machine, with renames, links and fsync."""
    return isinstance(path, Path)
