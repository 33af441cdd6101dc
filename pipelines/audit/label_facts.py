"""What labels and depth alone say about a sample; read of all samples, and small enough to keep of all.

Letters: D disparity, D_f plane in focus, r blur radius in pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from pipelines.audit.subject import Subject
from pipelines.measure.fidelity import Picture
from pipelines.render.sample.build import IN_FOCUS_RADIUS_PX
from pipelines.render.sample.stack_sampling import DEPTH_LEVELS

_COARSE_LEVELS = 256
_CUT_OUTS = 16
"""So few depths are cut-outs at exact depths, not a slope in stairs."""
_TREAD_SHARE = 0.1  # of the pixels, whose neighbours all have the same depth
_RISER_SHARE = 0.5  # of the steps between neighbours, which climb a single level: cut-outs leave many levels out


@dataclass(frozen=True)
class FrameFacts:
    """One frame. plane_quantile: share of the pixels farther than D_f (half of those as far).

    band_share: share of the pixels within 1/32 of the depth range of D_f; in_focus: with r ≤ 1 px.
    scale_level: radius across the whole depth range, percent of the long side.
    """

    plane_quantile: float
    band_share: float
    in_focus: float
    scale_level: float
    radius_max_level: float
    group: int


@dataclass(frozen=True)
class SampleFacts:
    """One sample: identity, look of the photo (64-bit difference hash), depth, frames."""

    name: str
    split: str
    scene: str
    photo_sha256: str
    look: int
    depth_levels: int
    is_banded: bool
    frames: tuple[FrameFacts, ...]

    @classmethod
    def of(cls, subject: Subject) -> SampleFacts:
        """Measure a sample; its frames' pictures are not read."""
        levels, rank = np.unique(subject.codes, return_inverse=True)
        return cls(
            name=subject.name,
            split=subject.split,
            scene=subject.scene,
            photo_sha256=subject.record.photo.sha256 if subject.record else "",
            look=difference_hash(subject.photo),
            depth_levels=len(levels),
            is_banded=_CUT_OUTS < len(levels) <= _COARSE_LEVELS and _has_stairs(rank.reshape(subject.codes.shape)),
            frames=tuple(_frame_facts(subject, i) for i in range(len(subject.lenses))),
        )


def _frame_facts(subject: Subject, i: int) -> FrameFacts:
    focus = subject.lenses[i].focus_disparity
    radius_px = np.abs(subject.defocus_px(i))
    off_plane = np.abs(subject.disparity - focus)
    step = subject.depth_range / DEPTH_LEVELS
    same = np.abs(subject.disparity - focus) <= step / 2
    farther = float(((subject.disparity < focus) & ~same).mean())
    return FrameFacts(
        plane_quantile=farther + float(same.mean()) / 2,
        band_share=float((off_plane <= step).mean()),
        in_focus=float((radius_px <= IN_FOCUS_RADIUS_PX).mean()),
        scale_level=subject.scale_level(i),
        radius_max_level=100.0 * float(radius_px.max()) / subject.long_side_px,
        group=subject.groups[i],
    )


def _has_stairs(rank: npt.NDArray[np.integer]) -> bool:
    """Whether depth, as the rank [h, w] of each pixel's level, climbs in treads and risers of one level."""
    down, right = np.abs(np.diff(rank, axis=0)), np.abs(np.diff(rank, axis=1))
    steps = np.concatenate([down[down > 0], right[right > 0]])
    tread = (down[:-1, 1:-1] == 0) & (down[1:, 1:-1] == 0) & (right[1:-1, :-1] == 0) & (right[1:-1, 1:] == 0)
    return bool(steps.size and tread.mean() >= _TREAD_SHARE and (steps == 1).mean() >= _RISER_SHARE)


def difference_hash(photo: Picture) -> int:
    """64 bits: is each of 8 x 8 places brighter than its right neighbour? (Krawetz, "Kind of like that", 2013)"""
    grey = cv2.resize(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), (9, 8), interpolation=cv2.INTER_AREA)
    bits: npt.NDArray[np.bool_] = (grey[:, 1:] > grey[:, :-1]).ravel()
    return int.from_bytes(np.packbits(bits).tobytes(), "big")
