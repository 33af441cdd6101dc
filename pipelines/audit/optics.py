"""Aperture, highlight curve and tone of a sample, from its labels; a plain lens for other formats."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from pipelines.audit.audited_sample import AuditedSample
from pipelines.pictures.srgb8 import from_srgb8
from pipelines.render.sample.aperture_labels import aperture_of
from simulator import Aperture, Scene
from simulator.optics.highlight import HighlightCurve, clipped_at_white, soft_shoulder

NO_CURVE = HighlightCurve(peak=1.0)


@dataclass(frozen=True)
class Optics:
    """The imaging parameters between a photo and its frames."""

    aperture: Aperture
    highlight: HighlightCurve
    tone: Callable[[Tensor], Tensor]

    @classmethod
    def from_labels(cls, sample: AuditedSample) -> Optics | None:
        """The optics that the labels describe; None for a raster or PSFs, whose pixels they do not hold."""
        record = sample.record
        if record is None:
            return cls(Aperture(), NO_CURVE, clipped_at_white)
        aperture, light = aperture_of(record.aperture), record.imaging
        if aperture is None:
            return None
        curve = HighlightCurve(light.highlight_knee, light.highlight_peak, light.highlight_window)
        return cls(aperture, curve, soft_shoulder if light.tone == "shoulder" else clipped_at_white)

    def scene(self, sample: AuditedSample, max_radius_px: float) -> Scene:
        """The photo as it is stored, in linear light, at the stored disparity."""
        light = self.highlight.expanded(from_srgb8(sample.photo))
        return Scene.from_rgbd(light, torch.from_numpy(sample.disparity).float(), max_radius_px=max_radius_px)
