"""What the page's live preview needs of a sample's lens: numbers of the shader, and the pupil as a table.

A pupil is drawn by the simulator itself, so that the page repeats no optics. Codes stand row by row, y down, upright as
the photographer sees the pupil: behind the plane in focus and in front of it, where they differ.
"""

from functools import lru_cache
from typing import Any

import numpy as np

from pipelines.pictures.resizing import resized
from pipelines.preview.disparity_code import packed
from pipelines.render.sample.aperture_labels import LABELED
from shards.record import ApertureRecord, SampleRecord
from simulator import Aperture, PupilRaster

TABLE = 64
"""Cells of the table along each axis of the full opening, [−1, 1]; `page/js/pupil.js` has the same number."""
UNKNOWN_PSF = "drawn with a disc: labels do not hold the lens's point-spread functions"
UNKNOWN_ASTIGMATISM = "drawn without the lens's astigmatism"
UNKNOWN_MASK = "drawn with a disc: labels do not hold the mask's pixels; see preview --aperture-mask"


def live_optics(record: SampleRecord, mask: PupilRaster | None) -> dict[str, Any]:
    """Numbers of the shader, and `pupil`: None for a disc. `mask`: of --aperture-mask, or None."""
    aperture, imaging = record.aperture, record.imaging
    known = mask if mask and mask.sha256 == aperture.raster_sha256 else None
    return {
        "cat_eye": aperture.cat_eye,
        "barn_doors": aperture.barn_doors,
        "squeeze": aperture.squeeze,
        "focus_shift": list(aperture.focus_shift),
        "magnification": list(aperture.magnification),
        "highlight": [imaging.highlight_knee, imaging.highlight_peak, imaging.highlight_window],
        "tone": imaging.tone,
        "pupil": _pupil(aperture, known),
        "note": _note(aperture, known is not None),
    }


def _note(aperture: ApertureRecord, is_mask_known: bool) -> str:
    """What of the lens the live picture leaves out; "" for nothing."""
    if aperture.psf_sha256:
        return UNKNOWN_PSF
    if aperture.raster_sha256 and not is_mask_known:
        return UNKNOWN_MASK
    return UNKNOWN_ASTIGMATISM if aperture.astigmatism else ""


@lru_cache(maxsize=16)
def _pupil(record: ApertureRecord, mask: PupilRaster | None) -> dict[str, str] | None:
    aperture = Aperture(**{name: getattr(record, name) for name in LABELED}, raster=mask).pupil
    if aperture.is_disc:
        return None
    behind = aperture.transmission(-1).numpy()
    sides = [behind, aperture.transmission(1).flip(0, 1).numpy()] if aperture.has_two_pictures else [behind]
    brightest = max(float(side.max()) for side in sides)  # above 1 where aberrations gather light
    codes = [(np.rint(resized(side, TABLE, TABLE) / brightest * 255.0) * 256).astype(np.uint16) for side in sides]
    return dict(zip(("behind", "front"), map(packed, codes), strict=False))
