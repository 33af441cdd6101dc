"""Rejected photos by reason, with a thumbnail where the photo can be decoded."""

import io
import json
import warnings
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from pipelines.errors import UserError
from pipelines.pictures.data_url import data_url
from pipelines.preview.media import webp
from pipelines.render.photos.table import PhotoTable
from pipelines.render.plan.plan import read_plan
from pipelines.runs.data_set_paths import DataSetPaths
from shards.foreign_file import read_foreign
from shards.storage import StoragePath

THUMB_PX = 160
SHOWN = 12
"""Photos of one reason that are shown; all are counted."""
MAX_FILE_BYTES = 200 << 20


@dataclass(frozen=True)
class Reject:
    """One photo: its name, why, and a data URL or ""."""

    name: str
    message: str
    thumb: str


@dataclass(frozen=True)
class RejectGroup:
    """All rejects of one `stage/code`; `shown` are the first of them."""

    reason: str
    count: int
    shown: tuple[Reject, ...]


def reject_groups(out: StoragePath) -> list[RejectGroup]:
    """By reason, most frequent first. Lines that cannot be read are a reason of their own."""
    by_reason: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for reason, name, message in _entries(DataSetPaths(out).rejects):
        by_reason[reason].append((name, message))
    find = _PhotoFinder(out)
    return [
        RejectGroup(reason, len(photos), tuple(Reject(n, m, _thumb(find.path(n))) for n, m in photos[:SHOWN]))
        for reason, photos in sorted(by_reason.items(), key=lambda item: (-len(item[1]), item[0]))
    ]


def _entries(path: StoragePath) -> list[tuple[str, str, str]]:
    if not path.is_file():
        return []
    entries = []
    for line in path.read_text(encoding="utf-8", errors="replace").split("\n"):
        if not line:
            continue
        try:
            entry = json.loads(line)
            entries.append((f"{entry['stage']}/{entry['code']}", str(entry["path"]), str(entry["message"])))
        except Exception:  # nested too deeply, say
            entries.append(("rejects/damaged", line[:80], "a line of rejects.jsonl that cannot be read"))
    return entries


class _PhotoFinder:
    """Where photos lie: the plan knows those it took, and from them the folder of all."""

    def __init__(self, out: StoragePath) -> None:
        try:
            photos = read_plan(DataSetPaths(out).plan).photos
        except (UserError, OSError):
            photos = PhotoTable()
        self._known = {photo.name: Path(photo.location) for photo in photos if not photo.is_builtin}
        places = ((str(location), name) for name, location in self._known.items())
        self._root = next((Path(path[: -len(name)]) for path, name in places if path.endswith("/" + name)), None)

    def path(self, name: str) -> Path | None:
        """The photo's file; None when it is not known, or would lie outside the photos' folder."""
        if name in self._known:
            return self._known[name]
        if self._root is None:
            return None
        try:
            path = (self._root / name).resolve()
        except (OSError, ValueError):  # a name that no file can have
            return None
        return path if path.is_relative_to(self._root.resolve()) else None


def _thumb(path: Path | None) -> str:
    """A data URL; "" for what Pillow cannot open, which is the reason why many of them are here."""
    try:
        if path is None:
            return ""
        content = io.BytesIO(read_foreign(path, max_bytes=MAX_FILE_BYTES))
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(content, formats=["JPEG", "PNG", "WEBP", "TIFF"]) as image:
                image.draft("RGB", (2 * THUMB_PX, 2 * THUMB_PX))
                small = ImageOps.exif_transpose(image).convert("RGB")
                small.thumbnail((THUMB_PX, THUMB_PX))
    except Exception:  # hostile files are what rejects are made of; the reason stands beside the empty place
        return ""
    return data_url("image/webp", webp(np.asarray(small), 70))
