"""What the frames of one sample really show: their blur, their plane, their sum.

Letters: K blur scale, D_f plane in focus; r = K |D − D_f|.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from pipelines.audit.optics import Optics
from pipelines.audit.subject import Subject
from pipelines.measure.blur_ruler import BlurRuler
from pipelines.measure.regions import silhouette_band
from pipelines.measure.sharpest_plane import sharpest_plane
from pipelines.measure.stacking import stacking_error
from simulator import ThinLens
from simulator.optics.circle_of_confusion import largest_radius_px

RULER_REACH = 2.3
"""The ruler goes to this many times the strongest label, so that a diameter taken for a radius still fits on it."""
LEAST_BLUR_PX = 1.5
"""Frames whose 95th percentile of r is smaller say little about K."""


@dataclass(frozen=True)
class SampleMeasurement:
    """scale_ratios: fitted over labelled K of each frame that was measured. plane_errors_px: K |found D_f − D_f|.

    stacking_errors: of each group with two planes or more, in grey levels of 255.
    planes_missing: frames where no plane is sharper than the others, though the label promises blur.
    """

    name: str
    scale_ratios: tuple[float, ...]
    plane_errors_px: tuple[float, ...]
    planes_missing: int
    stacking_errors: tuple[float, ...]


def measure(subject: Subject, number: int) -> SampleMeasurement | None:
    """Measure the frames of one of the sample's planes, by turns (number counts samples), and all its groups.

    None when the aperture is not known.
    """
    optics = Optics.of(subject)
    if optics is None:
        return None
    planes = sorted({lens.focus_disparity for lens in subject.lenses})
    focus = planes[number % len(planes)]
    frames = [i for i, lens in enumerate(subject.lenses) if lens.focus_disparity == focus]
    errors = [plane_error_px(subject, i) for i in frames if _blurs(subject, i)]
    return SampleMeasurement(
        name=subject.name,
        scale_ratios=tuple(_scale_ratios(subject, optics, focus, [i for i in frames if _blurs(subject, i)])),
        plane_errors_px=tuple(error for error in errors if error is not None),
        planes_missing=sum(error is None for error in errors),
        stacking_errors=tuple(_stacking_errors(subject)),
    )


def _blurs(subject: Subject, i: int) -> bool:
    return float(np.percentile(np.abs(subject.defocus_px(i)), 95)) >= LEAST_BLUR_PX


def _scale_ratios(subject: Subject, optics: Optics, focus: float, frames: list[int]) -> list[float]:
    if not frames:
        return []
    largest = RULER_REACH * max(subject.lenses[i].blur_scale_px for i in frames)
    lenses = [ThinLens(focus, largest)]
    scene = optics.scene(subject, largest_radius_px(lenses, subject.disparity_range, optics.aperture))
    ruler = BlurRuler.from_scene(scene, focus, largest, optics.aperture, optics.tone)
    return [ruler.fit(subject.picture(i)).blur_scale_px / subject.lenses[i].blur_scale_px for i in frames]


def plane_error_px(subject: Subject, i: int) -> float | None:
    """Pixels of blur between the plane that is sharp and the one that is labelled; None without a sharp plane."""
    band = silhouette_band(subject.defocus_px(i))
    found = sharpest_plane(subject.picture(i), subject.photo, subject.disparity, band)
    lens = subject.lenses[i]
    return None if found is None else lens.blur_scale_px * abs(found - lens.focus_disparity)


def _stacking_errors(subject: Subject) -> list[float]:
    if not subject.is_photo_where_sharp:
        return []
    groups = defaultdict(list)
    for i, group in enumerate(subject.groups):
        groups[group].append(i)
    errors = []
    for frames in groups.values():
        if len({subject.lenses[i].focus_disparity for i in frames}) > 1:
            defocus = np.stack([subject.defocus_px(i) for i in frames])
            error = stacking_error([subject.picture(i) for i in frames], subject.photo, defocus)
            errors += [] if error is None else [255 * error]
    return errors
