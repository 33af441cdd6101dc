"""Everything but the Ray executor works where Ray is not installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.render import executors

MODULES = sorted(path.stem for path in Path(executors.__path__[0]).glob("[a-z]*.py"))


def imported_without_ray(modules: list[str]) -> subprocess.CompletedProcess[str]:
    lines = ["import sys", "sys.modules['ray'] = None", *(f"import pipelines.render.{module}" for module in modules)]
    return subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=False)


def test_executors_and_the_run_need_no_ray() -> None:
    others = [f"executors.{module}" for module in MODULES if not module.startswith("ray_")]
    done = imported_without_ray([*others, "run"])
    assert len(others) >= 5
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("module", ["executors.ray_cluster", "executors.ray_pool"])
def test_the_ray_executor_does(module: str) -> None:
    assert "ray" in imported_without_ray([module]).stderr
