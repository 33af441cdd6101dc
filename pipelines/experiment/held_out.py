"""Held-out scenes, and what is asked of a way to refocus: frames of the stack, from the photo or from another frame.

Disparity is in the unit that networks see, [0, 1]: metric disparity is stretched over the photo's range, K with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from pipelines.measure.fidelity import Picture
from pipelines.refocus.reference_lens import PhotoLens
from pipelines.refocus.refocuser import FocusRequest
from shards import Sample
from shards.record import MAX_DISPARITY_CODE
from simulator import ThinLens

PHOTO = -1
"""In place of a frame's number: the all-in-focus photo."""


@dataclass(frozen=True, eq=False)
class HeldOutScene:
    """A stored sample; frames are numbered as in its stack."""

    sample: Sample

    @property
    def planes(self) -> int:
        return self.sample.record.planes

    @property
    def levels(self) -> int:
        return self.sample.record.levels

    @property
    def _offset_and_range(self) -> tuple[float, float]:
        kind = self.sample.record.disparity
        return (0.0, 1.0) if kind.kind == "relative" else (kind.offset, kind.scale * MAX_DISPARITY_CODE)

    @cached_property
    def disparity(self) -> NDArray[np.float32]:
        """D in [0, 1], [H, W]."""
        offset, depth_range = self._offset_and_range
        return ((self.sample.disparity_values() - offset) / depth_range).clip(0.0, 1.0).astype(np.float32)

    @cached_property
    def depth(self) -> torch.Tensor:
        return torch.from_numpy(self.disparity)

    def lens(self, frame: int) -> ThinLens:
        """The lens of a frame, by D in [0, 1] and pixels."""
        labels, (offset, depth_range) = self.sample.record.frames[frame], self._offset_and_range
        return ThinLens((labels.focus_disparity - offset) / depth_range, labels.blur_scale_px * depth_range)

    def defocus_px(self, frame: int) -> NDArray[np.float32]:
        """s of a frame, or 0 of the photo, [H, W]."""
        if frame == PHOTO:
            return np.zeros_like(self.disparity)
        return self.lens(frame).defocus_px(self.depth).numpy()

    def picture(self, frame: int) -> Picture:
        return self.sample.aif if frame == PHOTO else self.sample.frames[frame]

    def group(self, level: int) -> list[int]:
        """The frames of a blur level, far to near."""
        return list(range(level * self.planes, (level + 1) * self.planes))


@dataclass(frozen=True, eq=False)
class RefocusTask:
    """Make frames of the stack from `reference`, a frame or PHOTO."""

    scene: HeldOutScene
    reference: int
    frames: Sequence[int]
    has_depth: bool = True

    @property
    def picture(self) -> Picture:
        return self.scene.picture(self.reference)

    @property
    def truth(self) -> list[Picture]:
        return [self.scene.picture(frame) for frame in self.frames]

    @property
    def lenses(self) -> list[ThinLens]:
        return [self.scene.lens(frame) for frame in self.frames]

    @property
    def own_lens(self) -> ThinLens | None:
        """The reference's; None for the photo."""
        return None if self.reference == PHOTO else self.scene.lens(self.reference)

    @property
    def photo_lens(self) -> PhotoLens:
        """The same as refocusers take it."""
        lens = self.own_lens
        if lens is None:
            return PhotoLens(is_sharp=True)
        return PhotoLens(focus_disparity=lens.focus_disparity, blur_level=lens.blur_level(self._long_side))

    @property
    def requests(self) -> list[FocusRequest]:
        """The frames as refocusers are asked for them."""
        labels = [self.scene.sample.record.frames[frame] for frame in self.frames]
        points = [(label.focus_x, label.focus_y) for label in labels]
        levels = [lens.blur_level(self._long_side) for lens in self.lenses]
        return [FocusRequest(*asked) for asked in zip(points, levels, strict=True)]

    @property
    def _long_side(self) -> int:
        return max(self.scene.disparity.shape)
