"""The list of photos: from a folder, a list file, or a count of built-in scenes. No image is decoded here.

A folder is walked recursively; hidden files and depth sidecars are passed over. The order is that of the
names, so that the same folder gives the same list on every machine.
"""

import hashlib
import logging
import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipelines.errors import UserError
from pipelines.render.photos.photo_list import LIST_SUFFIXES, ListRow, is_list, read_list
from pipelines.render.photos.row_places import RowPlace, row_places
from shards.foreign_file import open_foreign
from shards.storage import StoragePath, is_local, storage_path

PHOTO_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff")
_RAW_SUFFIXES = (".arw", ".cr2", ".cr3", ".dng", ".nef", ".orf", ".raf", ".raw", ".rw2")
UNREAD_PHOTO_SUFFIXES = (*_RAW_SUFFIXES, ".avif", ".bmp", ".gif", ".heic", ".heif", ".jp2", ".jxl")
SIDECAR_WORDS = ("disparity", "depth")  # as in `STEM.disparity.png`

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ListedPhoto:
    """A photo before it is read: its location and the columns of its list."""

    location: str  # absolute path, or `builtin:SEED`
    name: str  # path relative to the folder or the list, or `builtin-000012`
    license: str = ""
    author: str = ""
    source_url: str = ""
    group: str = ""
    problem: str = ""  # why the row of a list names no photo


def list_photos(spec: str, seed: int) -> Iterator[ListedPhoto]:
    """The photos that `--photos` names: a folder, a list, or `builtin:N`, in a stable order.

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
    if is_list(path) and path.is_file():
        return iter(_in_list(path))
    kinds = " ".join(LIST_SUFFIXES)
    what = "is neither a folder nor a list" if path.exists() else "does not exist"
    raise UserError(f"--photos {spec} {what}; give a folder, a list ({kinds}) with a column `path`, or builtin:N")


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


def _in_list(path: StoragePath) -> list[ListedPhoto]:
    rows = read_list(path)
    places = iter(row_places(path, [row.cells["path"] for row in rows if not row.problem]))
    return [_refused_row(path, row) if row.problem else _listed(row, next(places)) for row in rows]


def _listed(row: ListRow, place: RowPlace) -> ListedPhoto:
    labels = {column: text for column, text in row.cells.items() if column != "path"}
    return ListedPhoto(place.location, place.name, **labels, problem=place.problem)


def _refused_row(table: StoragePath, row: ListRow) -> ListedPhoto:
    return ListedPhoto("", f"{table.name} {row.place}", problem=row.problem)
