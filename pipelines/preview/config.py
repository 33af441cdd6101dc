"""Configuration of the verb `preview`."""

from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

from pipelines.errors import UserError, require
from pipelines.runs.place import Place


@dataclass(frozen=True)
class PreviewConfig:
    """Write a page to look at: OUT/preview/index.html, photos to refocus by a click and a report of the whole set."""

    out: Positional[Place]
    """Folder of the data set, or its URL; --linked, --sheets and --gif need a folder of this machine."""
    limit: int | None = None
    """At most this many samples: 200 in the page, 24 as sheets. The report is about all of them."""
    budget_mb: float = 64.0
    """Size of the page, in 10^6 bytes: pictures are re-encoded, and made smaller, until all of them fit."""
    linked: bool = False
    """Put the data set's own pictures beside the page, into OUT/preview/media, instead of smaller ones into it."""
    sheets: bool = False
    """Instead of the page: one contact sheet a sample, OUT/preview/KEY.png, with photo, disparity and every frame."""
    gif: str | None = None
    """Instead of the page: the focus pull of the sample of this key as OUT/preview/KEY.gif."""
    aperture_mask: Path | None = None
    """Of a data set that was rendered with --aperture-mask: the same file, for the live preview."""
    json: bool = False
    """Result as one JSON object on stdout."""

    def __post_init__(self) -> None:
        require(self.limit is None or self.limit >= 1, "--limit", "be at least 1", self.limit)
        require(self.budget_mb >= 1, "--budget-mb", "be at least 1", self.budget_mb)
        ways = [flag for flag in ("linked", "sheets", "gif") if getattr(self, flag)]
        if len(ways) > 1:
            raise UserError(f"--{ways[0]} and --{ways[1]} must not be given together; give the command twice")
