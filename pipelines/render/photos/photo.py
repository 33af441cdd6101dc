"""Photos: found, identified by their content, and loaded one at a time as sRGB pixels."""

import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BufferedIOBase
from itertools import islice
from typing import IO, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipelines.errors import Rejection, UserError, rejecting
from pipelines.render.photos.decode import FORMATS, MAX_PIXELS, decode_photo
from pipelines.render.photos.embedded_depth import LONGEST_MARK, embedded_depth, may_hold_depth
from pipelines.render.photos.exif import UNKNOWN_CAMERA, CameraTags
from pipelines.render.photos.first_bytes import is_heic, not_a_photo
from pipelines.render.photos.listing import ListedPhoto, list_photos
from pipelines.render.photos.photo_list import LABELS
from shards.complaint import FieldError
from shards.foreign_file import open_foreign, read_foreign
from shards.storage import StoragePath, storage_path
from shards.strict_json import check_text

MAX_FILE_BYTES = 6 * MAX_PIXELS + (32 << 20)  # 16 bits a channel, uncompressed, and what cameras add
_LARGE_FILE_BYTES = 64 << 20  # beyond it, the header is read before the file
_HASH_THREADS = min(16, 4 * (os.cpu_count() or 1))
_HASH_BATCH = 512


@dataclass(frozen=True)
class PhotoSource:
    """Identity of a photo, as the plan freezes it. The same content is the same scene, wherever it lies."""

    scene_id: str  # first 16 hex digits of sha256
    name: str  # path relative to the photo folder or the list, or `builtin-000012`
    location: str  # absolute path, URL, or `builtin:SEED`
    sha256: str  # of the file; of the location for a built-in scene
    license: str
    author: str
    source_url: str
    group: str = ""  # photos of one group (a video, a scene, a session) share a split
    focus_points: str = ""  # of a list: planes of this photo, as --focus-points writes them
    holds_depth: bool = False  # a portrait photo with a depth picture within its file

    def __post_init__(self) -> None:
        if len(self.sha256) != 64 or self.scene_id != self.sha256[:16]:
            raise ValueError(f"scene_id must be 16 of sha256's 64 digits, got {self.scene_id}, {self.sha256}")

    @property
    def is_builtin(self) -> bool:
        return self.location.startswith("builtin:")

    @property
    def builtin_seed(self) -> int:
        return int(self.location.removeprefix("builtin:"))


@dataclass(frozen=True)
class RejectedPhoto:
    """A photo left out, with the reason: one line of rejects.jsonl."""

    scene_id: str  # "" when its bytes could not be read
    name: str
    stage: str
    code: str
    message: str


class FoundPhotos(NamedTuple):
    """Photos to plan, and those that cannot be read or are duplicates."""

    sources: list[PhotoSource]
    left_out: list[RejectedPhoto]


@dataclass(frozen=True)
class Photo:
    """A decoded photo: upright, sRGB, at most `long_side` long."""

    source: PhotoSource
    srgb: NDArray[np.uint8]  # [H, W, 3]
    original_width: int  # px, after orientation
    original_height: int
    flags: tuple[str, ...] = ()  # oddities that were survived: icc_corrupt, exif_corrupt
    camera: CameraTags = UNKNOWN_CAMERA
    orientation: int = 1  # of its EXIF: how the stored pixels were turned

    def __post_init__(self) -> None:
        if self.srgb.dtype != np.uint8 or self.srgb.ndim != 3 or self.srgb.shape[2] != 3:
            raise ValueError(f"srgb must be uint8 [H, W, 3], got {self.srgb.dtype} {list(self.srgb.shape)}")
        if self.original_width < self.srgb.shape[1] or self.original_height < self.srgb.shape[0]:
            raise ValueError(
                f"srgb must be no larger than the original {self.original_width}x{self.original_height}, "
                f"got {self.srgb.shape[1]}x{self.srgb.shape[0]}"
            )


def find_photos(spec: str, *, limit: int | None, seed: int) -> FoundPhotos:
    """The first `limit` different photos of a folder, a list, or `builtin:N`, and the rejected ones.

    Sorted by name, so that a smaller limit gives a prefix. Of exact duplicates the first is kept. Files are
    read in threads, for their SHA-256; decoding comes later. `seed` is that of the data set and matters
    to built-in scenes only.

    Raises UserError when `spec` names no photo, or none that can be read.
    """
    if limit is not None and limit < 1:
        raise UserError(f"--limit must be >= 1, got {limit}; leave it out for all photos")
    photos: list[PhotoSource] = []
    rejected: list[RejectedPhoto] = []
    first_name: dict[str, str] = {}
    for listed, found in _identified(list_photos(spec, seed), limit or _HASH_BATCH):
        if isinstance(found, Rejection):
            rejected.append(_rejected("", listed, found))
        elif found.sha256 in first_name:
            twin = Rejection("photo", "duplicate", f"the same bytes as {first_name[found.sha256]}, which is kept")
            rejected.append(_rejected(found.scene_id, listed, twin))
        else:
            first_name[found.sha256] = listed.name
            photos.append(found)
        if limit is not None and len(photos) >= limit:
            break
    if not photos:
        first = f"{rejected[0].name}: {rejected[0].message}"
        raise UserError(f"--photos {spec}: none of its {len(rejected)} photos can be read; the first, {first}")
    return FoundPhotos(photos, rejected)


def load_photo(source: PhotoSource, *, long_side: int) -> Photo:
    """Read and decode one photo, upright, in sRGB, shrunk to `long_side` pixels (never enlarged).

    Raises Rejection with stage "photo"; the codes are `missing`, `unreadable`, `changed` and those of
    `decode_photo`.
    """
    if source.is_builtin:
        raise ValueError(f"a built-in scene is drawn, not loaded: {source.location}")
    content = read_photo(source)
    if hashlib.sha256(content).hexdigest() != source.sha256:
        raise Rejection("photo", "changed", "the file's bytes have changed since the data set was planned")
    return Photo(source, **vars(decode_photo(content, long_side=long_side)))


def read_photo(source: PhotoSource) -> bytes:
    """The file's bytes. Raises Rejection (`missing`, `unreadable`, `too_large`)."""
    with rejecting("photo"):
        return read_foreign(storage_path(source.location), max_bytes=MAX_FILE_BYTES)


def _check_large_file(file: BufferedIOBase) -> None:
    """Raise Rejection for a file that is much larger than its picture uncompressed, before it is read whole."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if size > _LARGE_FILE_BYTES and not is_heic(begin := file.read(4096)):  # 64 MiB of HEIC are an honest photo
        if rejection := not_a_photo(begin):
            raise rejection
        width, height = Image.open(cast(IO[bytes], file), formats=FORMATS).size
        if size > 16 * width * height + _LARGE_FILE_BYTES:
            raise Rejection("photo", "too_large", f"the file has {size >> 20} MiB for {width}x{height} pixels")
    file.seek(0)


def _identified(photos: Iterator[ListedPhoto], ahead: int) -> Iterator[tuple[ListedPhoto, PhotoSource | Rejection]]:
    """Each photo with its identity or the reason why it has none, in order, hashed at most `ahead` early."""
    with ThreadPoolExecutor(_HASH_THREADS) as threads:
        while batch := list(islice(photos, min(ahead, _HASH_BATCH))):
            yield from zip(batch, threads.map(_source, batch), strict=True)


def _source(listed: ListedPhoto) -> PhotoSource | Rejection:
    if listed.problem:
        return Rejection("photo", "list_row", listed.problem)
    try:
        with rejecting("photo"):
            _check_labels(listed)
            sha256, holds_depth = _content(listed.location)
    except Rejection as rejection:
        return rejection
    labels = {label: getattr(listed, label) for label in LABELS}
    return PhotoSource(sha256[:16], listed.name, listed.location, sha256, **labels, holds_depth=holds_depth)


def _content(location: str) -> tuple[str, bool]:
    """SHA-256 of a photo, and whether it holds a depth picture. Raises what opening and reading a file raises."""
    if location.startswith("builtin:"):
        return hashlib.sha256(location.encode()).hexdigest(), False
    path, digest, tail, is_marked = storage_path(location), hashlib.sha256(), b"", False
    with open_foreign(path, max_bytes=MAX_FILE_BYTES) as stream:
        _check_large_file(stream)
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
            is_marked = is_marked or may_hold_depth(tail + chunk)
            tail = chunk[-LONGEST_MARK:]
    return digest.hexdigest(), is_marked and _holds_depth(path)


def _holds_depth(path: StoragePath) -> bool:
    """Also true of a depth picture that is named and broken: its photo is rejected with the reason later."""
    try:
        return embedded_depth(read_foreign(path, max_bytes=MAX_FILE_BYTES)) is not None
    except Exception:  # of a parser of foreign bytes
        return True


def _check_labels(listed: ListedPhoto) -> None:
    """Raise Rejection for what a shard cannot hold: here, since there it would cost the whole shard."""
    try:
        for label in ("name", *LABELS):
            check_text(label, getattr(listed, label))
    except FieldError as error:
        code = "name" if error.field == "name" else "label"
        raise Rejection("photo", code, f"{error}; rename the file or correct the list") from error


def _rejected(scene_id: str, listed: ListedPhoto, reason: Rejection) -> RejectedPhoto:
    name = listed.name.encode("utf-8", "backslashreplace").decode()
    return RejectedPhoto(scene_id, name, reason.stage, reason.code, reason.message)
