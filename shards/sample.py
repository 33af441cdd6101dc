"""Sample: one scene, that is one photo, its disparity and its whole focal stack, with every label.

Field       | dtype, shape        | unit, range
`key`       | text                | eight digits
`aif`       | uint8 [H, W, 3]     | all-in-focus photo, sRGB, channels R G B
`disparity` | uint16 [H, W]       | D = record.disparity.offset + record.disparity.scale * value, bigger is nearer
`valid`     | bool [H, W]         | where the disparity is known; elsewhere it is filled in from its surroundings
`frames`    | uint8 [F, H, W, 3]  | the stack, sRGB, level-major
`record`    | SampleRecord        | labels and provenance: what the json says
"""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from jaxtyping import Bool, Float64, UInt8, UInt16

from .complaint import FieldError, FieldTypeError
from .labels import LABEL_TOLERANCE, require
from .record import SampleRecord

# A WebDataset key ends at the first dot of a file name: a dot inside a key would merge samples silently.
_KEY = re.compile(r"[0-9]{8}")


def check_key(key: str) -> None:
    """Raise FieldError unless `key` is eight digits."""
    holds = isinstance(key, str) and bool(_KEY.fullmatch(key))
    require("key", holds, "be 8 digits without dots, such as 00000012", key)


@dataclass(frozen=True, eq=False)
class Sample:
    """One scene with its focal stack; see the module's table. Arrays are held, not copied.

    Raises FieldError (a ValueError) or FieldTypeError (also a TypeError) when key, pixels and labels do not
    agree: wrong dtype or shape, a frame count other than the labels', a disparity outside its kind's range, a
    `focus_disparity` that is not the stored disparity at the focus point within half a quantization step, a focus
    point or a share of filled pixels that `valid` contradicts,
    a `radius_max_px` that the stored disparity cannot reach.
    """

    key: str
    aif: UInt8[np.ndarray, "height width 3"]
    disparity: UInt16[np.ndarray, "height width"]
    valid: Bool[np.ndarray, "height width"]
    frames: UInt8[np.ndarray, "frames height width 3"]
    record: SampleRecord

    def __post_init__(self) -> None:
        check_key(self.key)
        try:
            if not isinstance(self.record, SampleRecord):
                raise FieldTypeError("record", f"must be a SampleRecord, got {type(self.record).__name__}")
            size = (self.record.height, self.record.width)
            _check_pixels("aif", self.aif, np.uint8, (*size, 3))
            _check_pixels("disparity", self.disparity, np.uint16, size)
            _check_pixels("valid", self.valid, np.bool_, size)
            _check_pixels("frames", self.frames, np.uint8, (len(self.record.frames), *size, 3))
            _check_disparity_range(self)
            _check_labels_against_disparity(self)
            _check_labels_against_valid(self)
        except FieldError as error:
            raise error.within("", self.key) from None

    def disparity_values(self) -> Float64[np.ndarray, "height width"]:
        """Disparity in its unit (`record.disparity.unit`): offset + scale * stored value."""
        record = self.record.disparity
        return record.offset + record.scale * self.disparity.astype(np.float64)


def _check_pixels(name: str, pixels: Any, dtype: npt.DTypeLike, shape: tuple[int, ...]) -> None:
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.dtype(dtype):
        got = f"{pixels.dtype} array" if isinstance(pixels, np.ndarray) else type(pixels).__name__
        raise FieldTypeError(name, f"must be a numpy array of {np.dtype(dtype)}, got {got}")
    require(name, pixels.shape == shape, f"have shape {shape} as the record says", pixels.shape)


def _check_disparity_range(sample: Sample) -> None:
    record = sample.record.disparity
    if record.kind == "relative":
        low, high = (record.offset + record.scale * float(v) for v in (sample.disparity.min(), sample.disparity.max()))
        holds = low >= -LABEL_TOLERANCE and high <= 1.0 + LABEL_TOLERANCE
        require("disparity.scale", holds, "map relative disparity into [0, 1]", (low, high))


def _check_labels_against_disparity(sample: Sample) -> None:
    """The label and the plane cannot disagree: D_f is the stored disparity at the focus point, r_max = K max|D - D_f|.

    D is known to half a quantization step. r_max may be smaller (a renderer may cap its radius), never larger.
    """
    record = sample.record
    step, offset = record.disparity.scale, record.disparity.offset
    nearest, farthest = (offset + step * float(v) for v in (sample.disparity.max(), sample.disparity.min()))
    for i, frame in enumerate(record.frames):
        row, column = int(frame.focus_y * record.height), int(frame.focus_x * record.width)
        stored = offset + step * float(sample.disparity[row, column])
        allowed = 0.5 * step + LABEL_TOLERANCE * max(abs(stored), step)
        holds = abs(frame.focus_disparity - stored) <= allowed
        must = f"be the disparity {stored} stored at row {row}, column {column}, within {allowed}"
        require(f"focus_disparity[{i}]", holds, must, frame.focus_disparity)
        reach = max(nearest - frame.focus_disparity, frame.focus_disparity - farthest)
        limit_px = frame.blur_scale_px * (reach + step + LABEL_TOLERANCE * nearest)
        must = f"be at most blur_scale_px * max|D - focus_disparity| = {limit_px}"
        require(f"radius_max_px[{i}]", frame.radius_max_px <= limit_px, must, frame.radius_max_px)


def _check_labels_against_valid(sample: Sample) -> None:
    record = sample.record
    filled = 1.0 - float(sample.valid.mean())
    holds = abs(record.disparity.filled_fraction - filled) <= LABEL_TOLERANCE
    require("disparity.filled_fraction", holds, f"be {filled} as valid.png says", record.disparity.filled_fraction)
    for i, frame in enumerate(record.frames):
        row, column = int(frame.focus_y * record.height), int(frame.focus_x * record.width)
        must = "lie where the disparity is known (valid.png), together with focus_y"
        require(f"focus_x[{i}]", bool(sample.valid[row, column]), must, f"row {row}, column {column}")
