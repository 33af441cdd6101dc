"""What stands out of a photo by its depth: the person in front of the landscape, the ball in front of the wall.

A subject is nearer than what is to its left and right. The white top-hat of the disparity keeps such things and
removes what is wider than its window, and ground that only comes nearer; the middle of the photo counts more.
Source: Serra 1982, "Image Analysis and Mathematical Morphology" (top-hat by opening).
"""

import cv2
import numpy as np
import numpy.typing as npt

_GRID = 96
"""Longer side at which subjects are sought: coarser than their outlines, fine enough for a head."""
_WINDOW = 0.5
"""Of the short side: wider things are the scene itself."""
_LEAST_HEIGHT = 0.1
"""Of the depth range: what stands out by less is a bump."""
_CORE = 0.6
"""Of the most salient pixel: the rest of the subject's surface."""
_LEAST_AREA = 0.004
"""Of the photo, as of a person at a distance; smaller things are details, or errors of the depth map."""


def subject(disparity: npt.NDArray[np.float32], known: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_] | None:
    """The pixels [H, W] of the thing that stands out most; None where nothing does.

    disparity: [H, W], any unit. known: where it was not filled in.
    """
    coarse = _shrunk(disparity)  # [h, w]
    low, high = np.quantile(coarse, [0.02, 0.98])
    if high <= low:
        return None
    height = _top_hat(((coarse - low) / (high - low)).clip(0, 1))
    salience = np.where(height >= _LEAST_HEIGHT, height * _middle(*height.shape), 0.0)
    best: npt.NDArray[np.bool_] | None = None
    most = 0.0
    for part in _parts(salience):
        if part.mean() >= _LEAST_AREA and (total := float(salience[part].sum())) > most:
            best, most = part, total
    if best is None:
        return None
    core = best & (salience >= _CORE * salience[best].max())
    rows, columns = disparity.shape
    large = cv2.resize(core.astype(np.uint8), (columns, rows), interpolation=cv2.INTER_NEAREST) > 0
    return np.asarray(large & known)


def _shrunk(disparity: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    rows, columns = disparity.shape
    scale = min(1.0, _GRID / max(rows, columns))
    size = (max(1, round(columns * scale)), max(1, round(rows * scale)))
    return np.asarray(cv2.resize(disparity, size, interpolation=cv2.INTER_AREA))


def _top_hat(disparity: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Height of each pixel [h, w] above what is to its left and right.

    The window is a line across, not a disc: most things stand on a ground that is as near as they are.
    """
    reach = max(1, round(_WINDOW * min(disparity.shape) / 2))
    across = np.ones((1, 2 * reach + 1), np.uint8)
    return np.asarray(disparity - cv2.morphologyEx(disparity, cv2.MORPH_OPEN, across))


def _middle(height: int, width: int) -> npt.NDArray[np.float64]:
    """1 in the middle, 0.3 in the corners: photographers put subjects there."""
    y, x = (np.linspace(-1, 1, side) for side in (height, width))
    return np.asarray(np.exp(-0.6 * (y[:, None] ** 2 + x[None, :] ** 2)))


def _parts(salience: npt.NDArray[np.float64]) -> list[npt.NDArray[np.bool_]]:
    """Connected pixels that stand out."""
    count, labels = cv2.connectedComponents((salience > 0).astype(np.uint8))
    return [labels == part for part in range(1, count)]
