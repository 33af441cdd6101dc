"""One sample as the audit reads it, from any format: photo, disparity, frames, and the lens of each frame.

Letters: D disparity, bigger is nearer; D_f plane in focus; K blur scale in pixels of this image.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipelines.measure.fidelity import Picture
from shards.complaint import FieldError
from shards.record import SampleRecord
from simulator import ThinLens


@dataclass(frozen=True)
class AuditedSample:
    """One sample. disparity: float64 [H, W]; codes [h, w]: disparity or depth as stored; known [H, W]: not filled in.

    lenses: D_f and K of each frame as its labels say. groups: the stacking group of each frame. picture(i) decodes
    frame i. record: the labels of our own format, None for other formats. photo_lens: None for a photo without blur.
    Raises FieldError when there is no frame, or lenses and groups are not as many.
    """

    key: str
    shard: str
    split: str
    scene: str
    photo: Picture
    disparity: npt.NDArray[np.float64]
    known: npt.NDArray[np.bool_]
    codes: npt.NDArray[np.generic]
    lenses: tuple[ThinLens, ...]
    groups: tuple[int, ...]
    picture: Callable[[int], Picture]
    record: SampleRecord | None = None
    photo_is_exact: bool = False
    photo_lens: ThinLens | None = None

    def __post_init__(self) -> None:
        if not self.lenses or len(self.groups) != len(self.lenses):
            message = f"must label one frame or more, each with its group, got {len(self.lenses)}, {len(self.groups)}"
            raise FieldError("labels", message)
        if self.disparity.shape != self.photo.shape[:2]:
            shapes = f"{list(self.disparity.shape)} for a photo of {list(self.photo.shape[:2])}"
            raise FieldError("disparity", f"must be as large as the photo, got {shapes}")

    @property
    def name(self) -> str:
        """Unique in the data set: keys of other formats may repeat from tar to tar."""
        return self.key if self.record is not None else f"{self.shard}/{self.key}"

    @property
    def depth_range(self) -> float:
        """max D − min D."""
        return float(np.ptp(self.disparity))

    @property
    def disparity_range(self) -> tuple[float, float]:
        """(min D, max D)."""
        return float(self.disparity.min()), float(self.disparity.max())

    @property
    def long_side_px(self) -> int:
        return max(self.photo.shape[:2])

    @property
    def is_photo_where_sharp(self) -> bool:
        """Whether frames equal the photo where they are in focus: no noise, compression, color fringes, shoulder."""
        if self.record is None:
            return True
        shape, light = self.record.aperture, self.record.imaging
        added = bool(light.full_well_electrons) or any(frame.jpeg_quality for frame in self.record.frames)
        fringes = any(shape.focus_shift) or any(size != 1.0 for size in shape.magnification)
        return not (added or fringes or light.tone != "clip")

    def defocus_px(self, frame: int) -> npt.NDArray[np.float64]:
        """Signed blur radii [H, W] of a frame according to its labels."""
        lens = self.lenses[frame]
        return lens.blur_scale_px * (self.disparity - lens.focus_disparity)

    def scale_level(self, frame: int) -> float:
        """Radius across the sample's whole depth range, percent of the long side: K free of unit and resolution."""
        return 100.0 * self.lenses[frame].blur_scale_px * self.depth_range / self.long_side_px
