"""Focus measures: gradient energy and Laplacian variance of luma, behind a Gaussian of 1 px."""

import cv2
import numpy as np
import numpy.typing as npt

from pipelines.measure.fidelity import Picture


def gradient_energy(picture_srgb: Picture) -> npt.NDArray[np.float64]:
    """Squared gradient of luma behind a Gaussian of 1 px, which keeps rounding and JPEG noise out: [H, W]."""
    gray = _smooth_luma(picture_srgb)
    dx, dy = (cv2.Scharr(gray, cv2.CV_64F, *order, scale=1 / 32) for order in ((1, 0), (0, 1)))
    return np.asarray(dx**2 + dy**2)


def laplacian_variance(picture_srgb: Picture, mask: npt.NDArray[np.bool_]) -> float:
    """Variance over the mask [H, W] of the Laplacian of luma behind a Gaussian of 1 px, in display values squared."""
    return float(cv2.Laplacian(_smooth_luma(picture_srgb), cv2.CV_64F, ksize=1)[mask].var())


def _smooth_luma(picture_srgb: Picture) -> npt.NDArray[np.float64]:
    gray = picture_srgb.astype(np.float64) @ (np.array([0.2126, 0.7152, 0.0722]) / 255)
    return np.asarray(cv2.GaussianBlur(gray, (0, 0), 1.0))
