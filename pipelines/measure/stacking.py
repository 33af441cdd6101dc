"""The stacking identity: frames of one group, each taken where its plane is sharpest, make the all-in-focus photo.

DiffCamera (arXiv 2509.26599) asks it of its predictions: ‖Σ w_i I_i − I_multi‖. Its weights are not published; here
w_i falls off with frame i's own radius, w_i ∝ exp(−r_i² / 2σ²), and I_multi is the photo where some plane is sharp.
Letters: P planes; r blur radius in pixels.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from pipelines.measure.fidelity import LEAST_PIXELS, Picture
from pipelines.measure.regions import Mask, silhouette_band

WEIGHT_SIGMA_PX = 0.5
SHARP_RADIUS_PX = 0.5
"""Up to here a disc lies within its pixel: the frame is the photo."""


def stacking_weights(radii_px: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """w [P, H, W] of radii [P, H, W]: positive, Σ_i w_i = 1 at every pixel, nearly all on the sharpest frame."""
    squared = radii_px.astype(np.float64) ** 2
    weights = np.exp((squared.min(axis=0) - squared) / (2 * WEIGHT_SIGMA_PX**2))
    return np.asarray(weights / weights.sum(axis=0))


def stacked(frames_srgb: Sequence[Picture], radii_px: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Σ w_i I_i: [H, W, 3] in display values from 0 to 1."""
    frames = np.stack(frames_srgb).astype(np.float64) / 255  # [P, H, W, 3]
    return np.asarray((stacking_weights(radii_px)[..., None] * frames).sum(axis=0))


def sharp_somewhere(defocus_px: npt.NDArray[np.floating]) -> Mask:
    """Pixels [H, W] where some frame of signed radii [P, H, W] equals the photo: r ≤ ½, outside silhouettes' blur."""
    free = np.stack([~silhouette_band(plane) for plane in defocus_px])
    return np.asarray(((np.abs(defocus_px) <= SHARP_RADIUS_PX) & free).any(axis=0))


def stacking_error(
    frames_srgb: Sequence[Picture], photo_srgb: Picture, defocus_px: npt.NDArray[np.floating]
) -> float | None:
    """Mean |Σ w_i I_i − photo| where some plane is sharp, in display values; None where fewer than LEAST_PIXELS are.

    frames: P pictures uint8 [H, W, 3] of one blur level; defocus_px [P, H, W]: their true signed radii.
    """
    if len(frames_srgb) != len(defocus_px):
        raise ValueError(f"defocus_px must have one map a frame ({len(frames_srgb)}), got {len(defocus_px)}")
    # A silhouette's blur changes a pixel however small the radius there: such frames get no weight.
    blurred_over = np.stack([silhouette_band(plane) for plane in defocus_px])
    radii = np.abs(defocus_px) + np.where(blurred_over, 1e3, 0.0)
    sharp = sharp_somewhere(defocus_px)
    if sharp.sum() < LEAST_PIXELS:
        return None
    error = np.abs(stacked(frames_srgb, radii) - photo_srgb.astype(np.float64) / 255)
    return float(error[sharp].mean())
