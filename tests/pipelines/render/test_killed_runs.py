"""After a run that was killed anywhere, the next command makes the same bytes or refuses: there is no mixture."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.faults

ROOT = Path(__file__).parents[3]


def test_killed_at_every_file_operation(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.pipelines.render.killed_runs", str(tmp_path)]
    found = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, timeout=900, check=False)
    assert found.returncode == 0, found.stderr
    outcomes = [json.loads(line) for line in found.stdout.splitlines()]
    names = ["first", "append", "retry", "overwrite", "overwrite-then-plain"]
    assert [outcome["scenario"] for outcome in outcomes] == names
    assert [outcome["wrong"] for outcome in outcomes] == [[]] * len(names)
    assert sum(outcome["points"] for outcome in outcomes) >= 120
    assert all(outcome["same bytes"] >= outcome["points"] / 2 for outcome in outcomes)  # a refusal is the exception
