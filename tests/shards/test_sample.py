from __future__ import annotations

import dataclasses
from typing import Any

import jaxtyping
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shards import DisparityRecord, Sample
from tests.shards.synthetic import make_sample, with_labels

SAMPLE = make_sample()
STEP = 1.0 / 65535.0


def moved_focus(sample: Sample, frame: int, disparity: float) -> Sample:
    """The label moved to another disparity, with everything that follows from it."""
    scale_px = sample.record.frames[frame].blur_scale_px
    return with_labels(
        sample,
        frame,
        focus_disparity=disparity,
        blur_at_infinity_px=scale_px * disparity,
        radius_max_px=scale_px * max(disparity, 1 - disparity),
        radius_p95_px=0.0,
    )


def test_disparity_values_are_offset_plus_scale_times_stored() -> None:
    values = SAMPLE.disparity_values()
    np.testing.assert_allclose(values, SAMPLE.disparity / 65535.0, rtol=0, atol=1e-12)  # float64 rounding


@pytest.mark.parametrize("key", ["0000001", "000000001", "0000.001", "abcdefgh", "", "０００００００１"])
def test_a_key_is_eight_digits(key: str) -> None:
    with pytest.raises(ValueError, match="key must be 8 digits without dots"):
        dataclasses.replace(SAMPLE, key=key)


@pytest.mark.usefixtures("as_in_production")
@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"aif": SAMPLE.aif.astype(np.float32)}, TypeError, "aif must be a numpy array of uint8, got float32 array"),
        ({"aif": SAMPLE.aif.tolist()}, TypeError, "aif must be a numpy array of uint8, got list"),
        ({"aif": SAMPLE.aif[:-1]}, ValueError, r"aif must have shape \(16, 24, 3\).* got \(15, 24, 3\)"),
        ({"aif": SAMPLE.aif.transpose(2, 0, 1)}, ValueError, "aif must have shape"),
        ({"disparity": SAMPLE.disparity.astype(np.uint8)}, TypeError, "disparity must be a numpy array of uint16"),
        ({"disparity": SAMPLE.disparity.T}, ValueError, r"disparity must have shape \(16, 24\)"),
        ({"frames": SAMPLE.frames[:-1]}, ValueError, r"frames must have shape \(4, 16, 24, 3\)"),
        ({"record": None}, TypeError, "record must be a SampleRecord"),
    ],
)
def test_pixels_of_another_kind_are_refused_by_name_of_sample_and_field(
    change: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=f"00000000.{message}"):
        dataclasses.replace(SAMPLE, **change)


@given(st.floats(-0.5, 0.5))
def test_a_label_within_half_a_step_of_the_stored_disparity_is_taken(steps: float) -> None:
    moved_focus(SAMPLE, 0, SAMPLE.record.frames[0].focus_disparity + steps * STEP)


@pytest.mark.parametrize("steps", [-200.0, -0.6, 0.6, 200.0])
def test_a_label_beside_the_stored_disparity_is_refused(steps: float) -> None:
    disparity = SAMPLE.record.frames[2].focus_disparity + steps * STEP
    with pytest.raises(ValueError, match=r"focus_disparity\[2\] must be the disparity .* stored at row 2, column 8"):
        moved_focus(SAMPLE, 2, disparity)


def test_a_label_at_another_pixel_is_refused() -> None:
    with pytest.raises(ValueError, match=r"focus_disparity\[1\] must be the disparity"):
        with_labels(SAMPLE, 1, focus_y=1.5 / 16)


def test_a_radius_that_the_disparity_cannot_reach_is_refused() -> None:
    frame = SAMPLE.record.frames[1]
    with_labels(SAMPLE, 1, radius_max_px=frame.radius_max_px + 0.9 * STEP * frame.blur_scale_px)  # quantization
    with pytest.raises(ValueError, match=r"radius_max_px\[1\] must be at most"):
        with_labels(SAMPLE, 1, radius_max_px=frame.radius_max_px * 1.01)


def test_relative_disparity_stays_in_zero_to_one() -> None:
    wide = dataclasses.replace(SAMPLE.record.disparity, scale=1.1 / 65535)
    with pytest.raises(ValueError, match=r"disparity.scale must map relative disparity into \[0, 1\]"):
        dataclasses.replace(SAMPLE, record=dataclasses.replace(SAMPLE.record, disparity=wide))


def test_metric_disparity_may_be_anything_from_zero_on() -> None:
    metric = DisparityRecord("metric", "1/m", 4.0 / 65535, 0.5, "sidecar", "")
    frames = tuple(
        dataclasses.replace(
            frame,
            focus_disparity=0.5 + 4.0 * frame.focus_disparity,
            blur_at_infinity_px=frame.blur_scale_px * (0.5 + 4.0 * frame.focus_disparity),
        )
        for frame in SAMPLE.record.frames
    )
    sample = dataclasses.replace(SAMPLE, record=dataclasses.replace(SAMPLE.record, disparity=metric, frames=frames))
    assert sample.disparity_values().max() == pytest.approx(4.5, abs=1e-9)  # float64 rounding


def test_shapes_are_executable() -> None:
    """The annotations say the same as the checks: under the tests' type checks the shape itself is refused."""
    with pytest.raises(jaxtyping.TypeCheckError, match="parameter 'disparity'"):
        dataclasses.replace(SAMPLE, disparity=SAMPLE.disparity.T)


def test_a_focus_point_where_the_disparity_is_filled_in_is_refused() -> None:
    valid = np.ones(SAMPLE.disparity.shape, bool)
    row, column = (int(SAMPLE.record.frames[1].focus_y * 16), int(SAMPLE.record.frames[1].focus_x * 24))
    valid[row, column] = False
    disparity = dataclasses.replace(SAMPLE.record.disparity, filled_fraction=1 / valid.size)
    record = dataclasses.replace(SAMPLE.record, disparity=disparity)
    with pytest.raises(ValueError, match=rf"focus_x\[1\] must lie where the disparity is known .* 'row {row}, column"):
        dataclasses.replace(SAMPLE, valid=valid, record=record)
