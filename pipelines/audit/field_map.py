"""Other formats: a JSON or YAML file that names the fields of a shard and the units of its numbers, by these keys.

    photo: aif.jpg                          disparity_quantity: depth      (disparity, bigger is nearer; or depth)
    disparity: depth.png                    disparity_scale: 0.001         (a number, or a path into the labels)
    frames: bokeh_{:02d}.jpg                labels: json
    focus_disparity: views.focus            blur_scale: views.K            (paths into the labels: numbers or lists)
    blur_convention: diameter_px            scene: meta.photo

Letters: D disparity, D_f plane in focus, K blur radius in pixels of a point one unit of D off the plane.
"""

from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import yaml
from PIL import Image

from pipelines.audit.audited_sample import AuditedSample
from pipelines.errors import UserError, one_line, refusing
from pipelines.measure.fidelity import Picture
from pipelines.pictures.resizing import resized
from pipelines.render.depth.file import read_npy
from pipelines.render.photos.header import MAX_PIXELS
from shards.complaint import FieldError
from shards.foreign_file import read_foreign
from simulator import ThinLens

CONVENTIONS: dict[str, Callable[[float, float, int], float]] = {
    "radius_px": lambda value, focus, long_side: value,
    "diameter_px": lambda value, focus, long_side: value / 2.0,
    "radius_percent": lambda value, focus, long_side: value * long_side / 100.0,
    "at_infinity_px": lambda value, focus, long_side: value / focus,
}
"""K from (stored value, D_f, long side). The stored value is, for a point one unit of D off the plane, its radius or
diameter in pixels or its radius in percent of the long side; or the radius in pixels of a point at infinity, K D_f."""

MAX_MAP_BYTES = 1 << 20
QUANTITIES = ("disparity", "depth")
DEFAULT_SPLIT = "all"


@dataclass(frozen=True)
class FieldMap:
    """The fields of a shard and the units of its numbers, by the keys that the module's docstring lists.

    `group` and `scene` are paths into the labels, "" where there are none.

    Raises UserError that names the key.
    """

    photo: str
    disparity: str
    frames: str
    labels: str
    focus_disparity: str
    blur_scale: str
    blur_convention: str = "radius_px"
    disparity_quantity: str = "disparity"
    disparity_scale: float | str = 1.0
    disparity_offset: float | str = 0.0
    scene: str = ""
    group: str = ""

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value, may_be_number = getattr(self, field.name), field.name in ("disparity_scale", "disparity_offset")
            if not isinstance(value, (str, int, float) if may_be_number else str):
                raise UserError(f"--map: {field.name} must be {'a number or ' * may_be_number}text; got {value!r}")
        for name, allowed in (("blur_convention", tuple(CONVENTIONS)), ("disparity_quantity", QUANTITIES)):
            if getattr(self, name) not in allowed:
                raise UserError(f"--map: {name} must be one of {', '.join(allowed)}; got {getattr(self, name)!r}")

    @classmethod
    def from_file(cls, path: Path) -> FieldMap:
        """Read a map. Raises UserError that names the file and its keys."""
        with refusing(f"--map {path}", "it must be JSON or YAML"):
            content = yaml.safe_load(read_foreign(path, max_bytes=MAX_MAP_BYTES))  # JSON is YAML
        fields = dataclasses.fields(cls)
        known = {field.name for field in fields}
        needed = {field.name for field in fields if field.default is dataclasses.MISSING}
        if not isinstance(content, dict) or not needed <= set(content) <= known:
            found = ", ".join(map(str, content)) if isinstance(content, dict) else type(content).__name__
            extra = ", ".join(sorted(known - needed))
            raise UserError(
                f"--map {path} must have the keys {', '.join(sorted(needed))}, may have {extra}; got {found}"
            )
        return cls(**content)

    def sample(self, shard: str, key: str, fields: Mapping[str, bytes]) -> AuditedSample:
        """One sample. Raises FieldError that names the key and the field."""
        try:
            return self._sample(shard, key, fields)
        except FieldError as error:
            raise error.within("", key) from None
        except Exception as error:  # numbers of any size, names of any form: labels are foreign bytes, too
            raise FieldError(self.labels, f"must fit the map, got {one_line(error)}", key) from error

    def _sample(self, shard: str, key: str, fields: Mapping[str, bytes]) -> AuditedSample:
        data = _bytes(self.labels, fields)
        with _field(self.labels):
            labels = json.loads(data)
        photo = _rgb(self.photo, _bytes(self.photo, fields))
        codes = _depth(self.disparity, _bytes(self.disparity, fields))
        focus = _numbers(labels, self.focus_disparity)
        scales = _numbers(labels, self.blur_scale)
        count = max(len(focus), len(scales))
        focus, scales = _by_frame(focus, count, self.focus_disparity), _by_frame(scales, count, self.blur_scale)
        names = [self.frames.format(i) for i in range(count)]
        lenses = [self._lens(*values, photo) for values in zip(focus, scales, strict=True)]
        disparity, known = self._disparity(codes, labels, photo.shape[:2])
        split = next((word for word in ("train", "val", "test") if word in shard.lower()), DEFAULT_SPLIT)
        return AuditedSample(
            key=key,
            shard=shard,
            split=split,
            scene=str(_look_up(labels, self.scene)) if self.scene else key,
            photo=photo,
            disparity=disparity,
            known=known,
            codes=codes,
            lenses=tuple(lenses),
            groups=self._groups(labels, count, lenses),
            picture=lambda i: _like(names[i], _rgb(names[i], _bytes(names[i], fields)), photo),
        )

    def _disparity(
        self, codes: npt.NDArray[np.generic], labels: Any, size: tuple[int, ...]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
        """Disparity of the photo's size [H, W], and where it is known: NaN, and depth <= 0, are not.

        Unknown pixels count as the farthest.
        """
        scale, offset = (
            _numbers(labels, value)[0] if isinstance(value, str) else float(value)
            for value in (self.disparity_scale, self.disparity_offset)
        )
        values = offset + scale * codes.astype(np.float64)
        if self.disparity_quantity == "depth":
            values = 1.0 / np.where(values > 0, values, np.nan).clip(min=1e-6)
        known = np.isfinite(values)
        if not known.any():
            raise FieldError(self.disparity, "must be finite somewhere, got NaN or infinity alone")
        whole = resized(np.where(known, values, values[known].min()), *size)
        return whole, resized(known.astype(np.float64), *size) > 1 - 1e-6

    def _lens(self, focus: float, value: float, photo: Picture) -> ThinLens:
        if self.disparity_quantity == "depth":
            focus = 1.0 / focus
        try:
            return ThinLens(focus, CONVENTIONS[self.blur_convention](value, focus, max(photo.shape[:2])))
        except (ValueError, ZeroDivisionError) as error:
            raise FieldError(self.labels, f"must give a plane in focus and a positive blur, got {error}") from None

    def _groups(self, labels: Any, count: int, lenses: list[ThinLens]) -> tuple[int, ...]:
        """As labeled; without a label, frames of the same K form a group."""
        if self.group:
            return tuple(map(int, _by_frame(_numbers(labels, self.group), count, self.group)))
        scales = sorted({lens.blur_scale_px for lens in lenses})
        return tuple(scales.index(lens.blur_scale_px) for lens in lenses)


@contextmanager
def _field(name: str) -> Iterator[None]:
    """Whatever a parser raises on the bytes of a field is a FieldError that names it."""
    try:
        yield
    except Exception as error:
        raise FieldError(name, f"must be readable, got {one_line(error)}") from None


def _bytes(name: str, fields: Mapping[str, bytes]) -> bytes:
    if name not in fields:
        raise FieldError(name, f"must be there, got fields {', '.join(sorted(fields))}")
    return fields[name]


def _look_up(labels: Any, path: str) -> Any:
    value = labels
    for step in path.split("."):
        if not isinstance(value, dict) or step not in value:
            raise FieldError(path, "must be in the labels; it is missing")
        value = value[step]
    return value


def _numbers(labels: Any, path: str) -> list[float]:
    value = _look_up(labels, path)
    values = value if isinstance(value, list) else [value]
    if not values or not all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values):
        raise FieldError(path, f"must be a number or a list of numbers, got {value!r}")
    return [float(v) for v in values]


def _by_frame(values: list[float], count: int, path: str) -> list[float]:
    """One number for each frame; a single one holds for all."""
    if len(values) not in (1, count):
        raise FieldError(path, f"must be one number or one for each of {count} frames, got {len(values)}")
    return values if len(values) == count else values * count


def _pixels(name: str, data: bytes, flag: int) -> npt.NDArray[np.generic]:
    with _field(name):
        with Image.open(io.BytesIO(data)) as header:  # sizes before pixels: a few kilobytes may unpack to gigabytes
            if header.width * header.height > MAX_PIXELS:
                raise ValueError(f"must have at most {MAX_PIXELS} pixels, has {header.width}x{header.height}")
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flag)
    if pixels is None:
        raise FieldError(name, f"must be a picture that OpenCV reads, got {len(data)} bytes")
    return np.asarray(pixels)


def _rgb(name: str, data: bytes) -> Picture:
    return np.ascontiguousarray(_pixels(name, data, cv2.IMREAD_COLOR)[..., ::-1], np.uint8)


def _depth(name: str, data: bytes) -> npt.NDArray[np.generic]:
    if name.endswith(".npy"):
        with _field(name):
            values = read_npy(data)
    else:
        values = _pixels(name, data, cv2.IMREAD_UNCHANGED)
    values = values[..., 0] if values.ndim == 3 else values
    if values.ndim != 2:
        raise FieldError(name, f"must be [H, W], got {list(values.shape)}")
    return np.asarray(values)


def _like(name: str, frame: Picture, photo: Picture) -> Picture:
    if frame.shape != photo.shape:
        raise FieldError(name, f"must be as large as the photo {list(photo.shape[:2])}, got {list(frame.shape[:2])}")
    return frame
