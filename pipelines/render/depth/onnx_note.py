"""NAME.yaml beside NAME.onnx: how a photo becomes the input of a network, and what its output means.

Nothing of this is guessed from the network's values. docs/depth-models.md lists the keys.
"""

import dataclasses
import math
import reprlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import yaml

from pipelines.errors import UserError, refusing
from pipelines.render.depth.disparity_map import Kind, Quantity
from shards.foreign_file import read_foreign
from shards.strict_json import check_text

MAX_NOTE_BYTES = 1 << 16
_MAX_SIDE = 4096
_WAY_OUT = "docs/depth-models.md shows what it must hold"
Color = tuple[float, float, float]


@dataclass(frozen=True)
class OnnxNote:
    """Content of the YAML file. At most one of `size`, `short_side` and `long_side`; none where the network fixes it.

    `canonical_focal_px` f_c: the depth that comes out is of a camera of this focal length, z = output · f / f_c.
    """

    quantity: Quantity
    kind: Kind
    size: tuple[int, int] | None = None  # (height, width): photos are stretched to it
    short_side: int | None = None
    long_side: int | None = None
    multiple_of: int = 1
    mean: Color = (0.0, 0.0, 0.0)  # subtracted from RGB in [0, 1] ...
    std: Color = (1.0, 1.0, 1.0)  # ... which is then divided by this
    depth: str = ""  # name of the output; the first
    canonical_focal_px: float | None = None
    sky: str = ""  # name of an output that is large in the sky
    sky_above: float = 0.5
    license: str = ""

    def __post_init__(self) -> None:
        _must(self.quantity in get_args(Quantity), "quantity", f"be one of {get_args(Quantity)}", self.quantity)
        _must(self.kind in get_args(Kind), "kind", f"be one of {get_args(Kind)}", self.kind)
        invertible = (self.quantity, self.kind) != ("depth", "relative")
        _must(invertible, "kind", "be metric for depth, since the inverse of relative depth is no disparity", self.kind)
        sizes = [side for side in (self.size, self.short_side, self.long_side) if side is not None]
        _must(len(sizes) <= 1, "size, short_side and long_side", "stand alone", sizes)
        sides = (*self.size, 1) if isinstance(self.size, tuple) else (*sizes, 1)
        _must(self.size is None or len(sides) == 3, "size", "be [height, width]", self.size)
        for side in (*sides, self.multiple_of):
            _must(_is_side(side), "sides and multiple_of", f"be whole numbers from 1 to {_MAX_SIDE}", side)
        for name in ("mean", "std"):
            color = getattr(self, name)
            fits = isinstance(color, tuple) and len(color) == 3 and all(map(_is_number, color))
            must = "be three numbers" + " above 0" * (name == "std")
            _must(fits and (name == "mean" or min(color) > 0), name, must, color)
        focal = self.canonical_focal_px
        _must(focal is None or (_is_number(focal) and focal > 0), "canonical_focal_px", "be above 0", focal)
        metric_depth = (self.quantity, self.kind) == ("depth", "metric")
        _must(focal is None or metric_depth, "canonical_focal_px", "stand with metric depth", f"{self.kind}")
        _must(_is_number(self.sky_above), "sky_above", "be a number", self.sky_above)
        for name in ("depth", "sky", "license"):
            _must(isinstance(getattr(self, name), str), name, "be text", getattr(self, name))
            check_text(name, getattr(self, name))

    def input_size(self, height: int, width: int) -> tuple[int, int]:
        """(height, width) of the network's input for a photo of this size."""
        if self.size is not None:
            return self.size
        scale = self.short_side / min(height, width) if self.short_side else (self.long_side or 0) / max(height, width)
        step = self.multiple_of
        rows, columns = (max(1, round(side * scale / step)) * step for side in (height, width))
        return rows, columns


def read_onnx_note(model: Path) -> OnnxNote:
    """The note of an ONNX file. Raises UserError when it is missing or wrong."""
    path = model.with_suffix(".yaml")
    if not path.exists():
        raise UserError(f"--depth {model} needs a file {path.name} beside it; {_WAY_OUT}")
    with refusing(str(path), _WAY_OUT):
        content = yaml.safe_load(read_foreign(path, max_bytes=MAX_NOTE_BYTES))
        known = [field.name for field in dataclasses.fields(OnnxNote)]
        if not isinstance(content, dict) or not {"quantity", "kind"} <= set(content) <= set(known):
            got = reprlib.repr(list(content) if isinstance(content, dict) else content)
            raise ValueError(f"it must have the keys quantity and kind, others only of {', '.join(known)}; got {got}")
        settings: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in content.items()}
        return OnnxNote(**settings)


def _must(holds: bool, key: str, must: str, got: object) -> None:
    # reprlib: a few lines of YAML whose aliases name each other print as gigabytes
    if not holds:
        raise ValueError(f"{key} must {must}; got {reprlib.repr(got)}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_side(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _MAX_SIDE
