"""What `refocus` is told. A record checks itself when built and raises UserError, one line that names the flag."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from pipelines.errors import UserError

WRITTEN = (".jpg", ".jpeg", ".png")
BLURS = (0.01, 100.0)


@dataclass(frozen=True)
class RefocusConfig:
    """Refocus one photo with a trained model; with --focus-sweep, pull focus through its depth."""

    photo: Positional[Path]
    """JPEG, PNG, WebP or TIFF."""
    checkpoint: Path
    """Folder of a train run; its newest checkpoint is used."""
    blur_level: float
    """Radius, in percent of the long side, of a point one whole depth range off the plane in focus."""
    focus: str = "0.5,0.5"
    """X,Y in [0, 1] from the top left: what lies there becomes sharp."""
    out: Path | None = None
    """A .jpg or .png; with --focus-sweep a folder. Left out: PHOTO-refocused.jpg beside the photo, or PHOTO-sweep."""
    depth: str = "auto"
    """auto: the photo's sidecar, else the default depth model. sidecar. none: the model must do without. Anything
    else: a model id of the Hugging Face hub, or a folder that holds a model."""
    depth_kind: Literal["relative", "metric"] | None = None
    """What the depth values mean, where neither the model nor a depth.json says so."""
    offline: bool = False
    """Never fetch a depth model over the network."""
    steps: int = 8
    """Steps from noise to picture."""
    solver: Literal["heun", "euler"] = "heun"
    """heun: second order. euler: first order, half the work."""
    guidance: float = 1.0
    """Above 1 exaggerates what focus point and blur level ask for."""
    resolution: Literal["auto", "trained"] = "auto"
    """auto: in tiles beyond the trained size, where depth is known and the blur is weak enough. trained: at the
    trained size, then enlarged."""
    focus_sweep: int = 0
    """Instead of one photo, this many with the focus pulled from far to near: frames, an animation, a contact sheet."""
    seed: int = 0
    """Of the noise."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """auto: a GPU where there is one."""
    json: bool = False
    """Result as one JSON object on stdout."""

    def __post_init__(self) -> None:
        self.focus_point  # noqa: B018  raises when it is none
        if not BLURS[0] <= self.blur_level <= BLURS[1]:  # true for NaN
            raise UserError(f"--blur-level must lie between {BLURS[0]} and {BLURS[1]:g}; got {self.blur_level}")
        if self.focus_sweep != 0 and not 2 <= self.focus_sweep <= 240:
            raise UserError(f"--focus-sweep must lie between 2 and 240 frames; got {self.focus_sweep}")
        if self.out and not self.focus_sweep and self.out.suffix.lower() not in WRITTEN:
            raise UserError(f"--out must end in one of {' '.join(WRITTEN)}; got {self.out}")
        if self.seed < 0:
            raise UserError(f"--seed must be at least 0; got {self.seed}")

    @property
    def focus_point(self) -> tuple[float, float]:
        """(x, y) of --focus. Raises UserError when that is no point of the photo."""
        try:
            x, y = (float(part) for part in self.focus.split(","))
        except ValueError:
            raise UserError(f"--focus must be X,Y, such as 0.4,0.6; got {self.focus!r}") from None
        if not (math.isfinite(x + y) and 0 <= x <= 1 and 0 <= y <= 1):
            raise UserError(f"--focus must lie in [0, 1] x [0, 1] (0,0 is top left); got {self.focus}")
        return x, y

    @property
    def written(self) -> Path:
        """Where the result goes."""
        name = f"{self.photo.stem}-sweep" if self.focus_sweep else f"{self.photo.stem}-refocused.jpg"
        return self.out or self.photo.with_name(name)
