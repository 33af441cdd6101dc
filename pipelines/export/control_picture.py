"""The second control picture of a pair, an 8-bit gray PNG: signed blur radius, or disparity.

Letters: s signed blur radius in pixels, s = K (D - D_f), positive in front of the plane in focus; L long side, pixels.
"""

import cv2
import numpy as np
import numpy.typing as npt

from pipelines.export.config import ControlKind
from pipelines.export.source import SourceSample
from shards.labels import FrameLabels

DEFOCUS_RANGE = 5.0
"""|s| in percent of the long side that becomes black or white. The same for all pictures: gray means a strength."""
IN_FOCUS_GRAY = 128
_PNG = (cv2.IMWRITE_PNG_COMPRESSION, 6)


def control_picture(kind: ControlKind, sample: SourceSample, frame: FrameLabels) -> bytes:
    """The PNG. defocus: see `defocus_gray`. disparity: 0 where D = 0 (metric: at the photo's smallest D), 255 where
    D = 1 (its largest)."""
    disparity = sample.disparity()
    if kind == "defocus":
        return _png(defocus_gray(frame.blur_scale_px * (disparity - frame.focus_disparity), max(disparity.shape)))
    is_relative = sample.record.disparity.kind == "relative"
    low, high = (0.0, 1.0) if is_relative else (float(disparity.min()), float(disparity.max()))
    return _png(np.rint(255 * (disparity - low) / max(high - low, 1e-9)).clip(0, 255).astype(np.uint8))


def defocus_gray(defocus_px: npt.NDArray[np.float64], long_side_px: int) -> npt.NDArray[np.uint8]:
    """Gray of signed blur radii [H, W] in pixels: 128 + 127 sign(s) sqrt(min(1, 100 |s| / (5 L))), white in front
    of the plane in focus. The root gives weak blur, which is most of it, more of the 127 steps."""
    share = 100.0 * np.abs(defocus_px) / (DEFOCUS_RANGE * long_side_px)
    gray: npt.NDArray[np.uint8] = np.rint(IN_FOCUS_GRAY + 127 * np.sign(defocus_px) * np.sqrt(share.clip(0, 1))).astype(
        np.uint8
    )
    return gray


def _png(gray: npt.NDArray[np.uint8]) -> bytes:
    encoded, data = cv2.imencode(".png", gray, list(_PNG))
    assert encoded, "OpenCV encodes any gray picture as PNG"
    return bytes(data)
