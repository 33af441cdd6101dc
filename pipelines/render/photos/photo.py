"""Photos: identified by their content, and loaded one at a time as sRGB pixels."""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import Rejection
from pipelines.render.photos.content import read_photo
from pipelines.render.photos.decode import decode_photo
from pipelines.render.photos.exif import UNKNOWN_CAMERA, CameraTags


@dataclass(frozen=True, slots=True)
class PhotoSource:
    """Identity of a photo, as the plan freezes it. The same content is the same scene, wherever it lies."""

    scene_id: str  # first 16 hex digits of sha256
    name: str  # path relative to the photo folder or the list, or `builtin-000012`
    location: str  # absolute path, URL, or `builtin:SEED`
    sha256: str  # of the file; of the location for a built-in scene
    license: str
    author: str
    source_url: str
    group: str = ""  # photos of one group (a video, a scene, a session) share a split
    focus_points: str = ""  # of a list: planes of this photo, as --focus-points writes them
    holds_depth: bool = False  # a portrait photo with a depth picture within its file

    def __post_init__(self) -> None:
        if len(self.sha256) != 64 or self.scene_id != self.sha256[:16]:
            raise ValueError(f"scene_id must be 16 of sha256's 64 digits, got {self.scene_id}, {self.sha256}")

    @property
    def is_builtin(self) -> bool:
        return self.location.startswith("builtin:")

    @property
    def builtin_seed(self) -> int:
        return int(self.location.removeprefix("builtin:"))


@dataclass(frozen=True)
class RejectedPhoto:
    """A photo left out, with the reason: one line of rejects.jsonl."""

    scene_id: str  # "" when its bytes could not be read
    name: str
    stage: str
    code: str
    message: str


@dataclass(frozen=True)
class Photo:
    """A decoded photo: upright, sRGB, at most `long_side` long."""

    source: PhotoSource
    srgb: NDArray[np.uint8]  # [H, W, 3]
    original_width: int  # px, after orientation
    original_height: int
    flags: tuple[str, ...] = ()  # oddities that were survived: icc_corrupt, exif_corrupt
    camera: CameraTags = UNKNOWN_CAMERA
    orientation: int = 1  # of its EXIF: how the stored pixels were turned

    def __post_init__(self) -> None:
        if self.srgb.dtype != np.uint8 or self.srgb.ndim != 3 or self.srgb.shape[2] != 3:
            raise ValueError(f"srgb must be uint8 [H, W, 3], got {self.srgb.dtype} {list(self.srgb.shape)}")
        if self.original_width < self.srgb.shape[1] or self.original_height < self.srgb.shape[0]:
            raise ValueError(
                f"srgb must be no larger than the original {self.original_width}x{self.original_height}, "
                f"got {self.srgb.shape[1]}x{self.srgb.shape[0]}"
            )


def load_photo(source: PhotoSource, *, long_side: int) -> Photo:
    """Read and decode one photo, upright, in sRGB, shrunk to `long_side` pixels (never enlarged).

    Raises Rejection with stage "photo"; the codes are `missing`, `unreadable`, `changed` and those of
    `decode_photo`.
    """
    if source.is_builtin:
        raise ValueError(f"a built-in scene is drawn, not loaded: {source.location}")
    content = read_photo(source.location)
    if hashlib.sha256(content).hexdigest() != source.sha256:
        raise Rejection("photo", "changed", "the file's bytes have changed since the data set was planned")
    return Photo(source, **vars(decode_photo(content, long_side=long_side)))
