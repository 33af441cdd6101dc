"""The list of photos: from a folder, a list file, or a count of built-in scenes. No image is decoded here.

A folder is walked recursively; folder.py knows which files are photos. The order is that of the
names, so that the same folder gives the same list on every machine.
"""

import hashlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass

from pipelines.errors import UserError
from pipelines.render.photos.first_bytes import HEIC_SUFFIXES
from pipelines.render.photos.folder import photo_suffixes, photos_in
from pipelines.render.photos.photo_list import LIST_SUFFIXES, ListRow, is_list, read_list
from pipelines.render.photos.row_places import RowPlace, row_places
from shards.storage import StoragePath, is_local, storage_path
from simulator.scenes.catalog import KINDS

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
    focus_points: str = ""
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
        return _in_folder(path)
    if is_list(path) and path.is_file():
        return iter(_in_list(path))
    kinds = " ".join(LIST_SUFFIXES)
    what = "is neither a folder nor a list" if path.exists() else "does not exist"
    raise UserError(f"--photos {spec} {what}; give a folder, a list ({kinds}) with a column `path`, or builtin:N")


def _builtin_scenes(spec: str, seed: int) -> Iterator[ListedPhoto]:
    count = spec.removeprefix("builtin:")
    if not (count.isascii() and count.isdigit() and len(count) <= 12 and int(count) > 0):
        raise UserError(f"--photos {spec}: after `builtin:` must stand a count of scenes >= 1; try builtin:8")
    return (
        ListedPhoto(f"builtin:{scene_seed(seed, i)}", f"builtin-{i:06d}", "CC0-1.0", "refocus-foundry")
        for i in range(int(count))
    )


def scene_seed(seed: int, index: int) -> int:
    """A seed of `builtin_scene` from (dataset seed, index), below 2^53: exact in readers that hold numbers as doubles.

    Kinds take turns: scene `index` shows KINDS[index % len(KINDS)]. The set bit 47 keeps all seeds above those of the
    benchmark's test set, which are held out.
    """
    digest = hashlib.sha256(f"builtin scene:{seed}:{index}".encode()).digest()
    drawn = 1 << 47 | int.from_bytes(digest[:6], "big") >> 1
    return drawn * len(KINDS) + index % len(KINDS)


def _in_folder(folder: StoragePath) -> Iterator[ListedPhoto]:
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
    below = str(folder.absolute() if is_local(folder) else folder).rstrip("/")
    return (ListedPhoto(f"{below}/{name}", name) for name in names)


def _in_list(path: StoragePath) -> list[ListedPhoto]:
    rows = read_list(path)
    places = iter(row_places(path, [row.cells["path"] for row in rows if not row.problem]))
    return [_refused_row(path, row) if row.problem else _listed(row, next(places)) for row in rows]


def _listed(row: ListRow, place: RowPlace) -> ListedPhoto:
    labels = {column: text for column, text in row.cells.items() if column != "path"}
    return ListedPhoto(place.location, place.name, **labels, problem=place.problem)


def _refused_row(table: StoragePath, row: ListRow) -> ListedPhoto:
    return ListedPhoto("", f"{table.name} {row.place}", problem=row.problem)
