"""The renderer itself on the steepest slope of the check, beside the frame's edge."""

from __future__ import annotations

from pipelines.validate.checks.slopes import light_on_slope


def test_a_steep_slope_keeps_its_light_at_the_frames_edge() -> None:
    """It is 2.9 % off, which docs/renderer.md explains. With the skew repeated beyond the edge it would be 3.8 %."""
    assert light_on_slope(0.5, with_truth=False).value < 3.3
