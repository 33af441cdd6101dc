"""Where in a frame an error lies: the band in focus, the defocused rest, and the band around silhouettes.

Letters: s signed blur radius in pixels, s = K (D − D_f); r = |s|.
"""

import cv2
import numpy as np
import numpy.typing as npt

from pipelines.render.sample.build import IN_FOCUS_RADIUS_PX

SILHOUETTE_STEP_PX = 2.0
"""A larger difference of s between neighbors is a silhouette: the blur of a smooth surface changes more slowly."""
REGIONS = ("in_focus", "defocused", "silhouette")

Mask = npt.NDArray[np.bool_]


def regions(defocus_px: npt.NDArray[np.floating]) -> dict[str, Mask]:
    """The three regions [H, W] of a frame with signed blur radii s [H, W]: together they are all pixels, once each."""
    silhouette = silhouette_band(defocus_px)
    sharp = np.abs(defocus_px) <= IN_FOCUS_RADIUS_PX
    return {"in_focus": sharp & ~silhouette, "defocused": ~sharp & ~silhouette, "silhouette": silhouette}


def silhouette_band(defocus_px: npt.NDArray[np.floating]) -> Mask:
    """Pixels [H, W] that light from two sides of a depth step may reach: closer to the step than its larger r + 1."""
    return within_reach(_reach_of_steps(defocus_px))


def within_reach(reach_px: npt.NDArray[np.floating]) -> Mask:
    """Pixels [H, W] no farther from the nearest source than that source reaches; sources have reach_px [H, W] > 0."""
    sources = reach_px > 0
    if not sources.any():
        return np.zeros(reach_px.shape, np.bool_)
    distance, nearest = cv2.distanceTransformWithLabels(
        (~sources).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    reach_of_label = np.zeros(int(nearest.max()) + 1)
    reach_of_label[nearest[sources]] = reach_px[sources]
    return np.asarray(distance <= reach_of_label[nearest])


def _reach_of_steps(defocus_px: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """At both pixels of a step the larger r of the two, + 1; elsewhere 0."""
    reach = np.zeros(defocus_px.shape)
    for axis in (0, 1):
        first, second = (np.take(defocus_px, range(k, defocus_px.shape[axis] - 1 + k), axis) for k in (0, 1))
        larger = np.maximum(np.abs(first), np.abs(second)) + 1.0
        of_pair = np.where(np.abs(second - first) > SILHOUETTE_STEP_PX, larger, 0.0)
        for k in (0, 1):
            window = tuple(slice(k, k + of_pair.shape[a]) if a == axis else slice(None) for a in (0, 1))
            reach[window] = np.maximum(reach[window], of_pair)
    return reach
