"""Storage locations: a local folder, or an object store behind an fsspec URL (s3://, gs://, memory://).

A local path is a `pathlib.Path`, a URL a `UPath` with the same methods. Writes are atomic in both: by
renaming in a file system, by uploading a complete object in a store (see durable.py).
"""

from pathlib import Path
from typing import TypeAlias

from upath import UPath

StoragePath: TypeAlias = Path | UPath
EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gs", "gcs": "gs", "http": "http", "https": "http"}
"""Scheme -> the extra of this package that installs what serves it."""


def is_url(text: str) -> bool:
    """True if a text is a URL, with `://`; `C:` and `builtin:` are none."""
    return "://" in text


def storage_path(location: str | StoragePath) -> StoragePath:
    """The path that a text names.

    Raises:
        ValueError: a scheme that no installed library serves; the message names what to install where that is known.
    """
    if not isinstance(location, str):
        return location
    if not is_url(location):
        return Path(location)
    scheme, _, rest = location.partition("://")
    if scheme == "file":
        return Path(rest)
    try:
        # Listings are not kept: other processes write there, too.
        path = UPath(location, use_listings_cache=False)
        path.fs  # noqa: B018 -- only now the library behind the scheme is imported
    except ImportError as error:
        extra = EXTRAS.get(scheme)
        way_out = f"pip install 'refocus-foundry[{extra}]'" if extra else str(error)
        raise ValueError(f"{location} needs a library that is not installed; {way_out}") from error
    except ValueError as error:
        raise ValueError(f"{location} must be a local path or a URL that fsspec serves here; got: {error}") from error
    return path


def is_local(path: StoragePath) -> bool:
    """True if a path lies in a file system of this machine, with renames, links and fsync."""
    return isinstance(path, Path)
