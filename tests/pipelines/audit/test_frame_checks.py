"""Lines from K ratios alone."""

from __future__ import annotations

import pytest

from pipelines.audit.frame_checks import blur_scale, one_convention


def test_two_conventions_stand_apart() -> None:
    assert one_convention({"a": 1.0, "b": 1.0, "c": 2.0}).figure == pytest.approx(2.0)
    assert one_convention({"a": 1.0, "b": 1.0, "c": 0.5}).figure == pytest.approx(2.0)


def test_frames_that_fit_best_without_any_blur_fail_by_their_scale() -> None:
    ratios = {"a": 0.0, "b": 0.0, "c": 0.0}
    assert one_convention(ratios).figure == pytest.approx(1.0)
    assert not blur_scale(ratios).passed
