"""The list of photos: from a folder, a CSV, or a count of built-in scenes. No image is decoded here.

A folder is walked recursively; hidden files and depth sidecars are passed over. The order is that of the
names, so that the same folder gives the same list on every machine.
"""

import csv
import hashlib
import logging
import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipelines.errors import UserError
from shards.foreign_file import open_foreign
from shards.storage import StoragePath, is_local, is_url, storage_path

PHOTO_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff")
_RAW_SUFFIXES = (".arw", ".cr2", ".cr3", ".dng", ".nef", ".orf", ".raf", ".raw", ".rw2")
UNREAD_PHOTO_SUFFIXES = (*_RAW_SUFFIXES, ".avif", ".bmp", ".gif", ".heic", ".heif", ".jp2", ".jxl")
SIDECAR_WORDS = ("disparity", "depth")  # as in `STEM.disparity.png`

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
    if not (count.isascii() and count.isdigit() and int(count) > 0):
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
    files = sorted(_visible_files(folder), key=lambda file: _name(file, folder))
    photos = [file for file in files if file.suffix.lower() in PHOTO_SUFFIXES and not _is_sidecar(file)]
    unread = Counter(f.suffix.lower() for f in files if f.suffix.lower() in UNREAD_PHOTO_SUFFIXES)
    kinds = ", ".join(f"{count} {suffix}" for suffix, count in sorted(unread.items()))
    looked_for = " ".join(PHOTO_SUFFIXES)
    if not photos:
        passed_over = f", passed over {kinds}" if unread else ""
        raise UserError(
            f"no photos in {folder}: looked in it and its subfolders for {looked_for}{passed_over}; "
            "give another --photos folder, convert the photos, or use --photos builtin:8"
        )
    if unread:
        _log.warning("%s: passed over %s; formats read are %s", folder, kinds, looked_for)
    return [ListedPhoto(str(file.absolute()) if is_local(file) else str(file), _name(file, folder)) for file in photos]


def _name(file: StoragePath, folder: StoragePath) -> str:
    """The path of a file below a folder, with slashes."""
    return str(file)[len(str(folder)) :].lstrip("/")


def _visible_files(folder: StoragePath) -> Iterator[StoragePath]:
    """Files below `folder` whose path has no hidden part; linked folders are followed, loops are not."""
    if not isinstance(folder, Path):
        found = (folder / name[len(folder.path) :].lstrip("/") for name in folder.fs.find(folder.path))
        yield from (file for file in found if not re.search(r"(^|/)\.", _name(file, folder)))
        return
    visited: set[str] = set()
    for root, folders, files in os.walk(folder, followlinks=True):
        here = os.path.realpath(root)
        if here in visited:
            folders.clear()
            continue
        visited.add(here)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(root, name) for name in files if not name.startswith("."))


def _is_sidecar(file: StoragePath) -> bool:
    """`STEM.disparity.png`, or a 16-bit gray `STEM.png` beside a photo `STEM.jpg`: depth, not a photo."""
    if file.stem.lower().endswith(tuple(f".{word}" for word in SIDECAR_WORDS)):
        return True
    return is_bare_depth_png(file) and any(
        file.with_suffix(case).exists()
        for suffix in PHOTO_SUFFIXES
        for case in (suffix, suffix.upper())
        if case.lower() != ".png"
    )


def is_bare_depth_png(file: StoragePath) -> bool:
    """Whether a PNG's header says 16-bit gray, which no photo is: only then may `STEM.png` be depth."""
    if file.suffix.lower() != ".png":
        return False
    try:
        with open_foreign(file) as stream:
            head = stream.read(26)
    except OSError:
        return False
    # IHDR begins at byte 8; bit depth and color type are its bytes 24 and 25 (PNG specification, 11.2.2).
    return head[:8] == b"\x89PNG\r\n\x1a\n" and head[24:26] == b"\x10\x00"


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
