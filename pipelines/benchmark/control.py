"""Whether a method obeys its controls: how strongly its frames are really blurred, and which plane is really sharp.

    photo, disparity ──renderer──▶ frames of rising K ──▶ the K whose frame is nearest to the prediction     BlurRuler
    gradients of prediction / gradients of photo, by disparity ──▶ the disparity that kept its gradients     plane
    Laplacian variance of a sweep ──▶ correlation with the blur level, monotonicity                          sweep

Perceptual scores do not see control: a wrong blur is as natural a picture as the right one.
Letters: D disparity; D_f plane in focus; K blur scale in pixels; r = K |D − D_f|.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pipelines.benchmark.metrics import Picture
from simulator import Aperture, Scene, ThinLens
from simulator.optics.color import linear_to_srgb, srgb_to_linear
from simulator.optics.highlight import clipped_at_white

Disparity = npt.NDArray[np.floating]  # [H, W]

SCALE_RATIO = 1.12
"""From one frame of the ruler to the next: between them a straight line through the pictures is exact to 0.3 % of K."""
WEAKEST_RADIUS_PX = 0.75
"""The largest radius in the ruler's weakest blur: half a pixel and less is no blur at all."""


@dataclass(frozen=True)
class FittedBlur:
    """K of the ruler's nearest frame, mean |difference| to it in display values, and whether the ruler ends there."""

    blur_scale_px: float
    distance: float
    at_limit: bool


@dataclass(frozen=True)
class BlurRuler:
    """Frames of one scene at one plane in focus with K rising from 0: what a prediction is held against.

    scales_px [N]: K of each frame. frames float32 [N, 3, H, W]: display values.
    """

    scales_px: npt.NDArray[np.float64]
    frames: Tensor

    @classmethod
    def of(
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
        light = srgb_to_linear(torch.from_numpy(np.ascontiguousarray(photo_srgb)).permute(2, 0, 1).float() / 255)
        reach = max(abs(float(end) - focus_disparity) for end in (disparity.min(), disparity.max()))
        depth = torch.from_numpy(np.ascontiguousarray(disparity, np.float32))
        scene = Scene.from_rgbd(light, depth, max_radius_px=largest_scale_px * reach * (1 + 1e-6))
        return cls.of(scene, focus_disparity, largest_scale_px)

    def fit(self, frame_srgb: Picture) -> FittedBlur:
        """K of a frame P, uint8 [H, W, 3]: the nearest point of the polyline through the ruler's frames F_i.

        Nearest in Σ|P − F|, which a silhouette or a lamp gone wrong does not sway as a sum of squares would: measured
        on exact frames, the fitted K scatters by 2 % instead of 5 %. Raises ValueError when P has another size.
        """
        if frame_srgb.shape[:2] != tuple(self.frames.shape[-2:]):
            want, came = f"{self.frames.shape[-1]} x {self.frames.shape[-2]}", frame_srgb.shape[1::-1]
            raise ValueError(f"frame must be {want} px like the ruler, got {came[0]} x {came[1]}")
        picture = torch.from_numpy(np.ascontiguousarray(frame_srgb)).permute(2, 0, 1).float() / 255
        nearest = int((picture - self.frames).abs().mean(dim=(1, 2, 3)).argmin())
        last = len(self.frames) - 2
        legs = [self._nearest_on_leg(picture, i) for i in (nearest - 1, nearest) if 0 <= i <= last]
        distance, leg, t = min(legs)
        scale = self.scales_px[leg] + t * (self.scales_px[leg + 1] - self.scales_px[leg])
        return FittedBlur(float(scale), distance, at_limit=leg == last and t == 1.0)

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
    """One frame's asked and fitted blur, as the 95th percentile of r over the picture, in pixels."""

    asked_px: float
    fitted_px: float

    @classmethod
    def of(cls, disparity: Disparity, lens: ThinLens, fitted: FittedBlur) -> ControlPoint:
        """From the lens that was asked for and the blur that came."""
        reach = float(np.percentile(np.abs(disparity - lens.focus_disparity), 95))
        return cls(lens.blur_scale_px * reach, fitted.blur_scale_px * reach)

    @property
    def error_px(self) -> float:
        """How far the radius is off, without its sign."""
        return abs(self.fitted_px - self.asked_px)


def control_slope(points: Sequence[ControlPoint]) -> float:
    """Slope of the line through fitted against asked radius: 1 for a method that obeys, 0 for one that does not hear.

    Raises ValueError for fewer than two different asked radii.
    """
    asked = [point.asked_px for point in points]
    if len(set(asked)) < 2:
        raise ValueError(f"points must hold at least two different asked radii, got {sorted(set(asked))}")
    return float(np.polyfit(asked, [point.fitted_px for point in points], 1)[0])


# Which plane is sharp

_PLANE_BINS = 48
_PLANE_STEPS = 160
_FALLOFFS = np.geomspace(0.5, 400.0, 40)  # 1/width of the sharp band, in units of the disparity range
_LEAST_GAIN = 0.3
"""The band must explain this share of the variance that a frame equally sharp everywhere leaves."""


def sharpest_plane(
    frame_srgb: Picture, photo_srgb: Picture, disparity: Disparity, ignore: npt.NDArray[np.bool_] | None = None
) -> float | None:
    """Disparity of the plane that is sharpest, None where none is sharper than the others.

    ρ(D), gradient energy of the frame over that of the photo, is fitted by a / (1 + (c (D − D_f))²) over D_f and c:
    pictures of power 1/f² keep about 1/r² of their gradient energy behind a disc of radius r.
    ignore [H, W]: pixels left out, such as those around silhouettes, where other planes' light comes in.
    """
    keep = np.ones(disparity.shape, np.bool_) if ignore is None else ~ignore
    depth, came, had = (values[keep] for values in (disparity, *map(gradient_energy, (frame_srgb, photo_srgb))))
    low, high = float(disparity.min()), float(disparity.max())
    if depth.size < 4 * _PLANE_BINS or high <= low:
        return None
    bins = np.array_split(np.argsort(depth, kind="stable"), _PLANE_BINS)
    place = (np.array([depth[b].mean() for b in bins]) - low) / (high - low)
    energy = np.array([had[b].sum() for b in bins])
    kept = np.array([came[b].sum() for b in bins]) / np.maximum(energy, 1e-12)
    weight = energy / (energy + np.median(energy) + 1e-12)  # hardly any texture, hardly any say
    found, gain = _fit_band(place, kept, weight)
    return low + found * (high - low) if gain >= _LEAST_GAIN else None


def _fit_band(
    place: npt.NDArray[np.float64], kept: npt.NDArray[np.float64], weight: npt.NDArray[np.float64]
) -> tuple[float, float]:
    """D_f in [0, 1] of the best band, and the share of the weighted variance that it explains."""
    focus = np.linspace(0.0, 1.0, _PLANE_STEPS + 1)[:, None, None]
    band = 1.0 / (1.0 + (_FALLOFFS[:, None] * (place - focus)) ** 2)  # [D_f, c, bins]
    height = (weight * kept * band).sum(-1) / (weight * band**2).sum(-1)
    rest = (weight * (kept - height[..., None] * band) ** 2).sum(-1)  # [D_f, c]
    best = np.unravel_index(int(rest.argmin()), rest.shape)
    flat = (weight * (kept - np.average(kept, weights=weight)) ** 2).sum()
    return float(focus[best[0], 0, 0]), float(1.0 - rest[best] / flat) if flat > 1e-9 else 0.0


def gradient_energy(picture_srgb: Picture) -> npt.NDArray[np.float64]:
    """Squared gradient of luma behind a Gaussian of 1 px, which keeps rounding and JPEG noise out: [H, W]."""
    grey = _smooth_luma(picture_srgb)
    dx, dy = (cv2.Scharr(grey, cv2.CV_64F, *order, scale=1 / 32) for order in ((1, 0), (0, 1)))
    return np.asarray(dx**2 + dy**2)


# A sweep of blur levels


@dataclass(frozen=True)
class SweepControl:
    """lv_corr: correlation of the blur level and 1/√V, V the Laplacian variance; 0 where the frames do not vary.

    monotonicity: share of the steps to the next stronger level in which V falls.
    """

    lv_corr: float
    monotonicity: float


def sweep_control(
    frames_srgb: Sequence[Picture], blur_levels: Sequence[float], disparity: Disparity, focus_disparity: float
) -> SweepControl:
    """Frames of one scene and plane, with rising blur levels. Raises ValueError for fewer than three.

    Measured over the half of the pixels that is farthest off the plane: what stays in focus has nothing to say.
    A disc of radius r leaves about 1/r² of a texture's V, so that 1/√V is what rises in step with the blur level.
    """
    levels = np.asarray(blur_levels, np.float64)
    if len(levels) < 3 or len(frames_srgb) != len(levels) or (np.diff(levels) <= 0).any():
        raise ValueError(f"a sweep needs 3 frames or more, one for each rising blur level, got levels {blur_levels}")
    distance = np.abs(disparity - focus_disparity)
    off_plane = distance >= np.median(distance)
    variance = np.array([laplacian_variance(frame, off_plane) for frame in frames_srgb])
    softness = 1.0 / np.sqrt(np.maximum(variance, 1e-12))
    varies = np.ptp(softness) > 1e-9 * softness.max()
    corr = float(np.corrcoef(levels, softness)[0, 1]) if varies else 0.0
    return SweepControl(corr, float((np.diff(variance) < 0).mean()))


def laplacian_variance(picture_srgb: Picture, mask: npt.NDArray[np.bool_]) -> float:
    """Variance over the mask [H, W] of the Laplacian of luma behind a Gaussian of 1 px, in display values squared."""
    return float(cv2.Laplacian(_smooth_luma(picture_srgb), cv2.CV_64F, ksize=1)[mask].var())


def _smooth_luma(picture_srgb: Picture) -> npt.NDArray[np.float64]:
    grey = picture_srgb.astype(np.float64) @ (np.array([0.2126, 0.7152, 0.0722]) / 255)
    return np.asarray(cv2.GaussianBlur(grey, (0, 0), 1.0))
