"""The renderer itself on the steepest slope of the check, beside the frame's edge."""

from __future__ import annotations

from pipelines.validate.checks.slopes import light_on_slope


def test_a_steep_slope_keeps_its_light_at_the_frames_edge() -> None:
    """Bar of the check: 2 %; what is missing to it is named in docs/renderer.md. Without flux beyond the edge: 45 %."""
    assert light_on_slope(0.5).value < 4.0
