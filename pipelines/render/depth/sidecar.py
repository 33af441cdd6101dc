"""Depth that lies beside the photos as files.

sidecar_search.py says which file belongs to which photo.

Units are declared, never guessed: by the name (`disparity` is relative, `depth` is in meters), by
`--depth-kind`, and above both by a `depth.json` beside the file, which docs/depth-json.md describes.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray

from pipelines.errors import Rejection, UserError, one_line, rejecting
from pipelines.render.depth.disparity_map import (
    DisparityMap,
    Kind,
    PreparedDepth,
    Quantity,
    RawDepth,
    disparity_map,
)
from pipelines.render.depth.file import DepthFile, read_depth_file
from pipelines.render.depth.orientation import Orientation, oriented
from pipelines.render.depth.sidecar_search import SidecarFolders, word_of
from pipelines.render.photos.content import read_photo
from pipelines.render.photos.embedded_depth import embedded_depth
from pipelines.render.photos.header import turned_upright
from pipelines.render.photos.photo import Photo
from shards.foreign_file import read_foreign
from shards.storage import StoragePath
from shards.strict_json import check_text

NOTE_NAME = "depth.json"
MAX_NOTE_BYTES = 1 << 20
Infinite = Literal["far", "unknown"]
_ASPECT_TOLERANCE = 0.01


@dataclass(frozen=True)
class DepthNote:
    """Content of a depth.json; None for keys that it leaves out."""

    quantity: Quantity | None = None
    kind: Kind | None = None
    scale: float | None = None
    offset: float = 0.0
    unknown: float | None = None
    infinite: Infinite = "far"
    orientation: Orientation | None = None
    source: str = "sidecar"
    source_revision: str = ""

    def __post_init__(self) -> None:
        _check_choice("quantity", self.quantity, get_args(Quantity))
        _check_choice("kind", self.kind, get_args(Kind))
        _check_choice("infinite", self.infinite, get_args(Infinite))
        if self.unknown is not None and not _is_number(self.unknown):
            raise ValueError(f"unknown must be a number, got {self.unknown!r}")
        _check_choice("orientation", self.orientation, get_args(Orientation))
        if self.scale is not None and not (_is_number(self.scale) and self.scale > 0):
            raise ValueError(f"scale must be a number > 0, got {self.scale!r}")
        if not _is_number(self.offset):
            raise ValueError(f"offset must be a number, got {self.offset!r}")
        if not (isinstance(self.source, str) and isinstance(self.source_revision, str)):
            raise ValueError("source and source_revision must be texts")
        check_text("source", self.source)
        check_text("source_revision", self.source_revision)

    def numbers(self, stored: NDArray[Any], scale: float) -> NDArray[np.float32]:
        """Meters, 1/m or relative disparity of the stored values, NaN where they mean "not measured"."""
        numbers = np.empty(stored.shape, np.float32)
        for row, values in zip(numbers, stored, strict=True):  # a whole map in float64 would be the largest buffer
            exact = values.astype(np.float64) * scale + self.offset
            if self.infinite == "unknown":
                exact[np.isinf(exact)] = np.nan
            if self.unknown is not None:
                exact[values == self.unknown] = np.nan
            with np.errstate(over="ignore"):  # beyond float32: infinite
                row[:] = exact
        return numbers


@dataclass(frozen=True)
class SidecarDepth:
    """Estimator that reads sidecar files: a disparity map or a Rejection for each photo, in their order."""

    depth_dir: StoragePath | None = None
    kind: Kind | None = None  # of --depth-kind
    deband: bool = True  # see `disparity_map`
    orientation: Orientation | None = None  # of --depth-orientation

    @cached_property
    def folders(self) -> SidecarFolders:
        """Where the files are looked for; listed once."""
        return SidecarFolders(self.depth_dir)

    def maps(self, photos: Sequence[Photo], prepared: Sequence[PreparedDepth]) -> list[DisparityMap | Rejection]:
        """What is prepared: files need no device."""
        return [one for one in prepared if not isinstance(one, torch.Tensor)]

    def prepared(self, photo: Photo) -> DisparityMap | Rejection:
        """The map that the photo's file holds."""
        try:
            with rejecting("depth"):
                return self._read(photo)
        except Rejection as rejection:
            return rejection

    def _read(self, photo: Photo) -> DisparityMap:
        path = self.folders.find(photo.source)
        if path is None and photo.source.holds_depth:
            return self._read_embedded(photo)
        if path is None:
            raise Rejection("depth", "sidecar_missing", f"no {self.folders.looked_for(photo.source)}")
        note = _note_or_rejection(path)
        quantity, kind = meaning(path, note, self.kind)
        file = read_depth_file(path)
        stored, is_assumed = self._oriented(path, file, note, photo)
        raw = _numbers(path, file, note, quantity, kind, stored)
        return replace(disparity_map(raw, photo.srgb, deband=self.deband), is_turn_assumed=is_assumed)

    def _read_embedded(self, photo: Photo) -> DisparityMap:
        """The map of the depth picture within the photo, which lies as the stored photo does."""
        with rejecting("depth", subject="the depth within the photo"):
            content = read_photo(photo.source.location)
            if (found := embedded_depth(content)) is None:
                raise ValueError("it was there when the photos were listed, and is gone")
            numbers = np.ascontiguousarray(turned_upright(found.numbers(), photo.orientation))
            _check_size("it", numbers, photo)
        values, revision = torch.from_numpy(numbers), f"sha256:{photo.source.sha256[:16]}"
        if found.is_metric:
            raw = RawDepth(values, found.quantity, "metric", found.source, revision)
        else:  # depth whose unit alone is unknown has an inverse that is disparity up to a scale
            inverse = torch.where(values > 0, values.reciprocal(), torch.nan)
            disparity = inverse if found.quantity == "depth" else values
            raw = RawDepth(disparity, "disparity", "relative", found.source, revision)
        return disparity_map(raw, photo.srgb, deband=self.deband)

    def _oriented(self, path: StoragePath, file: DepthFile, note: DepthNote, photo: Photo) -> tuple[NDArray[Any], bool]:
        """Stored values as the upright photo has them, and whether their orientation was assumed."""
        if note.orientation and self.orientation and note.orientation != self.orientation:
            conflict = f"{NOTE_NAME} says {note.orientation}, --depth-orientation says {self.orientation}"
            raise Rejection("depth", "depth_json", f"{path.name}: {conflict}; correct one of them")
        stated, aspect = note.orientation or self.orientation, photo.original_width / photo.original_height
        values, is_assumed = oriented(file.values, photo.orientation, stated, aspect, _ASPECT_TOLERANCE)
        _check_size(path.name, values, photo)
        return values, is_assumed


def numbers_of_file(path: StoragePath, kind: Kind | None) -> RawDepth:
    """The numbers of a depth file as they are stored, not turned. kind: of --depth-kind.

    Raises Rejection with stage "depth": `depth_json`, `kind_unknown`, `scale_unknown`, and those of `read_depth_file`.
    """
    file, note = read_depth_file(path), _note_or_rejection(path)
    return _numbers(path, file, note, *meaning(path, note, kind), file.values)


def _numbers(
    path: StoragePath, file: DepthFile, note: DepthNote, quantity: Quantity, kind: Kind, stored: NDArray[Any]
) -> RawDepth:
    values = torch.from_numpy(note.numbers(stored, _scale(path, file, note, kind)))
    return RawDepth(values, quantity, kind, note.source, note.source_revision or f"sha256:{file.sha256[:16]}")


def meaning(path: StoragePath, note: DepthNote, kind: Kind | None) -> tuple[Quantity, Kind]:
    """Quantity and kind of the numbers in a file, from its name, its depth.json and --depth-kind.

    Raises Rejection (`kind_unknown`) when they do not say, or contradict one another.
    """
    if note.kind and kind and note.kind != kind:
        conflict = f"{NOTE_NAME} says {note.kind}, --depth-kind says {kind}"
        raise Rejection("depth", "kind_unknown", f"{path.name}: {conflict}; correct one of them")
    kind = note.kind or kind
    quantity: Quantity | None = note.quantity
    if quantity is None and (word := word_of(path)):
        quantity = "disparity" if word == "disparity" else "depth"
    if quantity is None and kind:
        quantity = "disparity" if kind == "relative" else "depth"  # as depth models have it
    if quantity is None:
        out = f"name it STEM.disparity or STEM.depth, add a {NOTE_NAME}, or pass --depth-kind"
        raise Rejection("depth", "kind_unknown", f"{path.name} does not say what its numbers are; {out}")
    kind = kind or ("relative" if quantity == "disparity" else "metric")
    if (quantity, kind) == ("depth", "relative"):
        out = "relative maps must hold disparity (inverse depth)"
        raise Rejection("depth", "kind_unknown", f"{path.name} is called relative depth; {out}")
    return quantity, kind


def read_note(file: StoragePath) -> DepthNote:
    """What the depth.json beside a depth file says of it; an empty note when there is none.

    Its key `files` holds, by name, what is different for single files. Raises UserError when it is not of the form
    that docs/depth-json.md shows.
    """
    path = file.parent / NOTE_NAME
    try:
        note = json.loads(read_foreign(path, max_bytes=MAX_NOTE_BYTES))
        if not isinstance(note, dict):
            raise ValueError("it must hold one object")
        files = note.pop("files", {})
        if not isinstance(files, dict) or not isinstance(of_file := files.get(file.name, {}), dict):
            raise ValueError("files must hold objects by the names of depth files")
        note |= of_file
        known = [field.name for field in fields(DepthNote)]
        if unknown := sorted(set(note) - set(known)):
            raise ValueError(f"its keys must be among {known}, got {unknown}")
        return DepthNote(**note)
    except FileNotFoundError:
        return DepthNote()
    except Exception as error:  # nothing of ours but the record's own checks is raised above
        raise UserError(f"{path} cannot be used: {one_line(error)}; correct or remove it") from error


def _note_or_rejection(file: StoragePath) -> DepthNote:
    try:
        return read_note(file)
    except UserError as error:
        raise Rejection("depth", "depth_json", error.message) from error


def _check_size(name: str, values: NDArray[Any], photo: Photo) -> None:
    """The map may be smaller or larger than the photo, but not of another shape."""
    height, width = values.shape
    aspect = photo.original_width / photo.original_height
    if abs(width / height / aspect - 1) <= _ASPECT_TOLERANCE:
        return
    sizes = f"{name} is {width}x{height}, the photo {photo.original_width}x{photo.original_height}"
    hint = "their shapes must agree within 1 %"
    if abs(height / width / aspect - 1) <= _ASPECT_TOLERANCE:
        hint = (
            f"the sides are swapped; the photo's EXIF orientation is {photo.orientation}: turn the map like the photo"
        )
    raise Rejection("depth", "size_mismatch", f"{sizes}; {hint}")


def _scale(path: StoragePath, file: DepthFile, note: DepthNote, kind: Kind) -> float:
    if note.scale is not None:
        return note.scale
    if kind == "metric" and not file.holds_units:
        out = f"add a {NOTE_NAME} with its `scale` (0.001 when it holds millimeters)"
        raise Rejection("depth", "scale_unknown", f"{path.name}: metric depth in whole numbers; {out}")
    return 1.0


def _check_choice(key: str, value: object, allowed: tuple[str, ...]) -> None:
    if value is not None and value not in allowed:
        raise ValueError(f"{key} must be one of {allowed}, got {value!r}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
