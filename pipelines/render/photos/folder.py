"""The photos of a folder: which of its files are photos, and how many of the others looked like some, by reason.

Names alone decide, but for one case (`is_bare_depth`). Passed over are thumbnails and trash of systems and file
servers, depth pictures beside their photos, what this program itself has written, and formats that are not read.
"""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

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
_THUMBNAILS, _TRASH, _HIDDEN = "thumbnails", "trash and copies of systems", "hidden files"
_OURS, _DEPTH = "pictures of this program", "depth pictures"
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
    files = _files_by_folder(folder, closed)
    ours = {root for below, names in files.items() if (root := _root_of_ours(below, names)) is not None}
    photos: list[str] = []
    reasons: Counter[str] = Counter()
    for below in sorted(files):
        names = files.pop(below)  # a million names need not be there twice
        for name, reason in _reasons(folder / below if below else folder, below, names, ours):
            if reason:
                reasons[reason] += 1
            else:
                photos.append(f"{below}/{name}" if below else name)
    return FolderPhotos(sorted(photos), dict(sorted(reasons.items())), sorted(closed))


def _files_by_folder(folder: StoragePath, closed: list[str]) -> dict[str, list[str]]:
    """Names of all files by their folder below `folder`, "" for itself; linked folders are followed, loops are not."""
    files: dict[str, list[str]] = {}
    if not isinstance(folder, Path):
        for path in folder.fs.find(folder.path):
            below, _, name = path[len(folder.path) :].lstrip("/").rpartition("/")
            files.setdefault(below, []).append(name)
        return files

    def refused(error: OSError) -> None:
        if Path(error.filename) == folder:
            raise error
        closed.append(_below(error.filename, folder) + "/")

    visited: set[str] = set()
    for root, folders, names in os.walk(folder, followlinks=True, onerror=refused):
        here = os.path.realpath(root)
        if here in visited:
            folders.clear()
            continue
        visited.add(here)
        folders[:] = sorted(name for name in folders if _is_entered(name))
        files[_below(root, folder)] = names
    return files


def _below(path: str, folder: Path) -> str:
    below = Path(path).relative_to(folder).as_posix()
    return "" if below == "." else below


def _is_entered(name: str) -> bool:
    """Hidden folders are passed over, but for those whose content is counted or tells what lies beside them."""
    low = name.lower()
    known = low in _THUMBNAIL_FOLDERS or low in _TRASH_FOLDERS or low.startswith(".trash") or low == ".meta"
    return known or not name.startswith(".")


def _reasons(folder: StoragePath, below: str, names: Iterable[str], ours: set[str]) -> Iterator[tuple[str, str]]:
    """The pictures of one folder with the reason why they are no photos, "" for a photo; without sidecars, which have
    their use.

    Args:
        folder: with these files; `below` is its path below the folder of all photos.
        ours: folders, as `below` is, of what this program has written.
    """
    read = photo_suffixes()
    parts = [(name, *_stem_and_suffix(name)) for name in sorted(names)]
    stems = {stem.lower() for _, stem, suffix in parts if suffix.lower() in read}
    sharing = Counter(stem for _, stem, suffix in parts if suffix.lower() in read)
    of_place = _place_reason(below.lower().split("/") if below else [], _is_ours(below, ours))
    for name, stem, suffix in parts:
        kind = suffix.lower()
        if kind not in PHOTO_SUFFIXES and kind not in UNREAD_SUFFIXES:
            continue
        is_hidden = name.startswith(".") and of_place not in (_THUMBNAILS, _TRASH)
        reason = _HIDDEN if is_hidden else of_place or _name_reason(stem.lower(), stems)
        if not reason and sharing[stem] > 1 and is_bare_depth(folder / name):
            reason = _SIDECAR
        if reason != _SIDECAR:
            yield name, reason or ("" if kind in read else kind)


def _stem_and_suffix(name: str) -> tuple[str, str]:
    """As pathlib has them, without a path: names come by the million."""
    dot = name.rfind(".")
    return (name[:dot], name[dot:]) if 0 < dot < len(name) - 1 else (name, "")


def _root_of_ours(below: str, names: Sequence[str]) -> str | None:
    """The folder of a data set, a training run or a focus sweep that the files of a folder give away."""
    parts = below.split("/")
    if parts[-1] == ".meta" and "config.json" in names:
        return "/".join(parts[:-1])
    if _SWEEP_FILE in names:
        return below
    if len(parts) >= 2 and parts[-2] == "checkpoints" and "state.json" in names:
        return "/".join(parts[:-2])
    return None


def _is_ours(below: str, ours: set[str]) -> bool:
    parts = below.split("/")
    return bool(ours) and any("/".join(parts[:depth]) in ours for depth in range(len(parts) + 1))


def _place_reason(folders: Sequence[str], is_ours: bool) -> str:
    """Why no picture below these folders, in lower case, is a photo."""
    if any(part in _THUMBNAIL_FOLDERS for part in folders):
        return _THUMBNAILS
    if any(part in _TRASH_FOLDERS or part.startswith(".trash") for part in folders):
        return _TRASH
    if any(part.startswith(".") for part in folders):
        return _HIDDEN
    if is_ours:
        return _OURS
    return _DEPTH if any(part in _DEPTH_FOLDERS for part in folders) else ""


def _name_reason(stem: str, stems: set[str]) -> str:
    """Why a picture of this stem is no photo: `X.disparity.png`; beside a photo X also `X_depth.png`, `X-vis.jpg`."""
    if stem.endswith(tuple(f".{word}" for word in SIDECAR_WORDS)):
        return _SIDECAR
    base = stem.removesuffix(_REFOCUSED)
    if base != stem and {base, base.rpartition("-")[0]} & stems:
        return _OURS
    for at, letter in enumerate(stem):
        if letter in "._-" and _is_depth_word(stem[at + 1 :]) and stem[:at] in stems:
            return _DEPTH
    return ""


def _is_depth_word(word: str) -> bool:
    return word in _DEPTH_WORDS or word.startswith("dpt_")  # MiDaS adds its model: `dpt_beit_large_512`
