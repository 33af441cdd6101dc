"""The experiment end to end in a nutshell; the real one takes a quarter of an hour."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from pipelines.__main__ import main
from pipelines.errors import UserError
from pipelines.experiment import config, run
from pipelines.experiment.config import ExperimentConfig, scenes, training
from pipelines.render.config import RenderConfig


def test_runs_differ_in_the_weight_alone() -> None:
    experiment = ExperimentConfig(out=Path("out"))
    free, bound = (training(experiment, weight) for weight in (0.0, 4.0))
    assert free.out != bound.out
    objective = dataclasses.replace(bound.objective, stack_weight=0.0)
    assert dataclasses.replace(bound, out=free.out, objective=objective) == free


def test_other_settings_of_the_constraint_are_other_runs_and_the_free_run_is_shared() -> None:
    plain = ExperimentConfig(out=Path("out"))
    other = dataclasses.replace(plain, stack_time="flat")
    assert plain.run(4.0) != other.run(4.0)
    assert plain.run(0.0) == other.run(0.0)


def test_the_gpu_s_variant_is_whole_patches() -> None:
    data = training(ExperimentConfig(variant="gpu"), 0.0).dataset
    assert (data.width % 16, data.height % 16) == (0, 0)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"stack_weights": ()}, "--stack-weights must be one or more numbers"),
        ({"stack_weights": (1.0, -1.0)}, "--stack-weights must be one or more numbers >= 0"),
        ({"stack_weights": (1.0, 1.0)}, "--stack-weights must be different"),
        ({"steps": 0}, "--steps must be at least 1"),
    ],
)
def test_what_makes_no_sense_is_said(changes: dict[str, object], said: str) -> None:
    with pytest.raises(UserError, match=said):
        ExperimentConfig(**changes)  # type: ignore[arg-type]


@pytest.mark.slow
def test_table_and_grid_come_out_and_a_second_time_from_what_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def few(experiment: ExperimentConfig) -> RenderConfig:
        plain = scenes(experiment)
        source = dataclasses.replace(plain.source, photos="builtin:4")
        storage = dataclasses.replace(plain.storage, split_fractions=(0.5, 0.0, 0.5))
        return dataclasses.replace(plain, source=source, storage=storage)

    monkeypatch.setattr(run, "scenes", few)
    command = ["experiment", "--out", str(tmp_path), "--steps", "3", "--device", "cpu", "--json"]
    assert main(command) == 0
    first = json.loads(capsys.readouterr().out)
    assert set(first["arms"]) == {"photo as it is", "lambda = 0", "lambda = 4", "lambda = 40"}
    assert first["arms"]["lambda = 0"]["mean"]["psnr"] != first["arms"]["lambda = 4"]["mean"]["psnr"]
    table = " ".join((tmp_path / "table.md").read_text().split())
    assert table.startswith("| measure | photo as it is | lambda = 0 | lambda = 4 | lambda = 40 |")
    assert (tmp_path / "grid.jpg").stat().st_size > 10_000
    assert main(command) == 0
    again = json.loads(capsys.readouterr().out)
    assert again["arms"] == first["arms"]
    assert config.training(ExperimentConfig(out=tmp_path), 4.0).out.is_dir()
