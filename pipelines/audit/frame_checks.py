"""Checks of the frames' pixels against their labels, from the measured samples."""

from collections.abc import Mapping, Sequence

import numpy as np

from pipelines.audit.check import Check, Criterion, worst
from pipelines.audit.measurement import FrameMeasurement
from pipelines.measure.blur_ruler import ControlPoint, control_slope

BLUR_SCALE = Criterion("blur scale", "at most", 0.05, "|fitted K / labeled K - 1|")
"""Median over samples. Our data sets measure 0.006: the renderer knows hidden surfaces, the ruler does not."""
ONE_CONVENTION = Criterion("one blur convention", "at most", 1.25, "largest factor off the median")
"""Above the error of measuring one scene, below √2 and 2, the factors between conventions of K."""
SHARPEST_PLANE = Criterion("sharpest plane", "at most", 1.5, "px of blur, median")
STACKING = Criterion("stacking identity", "at most", 3.0, "gray levels of 255")
FEWEST_SAMPLES = 3
_LEAST_RATIO = 1e-3  # frames that show another plane can fit best with no blur at all


def frame_checks(measurements: Sequence[FrameMeasurement]) -> list[Check]:
    """Every check of the frames' pixels, in the order of the report."""
    ratios = {m.name: float(np.median(m.scale_ratios)) for m in measurements if m.scale_ratios}
    scales = [scale for m in measurements for scale in m.scales]
    return [
        blur_scale(ratios, scales),
        one_convention(ratios),
        _sharpest_plane(measurements),
        _stacking(measurements),
    ]


def blur_scale(ratios: Mapping[str, float], scales: Sequence[ControlPoint] = ()) -> Check:
    """How far the median of fitted over labeled K is from 1. scales: labeled and fitted K of single frames."""
    if not ratios:
        return BLUR_SCALE.not_run("no frame with a blur that can be measured")
    median = float(np.median(list(ratios.values())))
    off = {key: abs(ratio - 1.0) for key, ratio in ratios.items()}
    note = f"median of fitted over labeled K: {median:.3f}, of {len(ratios)} samples"
    details = {"median_ratio": round(median, 6), "samples": len(ratios)}
    if len({scale.requested_px for scale in scales}) > 1:
        slope, farthest = control_slope(scales), max(scales, key=lambda s: abs(s.fitted_px / s.requested_px - 1.0))
        details |= {"slope": round(slope, 6), "worst_ratio": round(farthest.fitted_px / farthest.requested_px, 6)}
        note += f"; slope of {len(scales)} frames {slope:.3f}, worst frame {details['worst_ratio']:.3f}"
    return BLUR_SCALE.measured(abs(median - 1.0), note, worst(off, BLUR_SCALE.bound), details)


def one_convention(ratios: Mapping[str, float]) -> Check:
    """The largest factor between a sample's K ratio and the median: large when two conventions are mixed."""
    if len(ratios) < FEWEST_SAMPLES:
        reason = f"needs {FEWEST_SAMPLES} samples with a blur that can be measured, got {len(ratios)}"
        return ONE_CONVENTION.not_run(reason)
    # The lower median: the mean of the middle two, one of each convention, would be neither
    values = sorted(ratios.values())
    middle = max(values[(len(values) - 1) // 2], _LEAST_RATIO)
    above = {key: max(ratio, _LEAST_RATIO) / middle for key, ratio in ratios.items()}
    factor = {key: max(times, 1.0 / times) for key, times in above.items()}
    note = f"fitted over labeled K from {values[0]:.3f} to {values[-1]:.3f}"
    details = {"ratios": {key: round(ratio, 4) for key, ratio in sorted(ratios.items())}}
    return ONE_CONVENTION.measured(max(factor.values()), note, worst(factor, ONE_CONVENTION.bound), details)


def _sharpest_plane(measurements: Sequence[FrameMeasurement]) -> Check:
    """Median distance between the plane that is sharp and the one that is labeled, in pixels of blur."""
    errors = {m.name: float(np.median(m.plane_errors_px)) for m in measurements if m.plane_errors_px}
    if not errors:
        return SHARPEST_PLANE.not_run("no frame with a plane that is sharper than the others")
    every = [error for m in measurements for error in m.plane_errors_px]
    missing = sum(m.planes_missing for m in measurements)
    note = f"95th percentile {np.percentile(every, 95):.2f} px of {len(every)} frames; {missing} without a sharp plane"
    return SHARPEST_PLANE.measured(float(np.median(every)), note, worst(errors, SHARPEST_PLANE.bound))


def _stacking(measurements: Sequence[FrameMeasurement]) -> Check:
    """Mean over groups of |Σ w_i I_i − photo| where some frame is sharp, in gray levels."""
    errors = {m.name: max(m.stacking_errors) for m in measurements if m.stacking_errors}
    if not errors:
        return STACKING.not_run("no group whose planes are sharp anywhere, without noise or color fringes")
    every = [error for m in measurements for error in m.stacking_errors]
    note = f"weighted frames against the photo where some plane is sharp; {len(every)} groups, largest {max(every):.2f}"
    return STACKING.measured(float(np.mean(every)), note, worst(errors, STACKING.bound))
