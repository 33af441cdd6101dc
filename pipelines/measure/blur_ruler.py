"""How strongly a frame is blurred: its blur scale K, measured against renders of the photo with rising K.

    photo, disparity ──renderer──▶ frames of rising K ──▶ the K whose frame is nearest to the prediction

Perceptual scores do not measure this: a wrong blur is as natural a picture as the right one.
Letters: D disparity; D_f plane in focus; K blur scale in pixels; r = K |D − D_f|.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pipelines.measure.fidelity import Disparity, Picture
from pipelines.pictures.srgb8 import from_srgb8
from simulator import Aperture, Scene, ThinLens
from simulator.optics.color import linear_to_srgb
from simulator.optics.highlight import clipped_at_white

SCALE_RATIO = 1.12
"""From one frame of the ruler to the next: between them a straight line through the pictures is exact to 0.3 % of K."""
WEAKEST_RADIUS_PX = 0.75
"""The largest radius in the ruler's weakest blur: half a pixel and less is no blur at all."""


@dataclass(frozen=True)
class BlurRuler:
    """Frames of one scene at one plane in focus with K rising from 0: a prediction is compared with them.

    scales_px [N]: K of each frame. frames float32 [N, 3, H, W]: display values.
    """

    scales_px: npt.NDArray[np.float64]
    frames: Tensor

    @classmethod
    def from_scene(
        cls,
        scene: Scene,
        focus_disparity: float,
        largest_scale_px: float,
        aperture: Aperture | None = None,
        tone: Callable[[Tensor], Tensor] = clipped_at_white,
    ) -> BlurRuler:
        """Render the ruler up to K = `largest_scale_px`, which the scene's max_radius_px must allow."""
        reach = max(abs(end - focus_disparity) for end in scene.layers.disparity_range)
        scales = ruler_scales(WEAKEST_RADIUS_PX / max(reach, 1e-9), largest_scale_px)
        lenses = [ThinLens(focus_disparity, float(scale)) for scale in scales]
        # The first frame is without blur: radii below half a pixel leave the photo as it is.
        sharp = ThinLens(focus_disparity, float(scales[0]) * 1e-3)
        frames = scene.render([sharp, *lenses], aperture=aperture)
        return cls(np.concatenate([[0.0], scales]), linear_to_srgb(tone(frames)).cpu())

    @classmethod
    def from_photo(
        cls, photo_srgb: Picture, disparity: Disparity, focus_disparity: float, largest_scale_px: float
    ) -> BlurRuler:
        """The ruler of an all-in-focus photo, uint8 [H, W, 3], and its disparity [H, W], bigger is nearer."""
        light = from_srgb8(photo_srgb)
        reach = max(abs(float(end) - focus_disparity) for end in (disparity.min(), disparity.max()))
        depth = torch.from_numpy(np.ascontiguousarray(disparity, np.float32))
        scene = Scene.from_rgbd(light, depth, max_radius_px=largest_scale_px * reach * (1 + 1e-6))
        return cls.from_scene(scene, focus_disparity, largest_scale_px)

    def fit(self, frame_srgb: Picture) -> float:
        """K of a frame P, uint8 [H, W, 3]: the nearest point of the polyline through the ruler's frames F_i.

        Nearest in Σ|P − F|, because wrong silhouettes and lamps bias a sum of squares: on exact frames the fitted K
        scatters by 2 % instead of 5 %. Raises ValueError when P has another size.
        """
        if frame_srgb.shape[:2] != tuple(self.frames.shape[-2:]):
            (height, width), (rows, columns) = self.frames.shape[-2:], frame_srgb.shape[:2]
            raise ValueError(f"frame must be {width} x {height} px like the ruler, got {columns} x {rows}")
        picture = torch.from_numpy(np.ascontiguousarray(frame_srgb)).permute(2, 0, 1).float() / 255
        nearest = int((picture - self.frames).abs().mean(dim=(1, 2, 3)).argmin())
        last = len(self.frames) - 2
        legs = [self._nearest_on_leg(picture, i) for i in (nearest - 1, nearest) if 0 <= i <= last]
        _, leg, t = min(legs)
        return float(self.scales_px[leg] + t * (self.scales_px[leg + 1] - self.scales_px[leg]))

    def _nearest_on_leg(self, picture: Tensor, i: int) -> tuple[float, int, float]:
        """(distance, i, t) of F_i + t (F_{i+1} − F_i) nearest to P: Σ|a − t b| is least at the median of a/b by |b|."""
        a, b = (picture - self.frames[i]).flatten(), (self.frames[i + 1] - self.frames[i]).flatten()
        counts = b.abs() > 1e-6
        ratio, order = (a[counts] / b[counts]).sort()
        weight = b[counts][order].abs().double().cumsum(0)
        t = 0.0
        if len(weight):
            middle = int(torch.searchsorted(weight, weight[-1] / 2))
            t = float(ratio[middle].clamp(0.0, 1.0))
        return float((a - t * b).abs().mean()), i, t


def ruler_scales(weakest_px: float, largest_px: float) -> npt.NDArray[np.float64]:
    """K from weakest to largest, each SCALE_RATIO times the one before or a little less."""
    if not 0 < weakest_px < largest_px:
        raise ValueError(f"largest_scale_px must exceed {weakest_px:.3g}, below which nothing blurs; got {largest_px}")
    count = 1 + int(np.ceil(np.log(largest_px / weakest_px) / np.log(SCALE_RATIO)))
    return np.geomspace(weakest_px, largest_px, max(2, count))


@dataclass(frozen=True)
class ControlPoint:
    """One frame's requested and fitted blur, as the 95th percentile of r over the picture, in pixels."""

    requested_px: float
    fitted_px: float

    @classmethod
    def from_fit(cls, disparity: Disparity, lens: ThinLens, fitted_scale_px: float) -> ControlPoint:
        """The control point of one frame, from the requested lens and the fitted K."""
        reach = float(np.percentile(np.abs(disparity - lens.focus_disparity), 95))
        return cls(lens.blur_scale_px * reach, fitted_scale_px * reach)

    @property
    def error_px(self) -> float:
        """|fitted − requested|."""
        return abs(self.fitted_px - self.requested_px)


def control_slope(points: Sequence[ControlPoint]) -> float:
    """Slope of fitted against requested radius. 1: the method follows the requested radius; 0: it ignores it.

    Raises ValueError for fewer than two different requested radii.
    """
    requested = [point.requested_px for point in points]
    if len(set(requested)) < 2:
        raise ValueError(f"points must hold at least two different requested radii, got {sorted(set(requested))}")
    return float(np.polyfit(requested, [point.fitted_px for point in points], 1)[0])
