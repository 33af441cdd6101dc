"""Which plane of a frame is in focus: the disparity at which the photo's gradients survive best.

Letters: D disparity; D_f plane in focus.
"""

import numpy as np
import numpy.typing as npt

from pipelines.measure.fidelity import Disparity, Picture
from pipelines.measure.focus_measures import gradient_energy

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
    ignore [H, W]: pixels to leave out, such as those that light of another plane reaches around silhouettes.
    """
    keep = np.ones(disparity.shape, np.bool_) if ignore is None else ~ignore
    depth, frame_energy, photo_energy = (
        values[keep] for values in (disparity, *map(gradient_energy, (frame_srgb, photo_srgb)))
    )
    low, high = float(disparity.min()), float(disparity.max())
    if depth.size < 4 * _PLANE_BINS or high <= low:
        return None
    bins = np.array_split(np.argsort(depth, kind="stable"), _PLANE_BINS)
    place = (np.array([depth[b].mean() for b in bins]) - low) / (high - low)
    energy = np.array([photo_energy[b].sum() for b in bins])
    kept = np.array([frame_energy[b].sum() for b in bins]) / np.maximum(energy, 1e-12)
    weight = energy / (energy + np.median(energy) + 1e-12)  # little texture, little weight
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
