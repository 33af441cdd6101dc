"""Blur scale, plane in focus and stacking error of one sample, measured in its frames.

Letters: K blur scale, D_f plane in focus; r = K |D − D_f|.
"""

import math
from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from pipelines.audit.audited_sample import AuditedSample
from pipelines.audit.optics import Optics
from pipelines.measure.blur_ruler import BlurRuler, ControlPoint
from pipelines.measure.regions import silhouette_band
from pipelines.measure.sharpest_plane import sharpest_plane
from pipelines.measure.stacking import stacking_error
from simulator import ThinLens
from simulator.optics.circle_of_confusion import largest_radius_px

RULER_REACH = 2.3
"""The ruler goes to this many times the strongest label, so that a diameter labeled as radius is still measured."""
LEAST_BLUR_PX = 1.5
"""Frames whose 95th percentile of r is smaller do not determine K."""


@dataclass(frozen=True)
class FrameMeasurement:
    """scales: labeled and fitted K of each frame that was measured. plane_errors_px: K |found D_f − D_f|.

    stacking_errors: of each group with two planes or more, in gray levels of 255.
    planes_missing: frames labeled as blurred in which no plane is sharper than the others.
    """

    name: str
    scales: tuple[ControlPoint, ...]
    plane_errors_px: tuple[float, ...]
    planes_missing: int
    stacking_errors: tuple[float, ...]

    @property
    def scale_ratios(self) -> list[float]:
        """Fitted over labeled K."""
        return [scale.fitted_px / scale.requested_px for scale in self.scales]


def measure(sample: AuditedSample, number: int, count: int = 1) -> FrameMeasurement | None:
    """Measure the frames of `count` planes (number, which counts samples, rotates through the planes) and all groups.

    None when the aperture is not known.
    """
    optics = Optics.from_labels(sample)
    if optics is None:
        return None
    low, high = sample.disparity_range
    planes = sorted({lens.focus_disparity for lens in sample.lenses})
    chosen = [planes[(number * count + i) % len(planes)] for i in range(min(count, len(planes)))]
    frames = {focus: _blurred_frames(sample, focus) for focus in chosen}
    errors = [plane_error_px(sample, i) for focus in chosen if low <= focus <= high for i in frames[focus]]
    return FrameMeasurement(
        name=sample.name,
        scales=tuple(scale for focus in chosen for scale in _scales(sample, optics, focus, frames[focus])),
        plane_errors_px=tuple(error for error in errors if error is not None),
        planes_missing=sum(error is None for error in errors),
        stacking_errors=tuple(_stacking_errors(sample)),
    )


def _blurred_frames(sample: AuditedSample, focus: float) -> list[int]:
    """Those of a plane that determine K."""
    frames = [i for i, lens in enumerate(sample.lenses) if lens.focus_disparity == focus]
    return [i for i in frames if float(np.percentile(np.abs(sample.defocus_px(i)), 95)) >= LEAST_BLUR_PX]


def _scales(sample: AuditedSample, optics: Optics, focus: float, frames: list[int]) -> list[ControlPoint]:
    if not frames:
        return []
    largest = RULER_REACH * max(sample.lenses[i].blur_scale_px for i in frames)
    lenses = [ThinLens(focus, largest)]
    scene = optics.scene(sample, largest_radius_px(lenses, sample.disparity_range, optics.aperture))
    ruler = BlurRuler.from_scene(scene, focus, largest, optics.aperture, optics.tone)
    fitted = [_with_photo_blur(sample, focus, ruler.fit(sample.picture(i))) for i in frames]
    return [ControlPoint(sample.lenses[i].blur_scale_px, scale) for i, scale in zip(frames, fitted, strict=True)]


def _with_photo_blur(sample: AuditedSample, focus: float, scale: float) -> float:
    """K of a frame from that of the ruler, which blurs a photo with blur of its own (F16).

    Variances of blurs in sequence add: Σ K² (D − D_f)² = Σ K_ruler² (D − D_f)² + Σ K_photo² (D − D_photo)².
    """
    own = sample.photo_lens
    if own is None:
        return scale
    spread, own_spread = (float(((sample.disparity - f) ** 2).mean()) for f in (focus, own.focus_disparity))
    return math.hypot(scale, own.blur_scale_px * math.sqrt(own_spread / spread))


def plane_error_px(sample: AuditedSample, i: int) -> float | None:
    """Pixels of blur between the sharpest and the labeled plane; None where no plane is sharper."""
    band = silhouette_band(sample.defocus_px(i))
    found = sharpest_plane(sample.picture(i), sample.photo, sample.disparity, band)
    lens = sample.lenses[i]
    return None if found is None else lens.blur_scale_px * abs(found - lens.focus_disparity)


def _stacking_errors(sample: AuditedSample) -> list[float]:
    if not sample.is_photo_where_sharp:
        return []
    groups = defaultdict(list)
    for i, group in enumerate(sample.groups):
        groups[group].append(i)
    errors = []
    for frames in groups.values():
        if len({sample.lenses[i].focus_disparity for i in frames}) > 1:
            defocus = np.stack([sample.defocus_px(i) for i in frames])
            error = stacking_error([sample.picture(i) for i in frames], sample.photo, defocus)
            errors += [] if error is None else [255 * error]
    return errors
