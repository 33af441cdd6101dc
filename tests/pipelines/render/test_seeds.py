from __future__ import annotations

import pytest

from pipelines.render.seeds import uniform


def test_a_number_hangs_on_its_parts_alone_and_on_all_of_them() -> None:
    assert uniform(0, "scene", "focus", 1) == uniform(0, "scene", "focus", 1)
    others = [(1, "scene", "focus", 1), (0, "scene2", "focus", 1), (0, "scene", "blur", 1), (0, "scene", "focus", 11)]
    assert len({uniform(0, "scene", "focus", 1), *(uniform(*parts) for parts in others)}) == 5


def test_parts_do_not_run_into_each_other() -> None:
    assert uniform("ab", "c") != uniform("a", "bc")


def test_the_numbers_are_for_ever() -> None:
    """A stored value, on purpose: another one would silently give every data set other planes."""
    assert uniform(0, "scene", "focus", 1) == pytest.approx(STORED, abs=0)


def test_numbers_fill_the_unit_interval_evenly() -> None:
    draws = sorted(uniform("evenly", index) for index in range(2000))
    assert draws[0] >= 0
    assert draws[-1] < 1
    # Kolmogorov-Smirnov: an even 2000 stay within 1.63 / sqrt(2000) = 0.036 of the diagonal in 99 of 100 cases.
    assert max(abs(draw - (rank + 0.5) / 2000) for rank, draw in enumerate(draws)) < 0.036


STORED = 0.44631942247738954
