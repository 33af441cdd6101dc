"""The list of photos: from a folder, a CSV, or a count of built-in scenes. No image is decoded here.

A folder is walked recursively; folder.py knows which files are photos. The order is that of the
names, so that the same folder gives the same list on every machine.
"""

import csv
import hashlib
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipelines.errors import UserError
from pipelines.render.photos.first_bytes import HEIC_SUFFIXES
from pipelines.render.photos.folder import photo_suffixes, photos_in
from shards.storage import StoragePath, is_local, is_url, storage_path

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ListedPhoto:
    """A photo before it is read: its location and the columns of its list."""

    location: str  # absolute path, or `builtin:SEED`
    name: str  # path relative to the folder or the CSV, or `builtin-000012`
    license: str = ""
    author: str = ""
    source_url: str = ""


def list_photos(spec: str, seed: int) -> Iterator[ListedPhoto]:
    """The photos that `--photos` names: a folder, a .csv, or `builtin:N`, in a stable order.

    Raises UserError when `spec` is none of these or names no photo.
    """
    if spec.startswith("builtin:"):
        return _builtin_scenes(spec, seed)
    try:
        path = storage_path(spec)
    except ValueError as error:
        raise UserError(f"--photos {error}") from error
    if path.is_dir():
        return iter(_in_folder(path))
    if path.suffix.lower() == ".csv" and path.is_file():
        return iter(_in_csv(path))
    what = "is neither a folder nor a .csv" if path.exists() else "does not exist"
    raise UserError(f"--photos {spec} {what}; give a folder, a .csv with a column `path`, or builtin:N")


def _builtin_scenes(spec: str, seed: int) -> Iterator[ListedPhoto]:
    count = spec.removeprefix("builtin:")
    if not (count.isascii() and count.isdigit() and len(count) <= 12 and int(count) > 0):
        raise UserError(f"--photos {spec}: after `builtin:` must stand a count of scenes >= 1; try builtin:8")
    return (
        ListedPhoto(f"builtin:{scene_seed(seed, i)}", f"builtin-{i:06d}", "CC0-1.0", "refocus-foundry")
        for i in range(int(count))
    )


def scene_seed(seed: int, index: int) -> int:
    """48 bits from (dataset seed, index): exact in JSON readers that hold numbers as doubles."""
    digest = hashlib.sha256(f"builtin scene:{seed}:{index}".encode()).digest()
    return int.from_bytes(digest[:6], "big")


def _in_folder(folder: StoragePath) -> list[ListedPhoto]:
    found = photos_in(folder)
    looked_for = " ".join(photo_suffixes())
    passed_over = ", ".join(f"{count} {reason}" for reason, count in found.passed_over.items())
    if heic := sum(found.passed_over.get(suffix, 0) for suffix in HEIC_SUFFIXES):
        passed_over += f" (the {heic} HEIC are read after: pip install 'refocus-foundry[heic]')"
    if not (found.names or found.closed):
        raise UserError(
            f"no photos in {folder}: looked in it and its subfolders for {looked_for}"
            f"{', passed over ' + passed_over if passed_over else ''}; "
            "give another --photos folder, convert the photos, or use --photos builtin:8"
        )
    if passed_over:
        _log.warning("%s: passed over %s; formats read are %s", folder, passed_over, looked_for)
    for name in found.closed:
        _log.warning("%s/%s may not be entered: make it readable, or take it out of the folder", folder, name)
    names = sorted([*found.names, *found.closed])  # a folder that is closed is rejected when it is opened
    return [ListedPhoto(_location(folder, name), name) for name in names]


def _location(folder: StoragePath, name: str) -> str:
    return str((folder / name).absolute()) if is_local(folder) else str(folder / name)


def _in_csv(path: StoragePath) -> list[ListedPhoto]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = csv.DictReader(stream)
            photos = [_csv_photo(path, rows.line_num, row) for row in rows]
            columns = rows.fieldnames or []
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"--photos {path} must be a CSV in UTF-8 ({error}); save it so") from error
    if not photos:
        raise UserError(f"--photos {path} lists no photos (columns {columns}); each row needs a `path`")
    return photos


def _csv_photo(table: StoragePath, line: int, row: dict[str, str | None]) -> ListedPhoto:
    if "path" not in row:
        raise UserError(f"--photos {table} must have a column `path`, its columns are {list(row)}")
    listed = (row["path"] or "").strip()
    if not listed:
        raise UserError(f"--photos {table} line {line}: `path` is empty; fill it in or remove the line")
    location, name = _listed_place(table, listed)
    about = [(row.get(column) or "").strip() for column in ("license", "author", "source_url")]
    return ListedPhoto(location, name, *about)


def _listed_place(table: StoragePath, listed: str) -> tuple[str, str]:
    """Location and name of a row's photo: a URL, or a path that counts from where the CSV lies."""
    if is_url(listed):
        return listed, listed.rpartition("/")[2]
    if not isinstance(table, Path):
        return str(table.parent / listed), listed
    folder = table.absolute().parent
    location = Path(os.path.normpath(folder / listed))
    # A path outside the CSV's folder could give away where somebody's home is: its last part must do.
    name = location.relative_to(folder) if location.is_relative_to(folder) else Path(location.name)
    return str(location), name.as_posix()
