"""Light on the wrong side of an outline: of a surface in focus before a blurred background, which hides what it covers.

A true frame has none: the background's discs stop behind the subject, and the subject has no discs. A blur that knows
no occlusion paints the background over the subject's rim (scatter) or the subject into the background (gather); a frame
that keeps the blur which its subject had before shows the subject beyond its outline.
Others report the ratio of errors at edges to errors elsewhere: it is 0/0 for the truth, and grows when only the rest
improves. This measure, the project's own, is a share of light.
Letters: s signed blur radius of the true frame in pixels, negative behind the plane in focus; r = |s|.
"""

import math

import cv2
import numpy as np
import numpy.typing as npt

from pipelines.measure.fidelity import LEAST_PIXELS, Picture
from pipelines.measure.regions import Mask, within_reach
from pipelines.render.sample.build import IN_FOCUS_RADIUS_PX

BACKGROUND_RADIUS_PX = 2.0
"""A weaker blur cannot be told from the softness of the subject's own rim."""
MIXED_PX = 1.5
"""So close to the outline a pixel of the truth holds light of both sides."""
LEAST_CONTRAST = 8.0 / 255
"""Root mean square difference of the two sides' colors, in display values: equal colors show no bleeding."""


def edge_bleed(made: Picture, truth: Picture, defocus_px: npt.NDArray[np.floating]) -> float | None:
    """Share of the other side's light near outlines in focus. 0: none, as in the truth; 1: the other side throughout.

    made, truth: uint8 [H, W, 3]; defocus_px [H, W]: s of the true frame. O is the other side's mean color nearby. A
    pixel that has bled is true + λ (O − true), and λ = Σ⟨made − true, O − true⟩ / Σ‖O − true‖² over both sides, in
    display values. Errors that do not look like the other side add little to it, with either sign.
    None for fewer than LEAST_PIXELS pixels, or where the two sides have one color.
    """
    subject, background, near, reach_px = _sides_of_outlines(defocus_px)
    picture, true = made.astype(np.float64) / 255, truth.astype(np.float64) / 255
    wrong, contrast, pixels = 0.0, 0.0, 0
    for side, other in ((subject, background), (background, subject)):
        window = (2 * math.ceil(reach_px) + 1,) * 2
        weight, light = (cv2.boxFilter(x, -1, window, normalize=False) for x in (other * 1.0, true * other[..., None]))
        chosen = side & near & (weight > 0.5)
        difference = light[chosen] / weight[chosen][:, None] - true[chosen]  # O − true, [N, 3]
        wrong += float(((picture - true)[chosen] * difference).sum())
        contrast += float((difference**2).sum())
        pixels += len(difference)
    if pixels < LEAST_PIXELS or contrast / (3 * pixels) < LEAST_CONTRAST**2:
        return None
    return wrong / contrast


def _sides_of_outlines(defocus_px: npt.NDArray[np.floating]) -> tuple[Mask, Mask, Mask, float]:
    """Subject in focus and background [H, W], both without mixed pixels; where bleeding may reach; how far, at most.

    An outline is where they touch: in between the radius would have to grow by a pixel from one pixel to the next.
    """
    subject, background = np.abs(defocus_px) <= IN_FOCUS_RADIUS_PX, defocus_px <= -BACKGROUND_RADIUS_PX
    touching = cv2.dilate(np.where(background, -defocus_px, 0.0), np.ones((3, 3)))
    reach_px = np.where(subject, touching, 0.0)  # from the subject's rim: the background's r there
    pure = ~within_reach(np.where(reach_px > 0, MIXED_PX, 0.0))
    return subject & pure, background & pure, within_reach(reach_px), float(reach_px.max())
