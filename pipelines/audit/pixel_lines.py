"""Lines about what the frames really show, from the measured samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from pipelines.audit.line import Line, not_run, worst
from pipelines.audit.measurement import SampleMeasurement

SCALE_BOUND = 0.05
"""Of the median over samples. Ours measure 0.006: hidden surfaces are known to the renderer, not to the ruler."""
CONVENTION_BOUND = 1.25
"""A sample's K may differ from the others' by what measuring one scene is worth, not by √2 or 2."""
PLANE_BOUND_PX = 1.5
STACKING_BOUND = 3.0
FEW = 3  # samples
_LEAST_RATIO = 1e-3  # frames that show another plane can fit best with no blur at all


def pixel_lines(measurements: Sequence[SampleMeasurement]) -> list[Line]:
    """All of them."""
    ratios = {m.name: float(np.median(m.scale_ratios)) for m in measurements if m.scale_ratios}
    return [
        blur_scale(ratios),
        one_convention(ratios),
        sharpest_plane_line(measurements),
        stacking_identity(measurements),
    ]


def blur_scale(ratios: Mapping[str, float]) -> Line:
    """How far the median of fitted over labelled K is from 1."""
    name, unit = "blur scale", "|fitted K / labelled K - 1|"
    if not ratios:
        return not_run(name, SCALE_BOUND, "at most", unit, "no frame with a blur that can be measured")
    median = float(np.median(list(ratios.values())))
    off = {key: abs(ratio - 1.0) for key, ratio in ratios.items()}
    note = f"median of fitted over labelled K: {median:.3f}, of {len(ratios)} samples"
    details = {"median_ratio": round(median, 6), "samples": len(ratios)}
    return Line(name, abs(median - 1.0), SCALE_BOUND, "at most", unit, note, worst(off, SCALE_BOUND), details)


def one_convention(ratios: Mapping[str, float]) -> Line:
    """The largest factor between a sample's K ratio and the median one: two conventions mixed stand apart."""
    name, unit = "one blur convention", "largest factor off the median"
    if len(ratios) < FEW:
        reason = f"needs {FEW} samples with a blur that can be measured, got {len(ratios)}"
        return not_run(name, CONVENTION_BOUND, "at most", unit, reason)
    # The middle one itself, not the mean of the two in the middle, which of two conventions would be neither
    values = sorted(ratios.values())
    middle = max(values[(len(values) - 1) // 2], _LEAST_RATIO)
    above = {key: max(ratio, _LEAST_RATIO) / middle for key, ratio in ratios.items()}
    factor = {key: max(times, 1.0 / times) for key, times in above.items()}
    return Line(
        name,
        max(factor.values()),
        CONVENTION_BOUND,
        "at most",
        unit,
        f"fitted over labelled K from {values[0]:.3f} to {values[-1]:.3f}",
        worst(factor, CONVENTION_BOUND),
        {"ratios": {key: round(ratio, 4) for key, ratio in sorted(ratios.items())}},
    )


def sharpest_plane_line(measurements: Sequence[SampleMeasurement]) -> Line:
    """Median distance between the plane that is sharp and the one that is labelled, in pixels of blur."""
    name, unit = "sharpest plane", "px of blur, median"
    errors = {m.name: float(np.median(m.plane_errors_px)) for m in measurements if m.plane_errors_px}
    missing = sum(m.planes_missing for m in measurements)
    if not errors:
        return not_run(name, PLANE_BOUND_PX, "at most", unit, "no frame with a plane that is sharper than the others")
    every = [error for m in measurements for error in m.plane_errors_px]
    note = f"95th percentile {np.percentile(every, 95):.2f} px of {len(every)} frames; {missing} without a sharp plane"
    return Line(name, float(np.median(every)), PLANE_BOUND_PX, "at most", unit, note, worst(errors, PLANE_BOUND_PX))


def stacking_identity(measurements: Sequence[SampleMeasurement]) -> Line:
    """Mean over groups of |Σ w_i I_i − photo| where some frame is sharp, in grey levels."""
    name, unit = "stacking identity", "grey levels of 255"
    errors = {m.name: max(m.stacking_errors) for m in measurements if m.stacking_errors}
    every = [error for m in measurements for error in m.stacking_errors]
    if not every:
        return not_run(
            name,
            STACKING_BOUND,
            "at most",
            unit,
            "no group whose planes are sharp anywhere, without noise or colour fringes",
        )
    note = f"weighted frames against the photo where some plane is sharp; {len(every)} groups, largest {max(every):.2f}"
    return Line(name, float(np.mean(every)), STACKING_BOUND, "at most", unit, note, worst(errors, STACKING_BOUND))
