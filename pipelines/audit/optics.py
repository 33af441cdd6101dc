"""The lens, light and tone that one of our own records names, as the simulator has them; a plain lens for others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from pipelines.audit.subject import Subject
from pipelines.render.sample.aperture_labels import aperture_of
from simulator import Aperture, Scene
from simulator.optics.color import srgb_to_linear
from simulator.optics.highlight import HighlightCurve, clipped_at_white, soft_shoulder

NO_CURVE = HighlightCurve(peak=1.0)


@dataclass(frozen=True)
class Optics:
    """What stands between a photo and its frames."""

    aperture: Aperture
    highlight: HighlightCurve
    tone: Callable[[Tensor], Tensor]

    @classmethod
    def of(cls, subject: Subject) -> Optics | None:
        """As labelled; None for an aperture whose mask is not in the shard."""
        record = subject.record
        if record is None:
            return cls(Aperture(), NO_CURVE, clipped_at_white)
        aperture, light = aperture_of(record.aperture), record.imaging
        if aperture is None:
            return None
        curve = HighlightCurve(light.highlight_knee, light.highlight_peak, light.highlight_window)
        return cls(aperture, curve, soft_shoulder if light.tone == "shoulder" else clipped_at_white)

    def scene(self, subject: Subject, max_radius_px: float) -> Scene:
        """The photo as it is stored, in linear light, at the stored disparity."""
        srgb = torch.from_numpy(subject.photo).permute(2, 0, 1).float() / 255
        light = self.highlight.expanded(srgb_to_linear(srgb))
        return Scene.from_rgbd(light, torch.from_numpy(subject.disparity).float(), max_radius_px=max_radius_px)
