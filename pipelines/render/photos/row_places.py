"""Where the photos of a list lie, and what they are called in the data set.

A name is the path below the list's folder. A photo elsewhere is called by its path below the common folder of all rows
elsewhere: so `scene1/0001.jpg` and `scene2/0001.jpg` stay apart, and a tree of depth maps is found by the same names.
The path above that folder is not published: it could give away where somebody's home is.
"""

import os
import posixpath
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from pipelines.errors import UserError
from shards.storage import StoragePath, is_local, is_url, storage_path


class RowPlace(NamedTuple):
    """Location (absolute path or URL) and name of a row's photo; `problem` when it cannot have one."""

    location: str
    name: str
    problem: str = ""


def row_places(table: StoragePath, listed: Sequence[str]) -> list[RowPlace]:
    """The place of each listed path or URL; relative ones count from where the list lies.

    Raises UserError when the package that a URL needs is missing.
    """
    folder = str(table.absolute().parent if is_local(table) else table.parent)
    served: dict[str, str] = {}
    places = [_location(folder, path) for path in listed]
    elsewhere: dict[str, list[str]] = {}
    for place in places:
        if not _is_below(place, folder):
            elsewhere.setdefault(_host(place), []).append(place)
    common = {host: _common_folder(host, there) for host, there in elsewhere.items()}
    named = []
    for place in places:
        problem = served.setdefault(_host(place), _unserved(table, place)) if is_url(place) else ""
        base = folder if _is_below(place, folder) else common[_host(place)] or posixpath.dirname(place)
        named.append(RowPlace(place, place[len(base) :].lstrip("/"), problem))
    return named


def _location(folder: str, listed: str) -> str:
    if listed.startswith("file://"):
        return str(storage_path(listed))
    if is_url(listed):
        return listed
    if is_url(folder):
        return f"{folder.rstrip('/')}/{listed.removeprefix('./')}"
    return os.path.normpath(os.path.join(folder, listed))


def _is_below(place: str, folder: str) -> bool:
    return place.startswith(folder.rstrip("/") + "/")


def _host(place: str) -> str:
    """`s3://bucket` of a URL; "" for a local path."""
    scheme, separator, rest = place.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}" if separator else ""


def _common_folder(host: str, places: Sequence[str]) -> str:
    """The deepest folder that holds all; "" where that is the root or the folder of all homes."""
    common = posixpath.commonpath([posixpath.dirname(place)[len(host) :] or "/" for place in places])
    is_private = not host and common in ("/", str(Path.home().parent))
    return "" if is_private else host + common


def _unserved(table: StoragePath, url: str) -> str:
    """What is wrong with the scheme of a URL, "" for nothing."""
    try:
        storage_path(url)
    except ValueError as error:
        if isinstance(error.__cause__, ImportError):
            raise UserError(f"--photos {table}: {error}") from error
        return str(error)
    return ""
