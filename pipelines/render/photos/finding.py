"""The photos of a run: listed, identified by their content, and without exact duplicates."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, islice
from typing import NamedTuple

from pipelines.errors import Rejection, UserError
from pipelines.render.photos.content import ContentHashes, content_hashes
from pipelines.render.photos.known_hashes import KnownHashes, file_key
from pipelines.render.photos.listing import ListedPhoto, list_photos
from pipelines.render.photos.photo import RejectedPhoto
from pipelines.render.photos.photo_list import LABELS
from pipelines.render.photos.table import PhotoTable
from shards.complaint import FieldError
from shards.parallel import Workers
from shards.storage import is_url
from shards.strict_json import check_text

_THREADS = min(16, 4 * (os.cpu_count() or 1))
_SLICE = 16  # photos that go to a process together
_FEW = 256  # for fewer, workers do not pay


class FoundPhotos(NamedTuple):
    """Photos to plan, and those that cannot be read or are duplicates."""

    sources: PhotoTable
    left_out: list[RejectedPhoto]


@dataclass(frozen=True)
class Hashing:
    """How photos are read: with perceptual hashes or without, by which workers, and what is known already."""

    near: bool = True
    workers: Workers = field(default_factory=lambda: Workers(1))
    known: KnownHashes = field(default_factory=KnownHashes)


def find_photos(spec: str, *, limit: int | None, seed: int, hashing: Hashing | None = None) -> FoundPhotos:
    """The first `limit` different photos of a folder, a list, or `builtin:N`, and the rejected ones.

    Sorted by name, so that a smaller limit gives a prefix. Of exact duplicates the first is kept. Each file that is
    not known is read once, for its hashes. `seed` is that of the data set and matters to built-in scenes only.

    Raises UserError when `spec` names no photo, or none that can be read, and BrokenProcessPool when a process was
    killed; what was read until then is stored.
    """
    if limit is not None and limit < 1:
        raise UserError(f"--limit must be >= 1, got {limit}; leave it out for all photos")
    photos = PhotoTable()
    rejected: list[RejectedPhoto] = []
    first: dict[bytes, int] = {}
    for listed, found in _identified(list_photos(spec, seed), limit, hashing or Hashing()):
        if isinstance(found, Rejection):
            rejected.append(_rejected("", listed, found))
        elif (scene := found.sha256[:16]) in first:
            name = photos.names[first[scene]]
            twin = Rejection("photo", "duplicate", f"the same bytes as {name}, which is kept")
            rejected.append(_rejected(found.sha256.hex()[:16], listed, twin))
        else:
            first[scene] = len(photos)
            labels = tuple(getattr(listed, label) for label in LABELS)
            photos.append_row(listed.name, listed.location, labels, found)
        if limit is not None and len(photos) >= limit:
            break
    if not photos:
        reason = f"{rejected[0].name}: {rejected[0].message}"
        raise UserError(f"--photos {spec}: none of its {len(rejected)} photos can be read; the first, {reason}")
    return FoundPhotos(photos, rejected)


def _identified(
    photos: Iterator[ListedPhoto], limit: int | None, hashing: Hashing
) -> Iterator[tuple[ListedPhoto, ContentHashes | Rejection]]:
    """Each photo with its hashes or the reason why it has none, in order, read a batch or `limit` photos early."""
    with ThreadPoolExecutor(_THREADS) as threads, hashing.workers as workers:
        while batch := list(islice(photos, min(limit or sys.maxsize, max(512, 8 * _SLICE * workers.count)))):
            found = [_without_file(listed) for listed in batch]
            files = [i for i, hashes in enumerate(found) if hashes is None]
            hashes = _hashes([batch[i].location for i in files], hashing, threads)
            for i, of_file in zip(files, hashes, strict=True):
                found[i] = of_file
            yield from ((listed, hashes) for listed, hashes in zip(batch, found, strict=True) if hashes is not None)


def _hashes(locations: Sequence[str], hashing: Hashing, threads: ThreadPoolExecutor) -> list[ContentHashes | Rejection]:
    """Hashes of files: known ones, and the others from the workers, or from threads where that is no gain."""
    keys = list(chain.from_iterable(threads.map(_slice_keys, _slices(locations))))
    found: list[ContentHashes | Rejection | None] = [*hashing.known.find(keys, hashing.near)]
    unknown = [i for i, hashes in enumerate(found) if hashes is None]
    # A store is read as fast as this machine's network by threads; for a few files, workers do not pay.
    in_threads = len(unknown) < _FEW or (hashing.workers.is_local and is_url(locations[unknown[0]]))
    slices = _slices([locations[i] for i in unknown])
    read = (threads if in_threads else hashing.workers).map(partial(_slice_hashes, near=hashing.near), slices)
    fresh = list(chain.from_iterable(read))
    for i, hashes in zip(unknown, fresh, strict=True):
        found[i] = hashes
    sound = [(keys[i], hashes) for i, hashes in zip(unknown, fresh, strict=True) if isinstance(hashes, ContentHashes)]
    hashing.known.remember(sound)
    return [hashes for hashes in found if hashes is not None]


def _slices(locations: Sequence[str]) -> list[Sequence[str]]:
    return [locations[start : start + _SLICE] for start in range(0, len(locations), _SLICE)]


def _slice_keys(locations: Sequence[str]) -> list[bytes]:
    return [file_key(location) for location in locations]


def _slice_hashes(locations: Sequence[str], near: bool) -> list[ContentHashes | Rejection]:
    return [content_hashes(location, near) for location in locations]


def _without_file(listed: ListedPhoto) -> ContentHashes | Rejection | None:
    """Hashes of a built-in scene; why a row of a list, or a label that no shard can hold, is refused; else None."""
    if listed.location.startswith("builtin:"):
        return ContentHashes(hashlib.sha256(listed.location.encode()).digest(), None)
    if listed.problem:
        return Rejection("photo", "list_row", listed.problem)
    try:  # here, since there it would cost the whole shard
        for label in ("name", *LABELS):
            check_text(label, getattr(listed, label))
    except FieldError as error:
        code = "name" if error.field == "name" else "label"
        return Rejection("photo", code, f"{error}; rename the file or correct the list")
    return None


def _rejected(scene_id: str, listed: ListedPhoto, reason: Rejection) -> RejectedPhoto:
    name = listed.name.encode("utf-8", "backslashreplace").decode()
    return RejectedPhoto(scene_id, name, reason.stage, reason.code, reason.message)
