"""How much of the detail that a blurred reference lacks a method gives back where it was asked to be sharp.

PSNR hides this: a reference left as it is scores well, and a method that sharpens nothing can beat one that does.
Letters: r_s, r_t blur radius in pixels of the reference and of the asked picture.
"""

import numpy as np
import numpy.typing as npt

from pipelines.measure.fidelity import LEAST_PIXELS, Picture
from pipelines.measure.regions import Mask, silhouette_band
from pipelines.render.sample.build import IN_FOCUS_RADIUS_PX

BLURRED_RADIUS_PX = 2.0
"""From here on the reference has clearly lost detail."""
LEAST_DIFFERENCE = 1.0 / 255
"""Root mean square of true − reference: below one gray level there was nothing to recover but rounding."""


def recovered_share(
    made: Picture,
    reference: Picture,
    truth: Picture,
    reference_px: npt.NDArray[np.floating],
    asked_px: npt.NDArray[np.floating],
) -> float | None:
    """⟨made − reference, true − reference⟩ / ‖true − reference‖² over `pixels_to_sharpen`; pictures uint8 [H, W, 3].

    0: the reference as it was; 1: the truth; below 0: away from it; above 1: sharper than the truth. In display values,
    as the eye and PSNR have it: in linear light a lamp would outweigh all texture.
    None for fewer than LEAST_PIXELS pixels, or where true and reference are equal but for rounding.
    """
    chosen = pixels_to_sharpen(reference_px, asked_px)
    if chosen.sum() < LEAST_PIXELS:
        return None
    start = reference[chosen].astype(np.float64) / 255  # [N, 3]
    needed, moved = truth[chosen] / 255 - start, made[chosen] / 255 - start
    energy = float((needed**2).mean())
    return float((moved * needed).mean()) / energy if energy >= LEAST_DIFFERENCE**2 else None


def pixels_to_sharpen(reference_px: npt.NDArray[np.floating], asked_px: npt.NDArray[np.floating]) -> Mask:
    """Pixels [H, W] with r_t ≤ 1 px and r_s ≥ 2 px, from signed radii [H, W].

    Pixels that the asked picture's own blur reaches from a nearer surface are left out: there a renderer moves towards
    the truth without sharpening anything.
    """
    asked_sharp = np.abs(asked_px) <= IN_FOCUS_RADIUS_PX
    return np.asarray(asked_sharp & (np.abs(reference_px) >= BLURRED_RADIUS_PX) & ~silhouette_band(asked_px))
