from __future__ import annotations

import dataclasses

import pytest

from pipelines.experiment.report import MEASURES, Arm, difference, differences, table, to_json
from pipelines.experiment.scores import HeldOutScores

MEASURED = [field.name for field in dataclasses.fields(HeldOutScores) if field.name != "scene"]


def scores(scene: str, value: float, **changes: float) -> HeldOutScores:
    return dataclasses.replace(HeldOutScores(scene, *[value] * len(MEASURED)), **changes)


def arm(name: str, *values: float) -> Arm:
    return Arm(name, tuple(scores(f"scene {i}", value) for i, value in enumerate(values)))


def test_every_measure_has_its_heading() -> None:
    assert list(MEASURES) == MEASURED


def test_the_table_holds_the_means() -> None:
    lines = [" ".join(line.split()) for line in table([arm("one", 20.0, 30.0), arm("two", 26.0, 28.0)]).splitlines()]
    assert lines[0] == "| measure | one | two |"
    assert lines[2] == "| PSNR, dB | 25.00 | 27.00 |"
    assert len(lines) == 2 + len(MEASURES)


def test_differences_are_paired_by_scene() -> None:
    """Scenes differ by 10, the methods by 1 in each: the interval is as narrow as that says."""
    base = arm("lambda = 0", 20.0, 30.0, 40.0)
    other = Arm("lambda = 4", tuple(reversed(arm("", 21.0, 31.0, 41.0).scores)))
    found = difference(base, other, "psnr")
    assert (found.value, found.low, found.high) == pytest.approx((1.0, 1.0, 1.0))
    assert "| PSNR, dB | +1.00 | +1.00 … +1.00 |" in " ".join(differences(base, other).split())


def test_what_could_not_be_measured_is_left_out() -> None:
    nan = float("nan")
    one = Arm("one", (scores("a", 1.0, stack_error=nan), scores("b", 3.0)))
    assert one.mean("stack_error") == 3.0
    assert one.mean("psnr") == 2.0
    assert difference(one, one, "stack_error").value == 0.0
    written = to_json([one])["one"]
    assert isinstance(written, dict)
    assert "stack_error" not in written["scenes"][0]
    nothing = Arm("none", (scores("a", 1.0, control=nan),))
    assert "control" not in to_json([nothing])["none"]["mean"]  # type: ignore[index]
