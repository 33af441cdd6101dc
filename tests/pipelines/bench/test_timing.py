from __future__ import annotations

import pytest

from pipelines.bench import timing
from pipelines.bench.timing import Timing, interleaved


def test_spread_of_repeats_by_unit() -> None:
    found = Timing.from_seconds([0.010, 0.050, 0.020, 0.030, 0.040], first_s=0.1, units=10)
    assert found.median_ms == pytest.approx(3.0)
    assert (found.least_ms, found.lower_quartile_ms, found.upper_quartile_ms) == pytest.approx((1.0, 2.0, 4.0))
    assert (found.first_ms, found.repeats) == (pytest.approx(10.0), 5)


def test_a_single_repeat_has_no_spread() -> None:
    found = Timing.from_seconds([0.02], first_s=0.5)
    assert found.least_ms == found.lower_quartile_ms == found.median_ms == found.upper_quartile_ms == 20.0


def test_methods_take_turns_after_a_warm_up() -> None:
    calls: list[str] = []
    found = interleaved({name: lambda name=name: calls.append(name) for name in "ab"}, 2, device="cpu")
    assert "".join(calls) == "ab" + "abab"
    assert {name: len(seconds) for name, (_, seconds) in found.items()} == {"a": 2, "b": 2}


def test_a_method_that_has_used_up_its_budget_skips_its_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    takes = {"slow": 4.0, "fast": 1.0}
    monkeypatch.setattr(timing, "_seconds", lambda run, device: takes[run()])
    methods = {name: lambda name=name: name for name in takes}
    found = interleaved(methods, 5, device="cpu", budget_s=10.0)
    assert found == {"slow": (4.0, [4.0] * 2), "fast": (1.0, [1.0] * 5)}
    assert interleaved(methods, 5, device="cpu", budget_s=1.0)["slow"] == (4.0, [4.0])
