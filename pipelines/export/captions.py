"""Sentences of the photos' own, from a folder: NAME.txt for the photo NAME.jpg."""

from __future__ import annotations

import hashlib
import posixpath
from pathlib import Path

from pipelines.errors import UserError, require
from shards.foreign_file import read_foreign
from shards.record import PhotoRecord

MAX_CAPTION_BYTES = 1 << 14


class Captions:
    """The texts below a folder, by the name of their photo without suffix; empty without a folder.

    A photo `scene1/0001.jpg` has `scene1/0001.txt`, else `0001.txt`.

    Raises UserError for a folder that is not there, or without texts.
    """

    def __init__(self, folder: Path | None) -> None:
        self._texts: dict[str, Path] = {}
        if folder is not None:
            self._texts = {p.relative_to(folder).with_suffix("").as_posix(): p for p in sorted(folder.rglob("*.txt"))}
            require(bool(self._texts), "--captions", "be a folder with texts, NAME.txt for the photo NAME.jpg", folder)

    def of_photo(self, photo: PhotoRecord) -> str:
        """Its text in one line, "" where there is none. Raises UserError for one that cannot be read."""
        name, _ = posixpath.splitext(photo.name)  # names are looked up, never opened: a data set may say `../x`
        path = self._texts.get(name) or self._texts.get(posixpath.basename(name))
        return _one_line(path) if path else ""

    def sha256(self) -> str:
        """Over names and contents: another one makes other files."""
        digest = hashlib.sha256()
        for name, path in self._texts.items():
            digest.update(f"{name}\0{_one_line(path)}\0".encode())
        return digest.hexdigest()


def _one_line(path: Path) -> str:
    try:
        return " ".join(read_foreign(path, max_bytes=MAX_CAPTION_BYTES).decode("utf-8-sig").split())
    except ValueError as error:  # no UTF-8
        way_out = "convert it, or take it out of --captions"
        raise UserError(f"{path} must be a text in UTF-8; got {error}; {way_out}") from None
