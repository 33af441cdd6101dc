"""Where the kernel is used."""

from __future__ import annotations

import shutil

import pytest

from simulator.scatter import spread_sum


def test_without_a_compiler_there_is_no_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Triton builds its launcher with one: torch does without."""
    made = []
    monkeypatch.setattr(spread_sum, "find_spec", lambda name: object())
    monkeypatch.setattr(spread_sum, "import_module", lambda name: made.append(name) or name)
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert spread_sum._kernel.__wrapped__() is None
    monkeypatch.setattr(shutil, "which", lambda name: "/usr/bin/gcc" if name == "gcc" else None)
    assert spread_sum._kernel.__wrapped__() == "simulator.scatter.spread_sum_triton"
    assert made == ["simulator.scatter.spread_sum_triton"]
