"""Labels equal renders: the renderer measured with points, as `validate` prints it."""

from __future__ import annotations

import pytest

from pipelines.validate import instrument
from pipelines.validate.instrument import check_instrument


def test_the_renderer_is_a_true_instrument() -> None:
    check = check_instrument()
    assert check.slope == pytest.approx(1.0, abs=0.002)
    assert abs(check.offset_px) < 0.05
    assert check.residual < 0.01
    assert check.light_error < 1e-3


def test_a_renderer_with_another_scale_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instrument, "RADII_PX", (2.0, 6.0, 18.0))
    label = instrument.ThinLens
    monkeypatch.setattr(instrument, "ThinLens", lambda focus, scale: label(focus, 1.3 * scale))
    assert check_instrument().slope == pytest.approx(1.3, abs=0.01)
