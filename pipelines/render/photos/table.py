"""Photos by the million: columns instead of records, some 150 bytes a photo. A `PhotoSource` is made when asked for."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from pipelines.render.photos.content import ContentHashes
from pipelines.render.photos.photo import PhotoSource
from pipelines.render.photos.photo_list import LABELS

_GROUP = LABELS.index("group")


class PhotoTable(Sequence[PhotoSource]):
    """Photos in an order, each with its perceptual hash or without one.

    Texts that many photos share are kept once: labels, and what stands before the name in a location.
    """

    def __init__(self, photos: Iterable[PhotoSource] = ()) -> None:
        self._sha256 = bytearray()
        self._names: list[str] = []
        self._places: list[str] = []
        self._is_whole = bytearray()  # 1: the place is the location; 0: the name follows
        self._labels: list[tuple[str, ...]] = []
        self._near = array("Q")
        self._has_near = bytearray()
        self._holds_depth = bytearray()
        self._shared: dict[Any, Any] = {}
        for photo in photos:
            self.append(photo)

    def append(self, photo: PhotoSource, near_hash: str = "") -> None:
        """Add a photo; `near_hash` has 16 hex digits, or none."""
        labels = tuple(getattr(photo, label) for label in LABELS)
        hashes = ContentHashes(bytes.fromhex(photo.sha256), near_hash, photo.holds_depth)
        self.append_row(photo.name, photo.location, labels, hashes)

    def append_row(self, name: str, location: str, labels: tuple[str, ...], hashes: ContentHashes) -> None:
        """Add a photo of which there is no record yet; `labels` in the order of LABELS. Raises ValueError."""
        if len(hashes.sha256) != 32 or len(labels) != len(LABELS):
            raise ValueError(f"a photo must have 32 bytes of SHA-256 and labels {LABELS}, got {hashes}, {labels}")
        self._near.append(int(hashes.near_hash or "0", 16))
        self._has_near.append(bool(hashes.near_hash))
        self._holds_depth.append(hashes.holds_depth)
        self._sha256 += hashes.sha256
        self._names.append(name)
        is_whole = not location.endswith(name)
        self._is_whole.append(is_whole)
        self._places.append(location if is_whole else self._once(location[: len(location) - len(name)]))
        self._labels.append(self._once(labels))

    def _once(self, value: Any) -> Any:
        return self._shared.setdefault(value, value)

    def __len__(self) -> int:
        return len(self._names)

    @overload
    def __getitem__(self, place: int) -> PhotoSource: ...

    @overload
    def __getitem__(self, place: slice) -> PhotoTable: ...

    def __getitem__(self, place: int | slice) -> PhotoSource | PhotoTable:
        if isinstance(place, slice):
            return self.select(np.arange(len(self))[place])
        place = range(len(self))[place]
        sha256 = self._sha256[32 * place : 32 * place + 32].hex()
        labels = dict(zip(LABELS, self._labels[place], strict=True))
        holds_depth = bool(self._holds_depth[place])
        return PhotoSource(
            sha256[:16], self._names[place], self.location(place), sha256, **labels, holds_depth=holds_depth
        )

    def __iter__(self) -> Iterator[PhotoSource]:
        return map(self.__getitem__, range(len(self)))

    def __eq__(self, other: object) -> bool:
        """Equal photos in the same order; two tables also have equal hashes."""
        if not isinstance(other, Sequence):
            return NotImplemented
        near = not isinstance(other, PhotoTable) or (self._near, self._has_near) == (other._near, other._has_near)
        return near and len(self) == len(other) and all(map(PhotoSource.__eq__, self, other))

    __hash__ = None  # type: ignore[assignment]

    def location(self, place: int) -> str:
        """Where a photo lies."""
        return self._places[place] if self._is_whole[place] else self._places[place] + self._names[place]

    def near_hash(self, place: int) -> str:
        """16 hex digits, or none."""
        return f"{self._near[place]:016x}" if self._has_near[place] else ""

    @property
    def names(self) -> Sequence[str]:
        return self._names

    @property
    def groups(self) -> Iterator[str]:
        """The group of each photo, "" for none."""
        return (labels[_GROUP] for labels in self._labels)

    @property
    def scene_ids(self) -> NDArray[np.uint64]:
        """The scene_id of each photo as a number: numbers are ordered as the texts are. [n]"""
        return np.frombuffer(bytes(self._sha256), ">u8")[::4].astype(np.uint64)

    @property
    def record_hashes(self) -> NDArray[np.uint64]:
        """A hash of all that is known of each photo but its location. [n]"""
        rows = zip(range(0, len(self._sha256), 32), self._names, self._labels, strict=True)
        texts = (self._sha256[at : at + 32] + "\0".join((name, *labels)).encode() for at, name, labels in rows)
        return np.frombuffer(b"".join(hashlib.blake2b(text, digest_size=8).digest() for text in texts), np.uint64)

    @property
    def near_hashes(self) -> NDArray[np.uint64]:
        """[n], 0 where there is none."""
        return np.array(self._near, np.uint64)

    @property
    def has_near_hash(self) -> NDArray[np.bool_]:
        """[n]"""
        return np.frombuffer(bytes(self._has_near), np.bool_)

    @property
    def is_builtin(self) -> NDArray[np.bool_]:
        """[n], whether each is a built-in scene."""
        return np.fromiter((place.startswith("builtin:") for place in self._places), np.bool_, len(self))

    def select(self, chosen: NDArray[Any]) -> PhotoTable:
        """The photos at these indices, or where this mask holds, in its order."""
        indices = np.flatnonzero(chosen) if chosen.dtype == np.bool_ else chosen
        table = PhotoTable()
        table._sha256 = bytearray(np.frombuffer(bytes(self._sha256), np.uint8).reshape(-1, 32)[indices].tobytes())
        table._near = array("Q", self.near_hashes[indices].tobytes())
        for column in ("_has_near", "_is_whole", "_holds_depth"):
            setattr(table, column, bytearray(np.frombuffer(bytes(getattr(self, column)), np.uint8)[indices].tobytes()))
        places = indices.tolist()
        table._names = [self._names[i] for i in places]
        table._places = [self._places[i] for i in places]
        table._labels = [self._labels[i] for i in places]
        table._shared = self._shared
        return table

    def extended(self, other: PhotoTable) -> PhotoTable:
        """These photos and behind them the others."""
        table = self.select(np.arange(len(self)))
        for column in ("_sha256", "_names", "_places", "_is_whole", "_labels", "_near", "_has_near", "_holds_depth"):
            getattr(table, column).extend(getattr(other, column))
        return table

    def with_locations(self, other: PhotoTable) -> PhotoTable:
        """These photos where `other` says that they lie; this very table if nothing changes."""
        order = np.argsort(other.scene_ids, kind="stable")
        places = np.searchsorted(other.scene_ids[order], self.scene_ids) if len(other) else np.zeros(len(self), int)
        moved: PhotoTable | None = None
        for i, place in enumerate(places.tolist()):
            j = int(order[place]) if place < len(order) else -1
            if j < 0 or self._sha256[32 * i : 32 * i + 32] != other._sha256[32 * j : 32 * j + 32]:
                continue
            if (location := other.location(j)) != self.location(i):
                moved = moved or self.select(np.arange(len(self)))
                moved._is_whole[i], moved._places[i] = True, location
        return moved or self
