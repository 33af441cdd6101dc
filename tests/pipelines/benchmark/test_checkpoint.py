"""A model that the trainer left goes through the benchmark as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.benchmark import test_set
from pipelines.benchmark.config import BenchmarkConfig
from pipelines.benchmark.recipe import RECIPE
from pipelines.benchmark.run import run
from pipelines.errors import UserError
from pipelines.train.run import train
from tests.pipelines.train.tiny_run import render_scenes, tiny_config


def test_a_run_of_three_steps_is_scored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train(tiny_config(render_scenes(tmp_path / "data", 2), tmp_path / "novice", steps=3))
    monkeypatch.setattr(test_set, "_recipes", lambda part: [RECIPE.traced[1]])
    folders = {"out": tmp_path / "out", "set": tmp_path / "set"}
    novice, pair = tmp_path / "novice", f"pair={tmp_path / 'novice'},{tmp_path / 'novice'}"
    report = run(BenchmarkConfig(**folders, contestants=(), checkpoint=(novice,), seeds_of=(pair,), steps=2))
    asked = [task for task in report.test_set.scenes[0].tasks if task.kind != "deblur"]
    two, one = report.summaries
    assert (two.name, two.runs, two.answered) == ("pair", 2, 2 * len(asked))
    assert (one.name, one.runs, one.answered) == ("novice", 1, len(asked))
    assert list(report.scores) == ["pair 1", "pair 2", "novice"]
    assert abs(one.figures["slope"].value - 1.0) > 0.1  # three steps teach nobody to obey
    assert 0.0 <= one.figures["blind_plane_found"].value <= 1.0  # it was asked again without depth
    difference = one.differences["refocus/all/psnr"]
    assert (difference.value, difference.low, difference.high) == (0.0, 0.0, 0.0)  # the same weights
    assert not two.differences
    page = (tmp_path / "out" / "report.html").read_text()
    assert "Differences from pair" in page
    assert "plane without depth" in page


def test_a_folder_that_is_no_run_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(test_set, "_recipes", lambda part: [RECIPE.traced[1]])
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="empty"):
        run(BenchmarkConfig(out=tmp_path / "out", set=tmp_path / "set", checkpoint=(tmp_path / "empty",)))
