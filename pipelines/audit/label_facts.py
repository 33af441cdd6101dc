"""Facts about a sample from its labels and depth alone, small enough to keep for every sample of a data set.

Letters: D disparity, D_f plane in focus, r blur radius in pixels.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from statistics import median

import numpy as np
import numpy.typing as npt
from PIL import Image

from pipelines.audit.audited_sample import AuditedSample
from pipelines.render.photos.content import perceptual_hash
from pipelines.render.sample.build import IN_FOCUS_RADIUS_PX
from pipelines.render.sample.focus_points import DEPTH_LEVELS

_COARSE_LEVELS = 256
_CUT_OUTS = 16
"""Scenes of this many depths or fewer are cut-outs at exact depths, not quantized slopes."""
_TREAD_SHARE = 0.1  # of the pixels: all their neighbors have the same depth
_RISER_SHARE = 0.5  # of the steps between neighbors: they climb a single level, where cut-outs skip many


@dataclass(frozen=True)
class FrameFacts:
    """One frame; shares are of the pixels of known depth. plane_quantile: farther than D_f (half of those as far).

    band_share: within 1/32 of the depth range of D_f; in_focus: with r ≤ 1 px.
    scale_level: radius across the whole depth range, percent of the long side.
    """

    plane_quantile: float
    band_share: float
    in_focus: float
    scale_level: float
    radius_max_level: float
    group: int


@dataclass(frozen=True)
class LabelFacts:
    """One sample. photo_hash: perceptual hash of the photo, 16 hex digits. is_banded: depth of 8 bits or fewer.

    unknown_share: of the pixels, those whose depth is not known. planes_apart_px: blur of one plane when its nearest
    neighbor in a stacking group is in focus, at the middle blur level; infinite without a neighbor.
    """

    name: str
    split: str
    scene: str
    photo_sha256: str
    photo_hash: str
    depth_levels: int
    unknown_share: float
    planes_apart_px: float
    is_banded: bool
    frames: tuple[FrameFacts, ...]

    @classmethod
    def from_sample(cls, sample: AuditedSample) -> LabelFacts:
        """The facts of a sample; the frames' pixels are not read."""
        levels, rank = np.unique(sample.codes, return_inverse=True)
        return cls(
            name=sample.name,
            split=sample.split,
            scene=sample.scene,
            photo_sha256=sample.record.photo.sha256 if sample.record else "",
            photo_hash=perceptual_hash(Image.fromarray(sample.photo)),
            depth_levels=len(levels),
            unknown_share=1.0 - float(sample.known.mean()),
            planes_apart_px=_planes_apart_px(sample),
            is_banded=_CUT_OUTS < len(levels) <= _COARSE_LEVELS and _has_stairs(rank.reshape(sample.codes.shape)),
            frames=tuple(_frame_facts(sample, i) for i in range(len(sample.lenses))),
        )


def _planes_apart_px(sample: AuditedSample) -> float:
    planes, scales = defaultdict(list), {}
    for group, lens in zip(sample.groups, sample.lenses, strict=True):
        planes[group].append(lens.focus_disparity)
        scales[group] = lens.blur_scale_px
    closest = min((float(np.diff(sorted(p)).min()) for p in planes.values() if len(p) > 1), default=math.inf)
    return closest * median(scales.values())


def _frame_facts(sample: AuditedSample, i: int) -> FrameFacts:
    focus = sample.lenses[i].focus_disparity
    disparity = sample.disparity[sample.known]
    radius_px = np.abs(sample.defocus_px(i)[sample.known])
    off_plane = np.abs(disparity - focus)
    step = sample.depth_range / DEPTH_LEVELS
    same = off_plane <= step / 2
    farther = float(((disparity < focus) & ~same).mean())
    return FrameFacts(
        plane_quantile=farther + float(same.mean()) / 2,
        band_share=float((off_plane <= step).mean()),
        in_focus=float((radius_px <= IN_FOCUS_RADIUS_PX).mean()),
        scale_level=sample.scale_level(i),
        radius_max_level=100.0 * float(radius_px.max()) / sample.long_side_px,
        group=sample.groups[i],
    )


def _has_stairs(rank: npt.NDArray[np.integer]) -> bool:
    """Whether depth, as the rank [h, w] of each pixel's level, climbs in treads and risers of one level."""
    down, right = np.abs(np.diff(rank, axis=0)), np.abs(np.diff(rank, axis=1))
    steps = np.concatenate([down[down > 0], right[right > 0]])
    tread = (down[:-1, 1:-1] == 0) & (down[1:, 1:-1] == 0) & (right[1:-1, :-1] == 0) & (right[1:-1, 1:] == 0)
    return bool(steps.size and tread.mean() >= _TREAD_SHARE and (steps == 1).mean() >= _RISER_SHARE)
