"""Aperture, highlight curve and tone of a sample, from its labels; a plain lens for other formats."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from pipelines.audit.audited_sample import AuditedSample
from pipelines.render.sample.aperture_labels import aperture_of
from simulator import Aperture, Scene
from simulator.optics.color import srgb_to_linear
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
        """None for a raster aperture, whose pixels the labels do not hold."""
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
        srgb = torch.from_numpy(sample.photo).permute(2, 0, 1).float() / 255
        light = self.highlight.expanded(srgb_to_linear(srgb))
        return Scene.from_rgbd(light, torch.from_numpy(sample.disparity).float(), max_radius_px=max_radius_px)
