"""The `json` of a sample: labels of every frame, and provenance of photo, disparity and pixels."""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from dataclasses import dataclass
from typing import Any

from . import strict_json
from .complaint import FieldError, FieldTypeError
from .labels import FrameLabels, check_stack, require

SCHEMA_VERSION = 6  # 5: scene; 6: aperture.psf_sha256, barn_doors, astigmatism
READABLE_VERSIONS = (5, 6)
SPLITS = ("train", "val", "test")
MAX_PIXELS = 100_000_000
MAX_DISPARITY_CODE = 65535  # disparity is stored as uint16
MAX_RECORD_BYTES = 1 << 20
MAX_SEED = 2**63 - 1  # what Arrow and Parquet hold as int64

SHA256 = re.compile(r"[0-9a-f]{64}")
_SCENE_ID = re.compile(r"[0-9A-Za-z_-]{1,128}")
_EDGES = ("as_is", "sharpened")
_STEPS = ("as_is", "debanded")
_UNITS = {"relative": "1", "metric": "1/m"}


@dataclass(frozen=True)
class DisparityRecord:
    """Scale and source of the stored disparity: D = offset + scale * code, code a uint16.

    Attributes:
        kind, unit: `relative`, unit "1": mapped to [0, 1] per photo; `metric`, unit "1/m".
        scale, offset: scale > 0, offset >= 0.
        source, source_revision: origin (model id, `sidecar`, `builtin`, `synthetic:SHAPE`) and revision ("" if none).
        edges: `as_is`, unchanged; `sharpened`, soft edges made steps at the edges of the photo.
        quantization_levels: distinct values of the map that the disparity was made from; 0 when it is exact.
        steps: `as_is`, unchanged; `debanded`, the steps between few levels were smoothed into slopes.
        filled_fraction: share of the pixels whose disparity was unknown and is filled in, in [0, 1); see `valid.png`.
    """

    kind: str
    unit: str
    scale: float
    offset: float
    source: str
    source_revision: str
    edges: str = "as_is"
    quantization_levels: int = 0
    steps: str = "as_is"
    filled_fraction: float = 0.0

    def __post_init__(self) -> None:
        strict_json.coerce_fields(self)
        require("kind", self.kind in _UNITS, f"be one of {', '.join(_UNITS)}", self.kind)
        require("unit", self.unit == _UNITS[self.kind], f"be {_UNITS[self.kind]!r} for {self.kind}", self.unit)
        require("scale", self.scale > 0.0, "be positive", self.scale)
        require("offset", self.offset >= 0.0, "be at least 0", self.offset)
        require("source", self.source != "", "name where the disparity came from", self.source)
        require("edges", self.edges in _EDGES, f"be one of {', '.join(_EDGES)}", self.edges)
        levels = self.quantization_levels
        require("quantization_levels", levels >= 0, "be at least 0 (0 = exact)", levels)
        require("steps", self.steps in _STEPS, f"be one of {', '.join(_STEPS)}", self.steps)
        require("filled_fraction", 0.0 <= self.filled_fraction < 1.0, "lie in [0, 1)", self.filled_fraction)


@dataclass(frozen=True)
class ApertureRecord:
    """Shape of the aperture the stack was rendered with, and the aberrations (simulator.Aperture has the units).

    Attributes:
        shape: `disc`, `blades`, `raster` or `psf`.
        raster_sha256: of the mask's pixels, "" without a mask.
        psf_sha256: of the file of point-spread functions, "" without one.
        focus_shift, magnification: of red, green, blue.
    """

    shape: str = "disc"
    blades: int = 0
    roundness: float = 0.0
    rotation_deg: float = 0.0
    obstruction: float = 0.0
    spherical: float = 0.0
    squeeze: float = 1.0
    cat_eye: float = 0.0
    raster_sha256: str = ""
    barn_doors: float = 0.0
    astigmatism: float = 0.0
    psf_sha256: str = ""
    focus_shift: tuple[float, ...] = (0.0, 0.0, 0.0)
    magnification: tuple[float, ...] = (1.0, 1.0, 1.0)

    def __post_init__(self) -> None:
        strict_json.coerce_fields(self)
        require("shape", self.shape != "", "not be empty", self.shape)
        require("blades", self.blades == 0 or self.blades >= 3, "be 0 or at least 3", self.blades)
        require("obstruction", 0 <= self.obstruction < 1, "lie in [0, 1)", self.obstruction)
        require("squeeze", self.squeeze > 0, "be positive", self.squeeze)
        for name in ("focus_shift", "magnification"):
            require(name, len(getattr(self, name)) == 3, "have a value for red, green, blue", getattr(self, name))


@dataclass(frozen=True)
class LensRecord:
    """The lens and the recipe it was drawn from; 0.0 where a physical value is not known.

    Attributes:
        kind: `thin`, or the name of a table of point-spread functions.
        f_number: of the fully open aperture; the labels of a frame hold that of the frame.
        near_m, far_m: distances assumed for relative disparity 1 and 0, in meters.
    """

    kind: str = "thin"
    f_number: float = 0.0
    focal_length_mm: float = 0.0
    sensor_width_mm: float = 0.0
    recipe: str = "plain"
    near_m: float = 0.0
    far_m: float = 0.0

    def __post_init__(self) -> None:
        strict_json.coerce_fields(self)
        require("kind", self.kind != "", "not be empty", self.kind)
        require("recipe", self.recipe != "", "not be empty", self.recipe)
        for name in ("f_number", "focal_length_mm", "sensor_width_mm", "near_m", "far_m"):
            require(name, getattr(self, name) >= 0.0, "be at least 0 (0 = not known)", getattr(self, name))


@dataclass(frozen=True)
class ImagingRecord:
    """Processing of light before the lens and after it.

    Attributes:
        highlight_knee, highlight_peak, highlight_window: the curve that expanded clipped light; peak 1.0 for none.
        full_well_electrons, read_noise_electrons: of the sensor; 0.0 for no noise.
        tone: mapping to display values, `clip` or `shoulder`.
    """

    highlight_knee: float = 0.87
    highlight_peak: float = 1.0
    highlight_window: float = 0.05
    full_well_electrons: float = 0.0
    read_noise_electrons: float = 0.0
    tone: str = "clip"

    def __post_init__(self) -> None:
        strict_json.coerce_fields(self)
        require("highlight_peak", self.highlight_peak >= 1.0, "be at least 1", self.highlight_peak)
        for name in ("full_well_electrons", "read_noise_electrons"):
            require(name, getattr(self, name) >= 0.0, "be at least 0", getattr(self, name))
        require("tone", self.tone in ("clip", "shoulder"), "be clip or shoulder", self.tone)


@dataclass(frozen=True)
class SceneRecord:
    """The built-in scene that was photographed; every field has its default where the sample is of a photo.

    Attributes:
        kind, foreground, backdrop: kinds of scenes, "" of a photo; `kind` is that of foreground or backdrop or of both.
        version: of the built-in scenes (`simulator.scenes.catalog.SCENES_VERSION`), 0 of a photo.
        yaw_deg, pitch_deg, roll_deg: of the camera, to the right, down and clockwise, before mirroring.
        focal_length: in long sides of the picture.
        mirrored: 1 where the picture is mirrored left to right, else 0.
        white_balance, exposure, vignetting, glare, toe, anchor: of the camera, see `simulator.scenes.look.CameraLook`.
    """

    kind: str = ""
    foreground: str = ""
    backdrop: str = ""
    version: int = 0
    yaw_deg: float = 0.0
    pitch_deg: float = 0.0
    roll_deg: float = 0.0
    focal_length: float = 0.0
    mirrored: int = 0
    white_balance: tuple[float, ...] = (1.0, 1.0, 1.0)
    exposure: float = 0.0
    vignetting: float = 0.0
    glare: float = 0.0
    toe: float = 0.0
    anchor: float = 0.0

    def __post_init__(self) -> None:
        strict_json.coerce_fields(self)
        parts, is_builtin = (self.foreground, self.backdrop), self.kind != ""
        require("kind", self.kind in parts, f"be one of {' and '.join(parts)}", self.kind)
        require(
            "version", (self.version > 0) == is_builtin, "be positive for built-in scenes, 0 for photos", self.version
        )
        focal = self.focal_length
        require("focal_length", (focal > 0.0) == is_builtin, "be positive for built-in scenes, 0 for photos", focal)
        require("mirrored", self.mirrored in (0, 1), "be 0 or 1", self.mirrored)
        balance = self.white_balance
        require("white_balance", len(balance) == 3 and min(balance) > 0.0, "be three positive gains", balance)
        for name in ("vignetting", "glare"):
            require(name, 0.0 <= getattr(self, name) <= 1.0, "lie in [0, 1]", getattr(self, name))
        for name in ("toe", "anchor"):
            require(name, getattr(self, name) >= 0.0, "be at least 0", getattr(self, name))


@dataclass(frozen=True)
class PhotoRecord:
    """The original photo: sha256 of its file, name, license and author ("" = not known), size in pixels."""

    sha256: str
    name: str
    license: str
    author: str
    source_url: str
    width: int
    height: int

    def __post_init__(self) -> None:
        strict_json.coerce_fields(self)
        require("sha256", bool(SHA256.fullmatch(self.sha256)), "be 64 lower-case hex digits", self.sha256)
        require("name", self.name != "", "not be empty", self.name)
        require("width", self.width >= 1, "be at least 1", self.width)
        require("height", self.height >= 1, "be at least 1", self.height)


@dataclass(frozen=True)
class RendererRecord:
    """The renderer of the stack: package version, sha256 of the configuration, kind of device (`cpu`, `cuda`)."""

    version: str
    config_sha256: str
    device_kind: str

    def __post_init__(self) -> None:
        strict_json.coerce_fields(self)
        require("version", self.version != "", "not be empty", self.version)
        digest = self.config_sha256
        require("config_sha256", bool(SHA256.fullmatch(digest)), "be 64 lower-case hex digits", digest)
        require("device_kind", self.device_kind != "", "not be empty", self.device_kind)


@dataclass(frozen=True)
class SampleRecord:
    """Content of the `json` of a sample.

    Attributes:
        schema_version: SCHEMA_VERSION, or an earlier one that is still read: what it did not have is at its default.
        scene_id: names the scene across the data set: 1 to 128 of [0-9A-Za-z_-].
        split: `train`, `val` or `test`.
        width, height: of photo, disparity and frames, in pixels.
        seed: of the draw of this scene, in [0, 2^63).
        scene: the built-in scene; all default where the sample is of a photo.
        frames: labels of the F frames, level-major: all planes of blur level 0, then of level 1, ...

    Raises FieldError (a ValueError) or FieldTypeError when built from anything else.
    """

    schema_version: int
    scene_id: str
    split: str
    width: int
    height: int
    seed: int
    disparity: DisparityRecord
    frames: tuple[FrameLabels, ...]
    aperture: ApertureRecord
    lens: LensRecord
    imaging: ImagingRecord
    photo: PhotoRecord
    renderer: RendererRecord
    scene: SceneRecord

    def __post_init__(self) -> None:
        strict_json.coerce_fields(self)
        for name, kind in _PARTS.items():
            if not isinstance(getattr(self, name), kind):
                raise FieldTypeError(name, f"must be a {kind.__name__}, got {type(getattr(self, name)).__name__}")
        version = self.schema_version
        require("schema_version", version in READABLE_VERSIONS, f"be one of {READABLE_VERSIONS}", version)
        require("scene_id", bool(_SCENE_ID.fullmatch(self.scene_id)), "match [0-9A-Za-z_-]{1,128}", self.scene_id)
        require("split", self.split in SPLITS, f"be one of {', '.join(SPLITS)}", self.split)
        require("width", self.width >= 1, "be at least 1", self.width)
        require("height", self.height >= 1, "be at least 1", self.height)
        pixels = self.width * self.height
        require("width", pixels <= MAX_PIXELS, f"keep the image at most {MAX_PIXELS} pixels", pixels)
        require("seed", 0 <= self.seed <= MAX_SEED, "lie in [0, 2^63)", self.seed)
        if not isinstance(self.frames, (tuple, list)):
            raise FieldTypeError("frames", f"must be a sequence, got {type(self.frames).__name__}")
        object.__setattr__(self, "frames", tuple(self.frames))
        check_stack(self.frames, width=self.width, height=self.height)

    @property
    def levels(self) -> int:
        """Number of stacking groups, one for each blur level."""
        return self.frames[-1].group + 1

    @property
    def planes(self) -> int:
        """Number of planes in focus in each group."""
        return len(self.frames) // self.levels

    def to_json(self) -> bytes:
        """Canonical bytes: equal records, equal bytes."""
        plain = {name: getattr(self, name) for name in _HEAD}
        parts = {name: dataclasses.asdict(getattr(self, name)) for name in _PARTS}
        if self.schema_version < 6:
            parts["aperture"] = {name: v for name, v in parts["aperture"].items() if name not in _APERTURE_OF_6}
        lists = {name: [getattr(frame, name) for frame in self.frames] for name in _LISTS}
        return strict_json.canonical(plain | parts | lists)

    @classmethod
    def from_json(cls, data: bytes) -> SampleRecord:
        """Read `to_json`'s bytes, or any JSON with exactly these keys and types.

        Raises:
            FieldError: names the label, such as `disparity.scale` or `focus_x[2]`; the label is "" if all is wrong.
        """
        try:
            values = strict_json.parse_object(data, max_bytes=MAX_RECORD_BYTES)
        except ValueError as error:
            raise FieldError("", str(error)) from None
        strict_json.require_keys(values, (*_HEAD, *_PARTS, *_LISTS))
        head = strict_json.require_types({name: values[name] for name in _HEAD}, _HEAD)
        if head["schema_version"] == 5 and isinstance(values["aperture"], dict):
            values["aperture"] = _APERTURE_OF_6 | values["aperture"]
        parts = {name: strict_json.build_record(kind, values[name], within=name) for name, kind in _PARTS.items()}
        lists = strict_json.require_types({name: values[name] for name in _LISTS}, _LISTS)
        return cls(**head, **parts, frames=_frames_from_lists(lists))


def _frames_from_lists(lists: dict[str, tuple[Any, ...]]) -> tuple[FrameLabels, ...]:
    frames = len(lists["group"])
    for name, column in lists.items():
        require(name, len(column) == frames, f"have as many entries as group: {frames}", len(column))
    return tuple(_frame(i, {name: column[i] for name, column in lists.items()}) for i in range(frames))


def _frame(index: int, labels: dict[str, Any]) -> FrameLabels:
    try:
        return FrameLabels(**labels)
    except FieldError as error:
        raise type(error)(f"{error.field}[{index}]", error.message) from None


_PARTS: dict[str, type[Any]] = {
    "disparity": DisparityRecord,
    "aperture": ApertureRecord,
    "lens": LensRecord,
    "imaging": ImagingRecord,
    "photo": PhotoRecord,
    "renderer": RendererRecord,
    "scene": SceneRecord,
}
_APERTURE_OF_6 = {name: getattr(ApertureRecord, name) for name in ("barn_doors", "astigmatism", "psf_sha256")}
_HEAD = {
    name: kind for name, kind in typing.get_type_hints(SampleRecord).items() if name not in _PARTS and name != "frames"
}
_LISTS: dict[str, Any] = {
    name: types.GenericAlias(tuple, (kind, ...)) for name, kind in typing.get_type_hints(FrameLabels).items()
}
