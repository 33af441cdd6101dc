"""Which depth file belongs to which photo: by names alone, and one file for one photo.

A photo `STEM.jpg` is served by the first of `STEM.disparity.EXT`, `STEM_disparity.EXT`, `STEM.depth.EXT`,
`STEM_depth.EXT` and `STEM.EXT`; beside the photo, the last is a PNG or TIFF only where its header says so: 16 bits or
float. Letter case and Unicode normal form do not matter, as file systems change them; a stem that agrees in them goes
first. It lies beside the photo, or in `--depth-dir`: there below the folder of the photo's name, or at the top.
"""

import re
import unicodedata
from array import array
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np

from pipelines.errors import Rejection
from pipelines.render.depth.file import EXTENSIONS
from pipelines.render.photos.first_bytes import is_bare_depth
from pipelines.render.photos.folder import PHOTO_SUFFIXES, SIDECAR_WORDS
from pipelines.render.photos.photo import PhotoSource
from shards.foreign_file import is_foreign_file
from shards.object_store import StoreError, asking
from shards.storage import StoragePath, storage_path

_NAMED = re.compile(rf"(.+)([._])({'|'.join(SIDECAR_WORDS)})", re.IGNORECASE | re.DOTALL)
_MOST_NAMES = 3  # of photos in a message
_MOST_FOLDERS = 64  # whose names are kept: photos come folder by folder


@dataclass(frozen=True, slots=True)
class _DepthName:
    """The name of a depth file, as that of a sidecar: of which stem, and in which form."""

    name: str
    stem: str
    form: tuple[int, int, int]  # of word, mark and extension: the smallest goes first

    @property
    def is_bare(self) -> bool:
        return self.form[0] == len(SIDECAR_WORDS)


@dataclass(frozen=True)
class SidecarFolders:
    """Depth files by photo. A folder is listed when the first of its photos is asked for; the last ones are kept."""

    depth_dir: StoragePath | None = None
    _listed: dict[str, dict[str, list[_DepthName]]] = field(default_factory=dict, repr=False, compare=False)
    _depth_dirs: dict[str, bool] = field(default_factory=dict, repr=False, compare=False)

    def find(self, source: PhotoSource) -> StoragePath | None:
        """The depth file that belongs to a photo, or None."""
        return next(self._candidates(source), None)

    def has_depth(self, source: PhotoSource) -> bool:
        """Whether a photo comes with depth: in a file that belongs to it, or within its own."""
        return self.find(source) is not None or source.holds_depth

    def looked_for(self, source: PhotoSource) -> str:
        """Places at which a sidecar was sought, for a message that begins with "no "."""
        stem, extensions = PurePosixPath(source.name).stem, "|".join(EXTENSIONS)
        names = ", ".join(f"{stem}.{word}({extensions})" for word in SIDECAR_WORDS)
        return f"{names} or {stem}({extensions}) in {' or '.join(map(str, self._folders(source)))}"

    def rejections(self, photos: Sequence[PhotoSource]) -> dict[int, Rejection]:
        """Why photos cannot have the depth file that they share with others, by their index."""
        files = array("q", (hash(str(path)) if (path := self.find(photo)) else 0 for photo in photos))
        values, counts = np.unique(np.frombuffer(files, np.int64), return_counts=True)
        several = set(values[counts > 1].tolist()) - {0}
        served: dict[str, list[int]] = defaultdict(list)
        for index, file in enumerate(files) if several else ():
            if file in several:
                served[str(self.find(photos[index]))].append(index)
        return {
            index: _shared(path, [photos[i] for i in indices])
            for path, indices in served.items()
            if len(indices) > 1
            for index in indices
        }

    def _candidates(self, source: PhotoSource) -> Iterator[StoragePath]:
        photo = storage_path(source.location)
        for folder in self._folders(source):
            names = self._names(folder).get(_folded(photo.stem))
            if not names:
                continue
            beside = _same(folder, photo.parent)
            for found in sorted(names, key=lambda one: (_distance(one.stem, photo.stem), one.form, one.name)):
                path = folder / found.name
                is_picture = found.is_bare and path.suffix.lower() in PHOTO_SUFFIXES
                is_photo = beside and (found.name == photo.name or (is_picture and not is_bare_depth(path)))
                if not is_photo and is_foreign_file(path):
                    yield path

    def _folders(self, source: PhotoSource) -> list[StoragePath]:
        beside = storage_path(source.location).parent
        if self.depth_dir is None or self._is_depth_dir(beside):
            return [beside]
        return list(dict.fromkeys([self.depth_dir / PurePosixPath(source.name).parent, self.depth_dir]))

    def _is_depth_dir(self, folder: StoragePath) -> bool:
        assert self.depth_dir is not None
        if (key := str(folder)) not in self._depth_dirs:
            self._depth_dirs[key] = _same(self.depth_dir, folder)
        return self._depth_dirs[key]

    def _names(self, folder: StoragePath) -> dict[str, list[_DepthName]]:
        key = str(folder)
        names = self._listed.pop(key, None)
        self._listed[key] = _depth_names(folder) if names is None else names  # the last one used stands last
        if len(self._listed) > _MOST_FOLDERS:
            del self._listed[next(iter(self._listed))]
        return self._listed[key]


def word_of(path: StoragePath) -> str:
    """`disparity` or `depth` where a file's name says so, else ""."""
    named = _NAMED.fullmatch(path.stem)
    return named[3].lower() if named else ""


def _depth_names(folder: StoragePath) -> dict[str, list[_DepthName]]:
    """Names of a folder's depth files by folded stem; none of a folder that cannot be listed."""
    found: dict[str, list[_DepthName]] = defaultdict(list)
    try:
        with asking(folder):
            names = [path.name for path in folder.iterdir()]
    except StoreError:
        raise
    except Exception:  # not there, closed, or a server without a listing: what is missing is said photo by photo
        return found
    for name in names:
        inner, extension = PurePosixPath(name).stem, PurePosixPath(name).suffix.lower()
        if extension not in EXTENSIONS:
            continue
        rank = EXTENSIONS.index(extension)
        found[_folded(inner)].append(_DepthName(name, inner, (len(SIDECAR_WORDS), 0, rank)))
        if named := _NAMED.fullmatch(inner):
            stem, mark, word = named.groups()
            form = (SIDECAR_WORDS.index(word.lower()), int(mark == "_"), rank)
            found[_folded(stem)].append(_DepthName(name, stem, form))
    return found


def _folded(stem: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", stem).casefold())


def _distance(stem: str, other: str) -> int:
    """0 for equal stems, 1 for those that differ in normal form, 2 for those that differ in case."""
    if stem == other:
        return 0
    return 1 if unicodedata.normalize("NFC", stem) == unicodedata.normalize("NFC", other) else 2


def _same(folder: StoragePath, other: StoragePath) -> bool:
    both = [one.resolve() if isinstance(one, Path) else one for one in (folder, other)]
    return both[0] == both[1]


def _shared(path: str, photos: Sequence[PhotoSource]) -> Rejection:
    names = ", ".join(photo.name for photo in photos[:_MOST_NAMES])
    more = ", ..." if len(photos) > _MOST_NAMES else ""
    which = f"{PurePosixPath(path).name} would serve {len(photos)} different photos ({names}{more})"
    return Rejection("depth", "sidecar_shared", f"{which}; give each its own map and stem, or remove the others")
