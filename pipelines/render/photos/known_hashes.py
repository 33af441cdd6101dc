"""Hashes of photos that were read before: a planning that was killed goes on, and a resumed run reads no photo again.

A photo is known by its location and by what the system says of the file: size, times of change and inode, as git's
index knows files; or the tag that an object store gives to a content. A file that changed just before it was read is
not kept, since another change within the same tick of the clock would not show. What is believed here is checked
again when a photo is rendered: then its bytes must have the SHA-256 of the plan.

`OUT/.meta/hashes-*.npy` hold records of 57 bytes, in pieces: each is complete or not there, also in a store, and a
damaged one is as good as none.
"""

import hashlib
import io
import os
import time
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from pipelines.render.photos.content import ContentHashes
from shards.durable import write_durably
from shards.foreign_file import read_foreign
from shards.storage import StoragePath, is_url, storage_path

RECORD = np.dtype([("key", "<u8"), ("check", "<u8"), ("sha256", "u1", 32), ("near", "<u8"), ("state", "u1")])
PIECE_RECORDS = 16_384
PIECE_S = 30.0
"""Records, or seconds since the last piece, after which a piece is written: what a kill may cost."""
RACY_S = 2.0
"""Seconds that a file must have been at rest; coarser than the clock of any file system in use (FAT: 2 s)."""
_MAX_PIECE_BYTES = 1 << 30
_MOST_ALIKE = 4  # a photo may stand there with its perceptual hash and without, and from runs at the same time
_NOT_ASKED, _NONE, _HAS = 0, 1, 2  # states of the perceptual hash
_HOLDS_DEPTH = 4  # a bit beside them
_TAGS = ("ETag", "etag", "md5Hash", "generation")  # of S3, GCS and HTTP servers


class KnownHashes:
    """Hashes by location and state of the file; `remember` new ones, which are stored piece by piece.

    Without a folder, nothing is known and nothing is stored.
    """

    def __init__(self, folder: StoragePath | None = None, prepare: Callable[[], None] | None = None) -> None:
        """`prepare` makes the folder before the first piece is written; without it, nothing is written."""
        self._folder, self._prepare = folder, prepare
        pieces = [piece for path in folder.glob("hashes-*.npy") if len(piece := _read(path))] if folder else []
        records = np.concatenate(pieces) if pieces else np.empty(0, RECORD)
        self._records = records[np.argsort(records["key"], kind="stable")]
        self._new: list[NDArray[np.void]] = []
        self._stored = time.monotonic()

    def find(self, keys: Sequence[bytes], near: bool) -> list[ContentHashes | None]:
        """The hashes of each file, None where they are not known. `near`: perceptual hashes are needed.

        Args:
            keys: of `file_key`, b"" for files without one.
        """
        if not len(self._records):
            return [None] * len(keys)
        numbers = [_numbers(key) for key in keys]
        places = np.searchsorted(self._records["key"], np.array([number for number, _ in numbers], np.uint64))
        return [
            self._hashes(place, *both, near) if key else None
            for key, place, both in zip(keys, places.tolist(), numbers, strict=True)
        ]

    def _hashes(self, place: int, key: int, check: int, near: bool) -> ContentHashes | None:
        for record in self._records[place : place + _MOST_ALIKE].tolist():
            found_key, found_check, sha256, number, bits = record
            state = bits % _HOLDS_DEPTH
            if (found_key, found_check) == (key, check) and not (near and state == _NOT_ASKED):
                near_hash = (f"{number:016x}" if state == _HAS else "") if near else None
                return ContentHashes(bytes(sha256), near_hash, bits >= _HOLDS_DEPTH)
        return None

    def remember(self, found: Sequence[tuple[bytes, ContentHashes]]) -> None:
        """Keep hashes by the keys of their files, where these have one, and store them when there are enough."""
        kept = [(key, hashes) for key, hashes in found if key]
        if not kept or self._prepare is None:
            return
        records = np.empty(len(kept), RECORD)
        for record, (key, hashes) in zip(records, kept, strict=True):
            state = _NOT_ASKED if hashes.near_hash is None else _HAS if hashes.near_hash else _NONE
            record["key"], record["check"] = _numbers(key)
            record["sha256"] = np.frombuffer(hashes.sha256, np.uint8)
            record["near"] = int(hashes.near_hash or "0", 16)
            record["state"] = state + _HOLDS_DEPTH * hashes.holds_depth
        self._new.append(records)
        if sum(map(len, self._new)) >= PIECE_RECORDS or time.monotonic() - self._stored >= PIECE_S:
            self.store()

    def store(self) -> None:
        """Write what is new. Raises OSError and what `prepare` raises."""
        self._stored = time.monotonic()
        if not self._new or self._folder is None or self._prepare is None:
            return
        self._prepare()
        stream = io.BytesIO()
        np.save(stream, np.concatenate(self._new))
        content = stream.getvalue()
        write_durably(self._folder / f"hashes-{hashlib.sha256(content).hexdigest()[:16]}.npy", content)
        self._new = []


def _numbers(key: bytes) -> tuple[int, int]:
    return int.from_bytes(key[:8], "little"), int.from_bytes(key[8:], "little")


def file_key(location: str) -> bytes:
    """16 bytes that change when the file does; b"" where that cannot be known, or the file has just changed."""
    try:
        if is_url(location):
            path = storage_path(location)
            info = path.fs.info(path.path)  # type: ignore[union-attr]
            tag = next(str(info[name]) for name in _TAGS if info.get(name))
            state = f"{tag}:{info.get('size')}"
        else:
            status = os.stat(location)
            if max(status.st_mtime, status.st_ctime) > time.time() - RACY_S:
                return b""
            state = f"{status.st_size}:{status.st_mtime_ns}:{status.st_ctime_ns}:{status.st_ino}"
    except Exception:  # missing, closed, or a store without tags
        return b""
    return hashlib.blake2b(f"{state}:{location}".encode("utf-8", "surrogateescape"), digest_size=16).digest()


def _read(path: StoragePath) -> NDArray[np.void]:
    try:
        records = np.load(io.BytesIO(read_foreign(path, max_bytes=_MAX_PIECE_BYTES)), allow_pickle=False)
    except Exception:  # a parser of damaged bytes raises nearly anything
        return np.empty(0, RECORD)
    return records if records.dtype == RECORD and records.ndim == 1 else np.empty(0, RECORD)
