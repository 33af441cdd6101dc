from __future__ import annotations

import pytest

from pipelines.experiment.report import COMPARED, TABLES, ScoredArm, difference, tables, to_json
from pipelines.experiment.scores import MEASURES


def arm(name: str, *seeds: list[float], measure: str = "photo, all") -> ScoredArm:
    """One list of a measure's values by scene for each seed."""
    return ScoredArm(name, [{f"scene {i}": {measure: value} for i, value in enumerate(scenes)} for scenes in seeds])


def test_tables_show_measures_that_are_there() -> None:
    assert {name for shown in (*TABLES.values(), COMPARED) for name in shown} <= MEASURES.keys()


def test_differences_are_paired_by_scene_and_seed() -> None:
    """Scenes differ by 10 and seeds by 1, arms by 0.5 and 0.7 in each seed: the interval is no wider than these."""
    first = arm("lambda = 0", [20.0, 30.0, 40.0], [21.0, 31.0, 41.0])
    other = arm("lambda = 2", [20.5, 30.5, 40.5], [21.7, 31.7, 41.7])
    found = difference(first, other, "photo, all")
    assert found is not None
    assert (found.interval.value, found.interval.low, found.interval.high) == pytest.approx((0.6, 0.5, 0.7))
    assert (found.higher, found.seeds) == (2, 2)


@pytest.mark.parametrize(("measure", "worst"), [("photo, all", "scene 1"), ("focus error", "scene 0")])
def test_the_worst_scene_is_the_one_most_against_the_arm(measure: str, worst: str) -> None:
    first = arm("one", [20.0, 20.0], [20.0, 20.0], measure=measure)
    other = arm("two", [22.0, 19.0], [23.0, 16.0], measure=measure)
    found = difference(first, other, measure)
    assert found is not None
    assert found.worst_scene == worst
    assert found.worst == pytest.approx(-2.5 if worst == "scene 1" else 2.5)
    assert (found.higher, found.seeds) == (1, 2)


def test_an_arm_without_seeds_is_compared_with_each_of_them() -> None:
    found = difference(arm("learned", [20.0, 20.0], [22.0, 22.0]), arm("as it is", [21.0, 23.0]), "photo, all")
    assert found is not None
    assert found.interval.value == pytest.approx(1.0)
    assert (found.higher, found.seeds) == (1, 2)


def test_what_could_not_be_measured_is_left_out() -> None:
    first, other = arm("one", [20.0, 30.0]), arm("two", [float("nan"), 31.0])
    found = difference(first, other, "photo, all")
    assert found is not None
    assert found.interval.value == pytest.approx(1.0)
    assert found.worst_scene == "scene 1"
    assert difference(first, other, "control") is None
    written = to_json([first, other])
    assert list(written["means"]["one"]) == ["photo, all"]
    assert written["differences"]["two"]["photo, all"]["worst_scene"] == "scene 1"


def test_the_tables_hold_means_and_the_differences_of_learned_arms() -> None:
    still = ScoredArm("as it is", arm("", [19.0, 19.0]).by_seed, is_learned=False)
    text = " ".join(tables([arm("one", [20.0, 30.0]), arm("two", [21.0, 31.0]), still]).split())
    assert "| one | 25.00 (20.00 … 30.00) |" in text
    assert "| as it is | 19.00 (19.00 … 19.00) |" in text
    assert "| two | photo, all | +1.00 | +1.00 … +1.00 | 1/1 | +1.00, scene 0 |" in text
    assert "| as it is | photo, all" not in text
