"""Configuration of the verbs that have no folder of their own: doctor, fetch-depth, verify, card."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from pipelines.errors import require
from pipelines.render.config import check_depth_name
from pipelines.runs.place import Place


@dataclass(frozen=True)
class DoctorConfig:
    """Would `render` work here and now? Versions, devices, disk and depth model; exit code 1 when it would not."""

    out: Place = Path("out")
    """Folder or URL of the data set to come."""
    samples: int = 1000
    """Number of its samples."""
    depth: str = "auto"
    """As of `render`: auto (a model for photos without a depth map), sidecar (no model), gradient or center (made up),
    or a model."""
    json: bool = False
    """Result as one JSON object on stdout."""

    def __post_init__(self) -> None:
        require(self.samples >= 1, "--samples", "be at least 1", self.samples)
        check_depth_name(self.depth)


@dataclass(frozen=True)
class FetchDepthConfig:
    """Download a depth model into a folder: `render --depth FOLDER` needs no network then. Again to resume."""

    folder: Positional[Path]
    """New, empty, or one that the same command has begun."""
    model: str = "auto"
    """auto: the model of `render --depth auto`, Depth Anything V2 Small. Else an id OWNER/NAME of the Hugging Face hub,
    of a model that transformers loads (docs/depth-models.md)."""
    revision: str | None = None
    """Branch, tag or commit; left out: the pinned commit of the default model, else the newest."""
    depth_kind: Literal["relative", "metric"] | None = None
    """What the depth values of a model mean that is not known here; never guessed."""
    json: bool = False
    """Result as one JSON object on stdout."""


@dataclass(frozen=True)
class VerifyConfig:
    """Check every byte and label of a data set; exit code 4 when something is wrong."""

    out: Positional[Place]
    """Folder of the data set, or its URL."""
    workers: int | Literal["auto"] = "auto"
    """Processes that check shards. auto: one a CPU core. The report does not depend on it."""
    json: bool = False
    """Result as one JSON object on stdout."""

    def __post_init__(self) -> None:
        require(self.workers == "auto" or self.workers >= 1, "--workers", "be auto or at least 1", self.workers)


@dataclass(frozen=True)
class CardConfig:
    """Write the data set's card, OUT/README.md, again."""

    out: Positional[Place]
    """Folder of the data set, or its URL."""
    json: bool = False
    """Result as one JSON object on stdout."""
