"""Where the kernel is used."""

from __future__ import annotations

import shutil
import sys
import types

import pytest

import simulator.scatter
from simulator.scatter import spread_sum


def test_without_a_compiler_there_is_no_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Triton builds its launcher with one: torch does without."""
    kernel = types.ModuleType("simulator.scatter.spread_sum_triton")
    monkeypatch.setitem(sys.modules, kernel.__name__, kernel)
    monkeypatch.setattr(simulator.scatter, "spread_sum_triton", kernel, raising=False)
    monkeypatch.setattr(spread_sum, "find_spec", lambda name: object())
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert spread_sum._kernel.__wrapped__() is None
    monkeypatch.setattr(shutil, "which", lambda name: "/usr/bin/gcc" if name == "gcc" else None)
    assert spread_sum._kernel.__wrapped__() is kernel
