"""The photos of a folder: which of its files are photos, and how many of the others looked like some, by reason.

Names alone decide, but for one case (`is_bare_depth`). Passed over are thumbnails and trash of systems and file
servers, depth pictures beside their photos, what this program itself has written, and formats that are not read.
"""

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path, PurePosixPath

from pipelines.render.photos.first_bytes import HEIC_SUFFIXES, is_bare_depth
from shards.storage import StoragePath

JPEG_SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".mpo")
PHOTO_SUFFIXES = (*JPEG_SUFFIXES, ".png", ".webp", ".tif", ".tiff")
RAW_SUFFIXES = (".arw", ".cr2", ".cr3", ".dng", ".nef", ".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2", ".srw")
_OTHER_SUFFIXES = (
    *(".avif", ".bmp", ".dds", ".dib", ".gif", ".heic", ".heif", ".hif", ".icns", ".ico"),
    *(".j2c", ".j2k", ".jp2", ".jpc", ".jpf", ".jpx", ".jxl", ".jxr"),
    *(".pbm", ".pcx", ".pgm", ".pnm", ".ppm", ".psb", ".psd", ".qoi", ".sgi", ".svg", ".tga"),
)
UNREAD_SUFFIXES = frozenset((*RAW_SUFFIXES, *_OTHER_SUFFIXES))
"""Pictures of formats that are not read; the run says how many there are of each."""
SIDECAR_WORDS = ("disparity", "depth")  # as in `STEM.disparity.png`

_THUMBNAIL_FOLDERS = frozenset(
    ("@eadir", "@__thumb", ".@__thumb", ".thumbnails", ".thumbs", ".picasaoriginals", "ipod photo cache")
)
_TRASH_FOLDERS = frozenset(
    [
        *("#recycle", "@recycle", "$recycle.bin", "recycler", ".trash", ".trashes", "lost+found", "#snapshot"),
        *("__macosx", ".appledouble", "system volume information", "@recently-snapshot"),
    ]
)
_DEPTH_FOLDERS = frozenset(["depth", "depths", "depth_maps", "disparity", "disparities"])
_DEPTH_WORDS = frozenset(
    ["depth", "depthmap", "depth_color", "depth_colored", "depth_raw", "depth_vis", "disp", "disparity", "dpt", "vis"]
)
_SIDECAR = "sidecars"
_REFOCUSED = "-refocused"  # as `refocus` calls its pictures
_SWEEP_FILE = "pull.webp"  # of `refocus --focus-sweep`, beside its frames


@dataclass(frozen=True)
class FolderPhotos:
    """Photos by name, sorted; the number of other pictures by reason; folders that may not be entered."""

    names: list[str]
    passed_over: dict[str, int]
    closed: list[str] = field(default_factory=list)


def photo_suffixes() -> tuple[str, ...]:
    """Suffixes of the photos that are read here."""
    return (*PHOTO_SUFFIXES, *HEIC_SUFFIXES) if find_spec("pillow_heif") else PHOTO_SUFFIXES


def photos_in(folder: StoragePath) -> FolderPhotos:
    """The photos below a folder. Names are paths below it, with slashes.

    Raises OSError when the folder itself may not be entered.
    """
    closed: list[str] = []
    names = sorted(_file_names(folder, closed))
    reasons = dict(_reasons(folder, names))
    photos = [name for name in names if reasons.get(name) == ""]
    return FolderPhotos(photos, dict(sorted(Counter(filter(None, reasons.values())).items())), sorted(closed))


def _file_names(folder: StoragePath, closed: list[str]) -> Iterator[str]:
    """Paths of all files below `folder`; linked folders are followed, loops are not."""
    if not isinstance(folder, Path):
        yield from (name[len(folder.path) :].lstrip("/") for name in folder.fs.find(folder.path))
        return

    def refused(error: OSError) -> None:
        if Path(error.filename) == folder:
            raise error
        closed.append(_below(error.filename, folder) + "/")

    visited: set[str] = set()
    for root, folders, files in os.walk(folder, followlinks=True, onerror=refused):
        here = os.path.realpath(root)
        if here in visited:
            folders.clear()
            continue
        visited.add(here)
        folders[:] = sorted(name for name in folders if _is_entered(name))
        yield from (_below(os.path.join(root, name), folder) for name in files)


def _below(path: str, folder: Path) -> str:
    return Path(path).relative_to(folder).as_posix()


def _is_entered(name: str) -> bool:
    """Hidden folders are passed over, but for those whose content is counted or tells what lies beside them."""
    low = name.lower()
    known = low in _THUMBNAIL_FOLDERS or low in _TRASH_FOLDERS or low.startswith(".trash") or low == ".meta"
    return known or not name.startswith(".")


def _reasons(folder: StoragePath, names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Every picture with the reason why it is no photo, "" for a photo; without sidecars, which have their use."""
    paths = [PurePosixPath(name) for name in names]
    read = photo_suffixes()
    ours = {str(root) for path in paths if (root := _root_of_ours(path)) is not None}
    stems = {str(path.with_suffix("")).lower() for path in paths if path.suffix.lower() in read}
    sharing = Counter(path.with_suffix("") for path in paths if path.suffix.lower() in read)
    for path in paths:
        suffix = path.suffix.lower()
        if suffix not in PHOTO_SUFFIXES and suffix not in UNREAD_SUFFIXES:
            continue
        reason = _place_reason(path, ours) or _name_reason(path, stems)
        if not reason and sharing[path.with_suffix("")] > 1 and is_bare_depth(folder / str(path)):
            reason = _SIDECAR
        if reason != _SIDECAR:
            yield str(path), reason or ("" if suffix in read else suffix)


def _root_of_ours(path: PurePosixPath) -> PurePosixPath | None:
    """The folder of a data set, a training run or a focus sweep that this file gives away."""
    if path.parts[-2:] == (".meta", "config.json"):
        return path.parent.parent
    if path.parts[-1] == _SWEEP_FILE:
        return path.parent
    if len(path.parts) >= 3 and path.parts[-3] == "checkpoints" and path.name == "state.json":
        return path.parent.parent.parent
    return None


def _place_reason(path: PurePosixPath, ours: set[str]) -> str:
    """Why no picture at this place is a photo."""
    folders = [part.lower() for part in path.parts[:-1]]
    if any(part in _THUMBNAIL_FOLDERS for part in folders):
        return "thumbnails"
    if any(part in _TRASH_FOLDERS or part.startswith(".trash") for part in folders):
        return "trash and copies of systems"
    if any(part.startswith(".") for part in path.parts):
        return "hidden files"
    if any(str(parent) in ours for parent in path.parents):
        return "pictures of this program"
    return "depth pictures" if any(part in _DEPTH_FOLDERS for part in folders) else ""


def _name_reason(path: PurePosixPath, stems: set[str]) -> str:
    """Why a picture of this name is no photo: `X.disparity.png`; beside a photo X also `X_depth.png`, `X-vis.jpg`."""
    stem = path.stem.lower()
    if stem.endswith(tuple(f".{word}" for word in SIDECAR_WORDS)):
        return _SIDECAR
    base = stem.removesuffix(_REFOCUSED)
    if base != stem and {_beside(path, base), _beside(path, base.rpartition("-")[0])} & stems:
        return "pictures of this program"
    for at, letter in enumerate(stem):
        if letter in "._-" and _is_depth_word(stem[at + 1 :]) and _beside(path, stem[:at]) in stems:
            return "depth pictures"
    return ""


def _beside(path: PurePosixPath, stem: str) -> str:
    """The path, in lower case, of a file of another stem beside this one."""
    return str(path.parent / stem).lower()


def _is_depth_word(word: str) -> bool:
    return word in _DEPTH_WORDS or word.startswith("dpt_")  # MiDaS adds its model: `dpt_beit_large_512`
