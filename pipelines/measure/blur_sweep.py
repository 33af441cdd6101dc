"""Whether frames of rising blur level become softer: Laplacian variance against the level, over one sweep."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipelines.measure.fidelity import Disparity, Picture
from pipelines.measure.focus_measures import laplacian_variance


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

    Measured over the half of the pixels that is farthest off the plane: pixels in focus do not change.
    A disc of radius r leaves about 1/r² of a texture's V, so that 1/√V is proportional to the blur level.
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
