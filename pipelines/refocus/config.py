"""Settings of `refocus`. The record checks itself when built and raises UserError, one line that names the flag."""

import contextlib
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from pipelines.errors import UserError, require
from pipelines.model.package_weights import PACKAGE_WEIGHTS
from pipelines.model.sampler_config import SamplerConfig
from pipelines.render.config import check_depth_name
from pipelines.render.photos.first_bytes import is_bare_depth
from pipelines.render.photos.folder import photo_suffixes

SUFFIXES = (".jpg", ".jpeg", ".png")
BLUR_LEVELS = (0.01, 100.0)


@dataclass(frozen=True)
class RefocusConfig:
    """Refocus one photo with a trained model; with --focus-sweep, pull focus through its depth."""

    photo: Positional[Path]
    """JPEG, PNG, WebP or TIFF."""
    blur_level: float
    """Blur radius of a point one whole depth range off the plane in focus, in percent of the long side."""
    checkpoint: Path = PACKAGE_WEIGHTS
    """Folder of a train run; left out: the weights that come with the package."""
    focus: str = "0.5,0.5"
    """X,Y in [0, 1] from the top left: the plane at this point becomes sharp."""
    out: Path | None = None
    """A .jpg or .png; with --focus-sweep a folder. Left out: PHOTO-refocused.jpg beside the photo, or PHOTO-sweep
    (PHOTO-png-... where PHOTO has twins of other suffixes)."""
    photo_focus: str = "auto"
    """What the photo itself is focused on: X,Y of a point that is sharp. none: it is sharp everywhere. auto:
    estimated."""
    photo_blur_level: Literal["auto"] | float = "auto"
    """Blur level that the photo itself has. auto: estimated."""
    depth: str = "auto"
    """auto: the photo's sidecar, else the default depth model. sidecar: the sidecar. none: no depth. flat,
    gradient or center: a made-up shape, for trials. Anything else: a model id of the Hugging Face hub, or a folder that
    holds a model."""
    depth_kind: Literal["relative", "metric"] | None = None
    """Kind of the depth values, where neither the model nor a depth.json declares it."""
    offline: bool = False
    """Never fetch a depth model over the network."""
    sampler: SamplerConfig = field(default_factory=SamplerConfig)
    resolution: Literal["auto", "trained"] = "auto"
    """Of a flow model. auto: in tiles beyond the trained size, where depth is known and the blur is weak enough.
    trained: at the trained size, then enlarged."""
    focus_sweep: int = 0
    """Instead of one photo, this many with the focus pulled from far to near: frames, an animation, a contact sheet."""
    seed: int = 0
    """Seed of the noise."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """auto: a GPU where there is one."""
    json: bool = False
    """Result as one JSON object on stdout."""

    def __post_init__(self) -> None:
        check_depth_name(self.depth, ("none",))
        self.focus_point, self.photo_focus_point  # noqa: B018  raise for bad input
        low, high = BLUR_LEVELS
        require(low <= self.blur_level <= high, "--blur-level", f"lie between {low} and {high:g}", self.blur_level)
        level = self.photo_blur_level
        is_level = level == "auto" or low <= level <= high
        require(is_level, "--photo-blur-level", f"be auto or lie between {low} and {high:g}", level)
        is_one = self.photo_focus != "none" or level == "auto"
        require(is_one, "--photo-blur-level", "be left out where --photo-focus is none: nothing is blurred", level)
        frames = self.focus_sweep
        require(frames == 0 or 2 <= frames <= 240, "--focus-sweep", "lie between 2 and 240 frames", frames)
        is_picture = self.out is None or self.out.suffix.lower() in SUFFIXES
        require(is_picture or frames > 0, "--out", f"end in one of {' '.join(SUFFIXES)}", self.out)
        is_other = self.out is None or not _is_same_file(self.out, self.photo)
        require(is_other, "--out", "be another file than the photo, which it would overwrite", self.out)
        require(self.seed >= 0, "--seed", "be at least 0", self.seed)

    @property
    def focus_point(self) -> tuple[float, float]:
        """(x, y) of --focus. Raises UserError when that is no point of the photo."""
        return _point("--focus", self.focus, "X,Y")

    @property
    def photo_focus_point(self) -> tuple[float, float] | None:
        """(x, y) of --photo-focus, None for auto and none. Raises UserError when it is none of them."""
        is_word = self.photo_focus in ("auto", "none")
        return None if is_word else _point("--photo-focus", self.photo_focus, "auto, none or X,Y")

    @property
    def result_path(self) -> Path:
        """The picture, or with --focus-sweep the folder, that is written.

        Photos that differ in their suffix alone (same.jpg, same.png) get names with it.
        """
        if self.out:
            return self.out
        stem = self.photo.stem
        with contextlib.suppress(OSError):
            twins = [path for path in self.photo.parent.iterdir() if path.stem == stem and path != self.photo]
            if any(path.suffix.lower() in photo_suffixes() and not is_bare_depth(path) for path in twins):
                stem = f"{stem}-{self.photo.suffix[1:]}"
        return self.photo.with_name(f"{stem}-sweep" if self.focus_sweep else f"{stem}-refocused.jpg")


def _point(flag: str, value: str, form: str) -> tuple[float, float]:
    try:
        x, y = (float(part) for part in value.split(","))
    except ValueError:
        raise UserError(f"{flag} must be {form}, such as 0.4,0.6; got {value!r}") from None
    if not (math.isfinite(x + y) and 0 <= x <= 1 and 0 <= y <= 1):
        raise UserError(f"{flag} must lie in [0, 1] x [0, 1] (0,0 is top left); got {value}")
    return x, y


def _is_same_file(one: Path, other: Path) -> bool:
    """Also through links and under other spellings."""
    try:
        return one.samefile(other)
    except (OSError, ValueError):
        return one.absolute() == other.absolute()
