"""A study end to end in a nutshell, and the tables of arms."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from pipelines.__main__ import main
from pipelines.errors import UserError
from pipelines.experiment.arms import arms_of
from pipelines.experiment.config import ExperimentConfig, data_sets
from pipelines.experiment.run import training
from pipelines.train.config import TrainConfig

SCENES = {"data_sets": ("v1=a", "v2=b"), "held_out": Path("real")}


def runs(**settings: Any) -> dict[str, TrainConfig]:
    """The training of each learned arm, seed 5."""
    config = ExperimentConfig(out=Path("out"), **settings)
    return {arm.name: training(config, arm.training, 5) for arm in arms_of(config) if arm.training}


@pytest.mark.parametrize("study", ["stacking-unlabeled", "stacking-mislabeled", "stacking-clean"])
def test_runs_of_a_stacking_study_differ_in_the_weight_alone(study: str) -> None:
    free, bound = runs(study=study).values()
    assert (free.objective.stack_weight, bound.objective.stack_weight > 0) == (0.0, True)
    objective = dataclasses.replace(bound.objective, stack_weight=0.0)
    assert dataclasses.replace(bound, out=free.out, objective=objective) == free
    withheld = free.dataset.labeled_scenes > 0, free.dataset.mislabeled > 0
    assert withheld == (study == "stacking-unlabeled", study == "stacking-mislabeled")


def test_each_way_is_trained_as_it_says() -> None:
    found = runs(study="ways", long_side=96)
    assert not found["DiT, flow, no maps"].objective.defocus_maps
    assert found["DiT, flow"].objective.defocus_maps
    assert (found["U-Net, regression"].model, found["U-Net, regression"].objective.noise) == ("unet-tiny", "none")
    assert found["U-Net photo, rendered"] == found["U-Net photo, composed"]
    assert len({run.out for run in found.values()}) == 8
    assert {(run.dataset.width, run.dataset.height, run.seed) for run in found.values()} == {(96, 64, 5)}


def test_scenes_trains_the_same_on_each_data_set() -> None:
    found = runs(study="scenes", **SCENES)
    one, other = found["v1"], found["v2"]
    assert (one.dataset.data, other.dataset.data) == (Path("a"), Path("b"))
    assert dataclasses.replace(other, out=one.out, dataset=one.dataset) == one
    assert data_sets(ExperimentConfig("scenes", **SCENES)) == []  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"seeds": ()}, "--seeds must be one or more numbers"),
        ({"seeds": (1, 1)}, "--seeds must be different"),
        ({"steps": 0}, "--steps must be at least 1"),
        ({"data_sets": ("v1=a", "v2=b")}, "--data-sets must stand with --study scenes alone"),
        ({"study": "scenes"}, "--data-sets must name two or more"),
        (SCENES | {"study": "scenes", "held_out": None}, "--held-out must name a data set"),
        (SCENES | {"study": "scenes", "data_sets": ("v1", "v2=b")}, "--data-sets must be NAME=DIR"),
    ],
)
def test_what_makes_no_sense_is_said(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        ExperimentConfig(**({"study": "ways"} | changes))


def test_arms_are_chosen_by_name() -> None:
    chosen = arms_of(ExperimentConfig("ways", arms=("U-Net, flow", "missing blur")))
    assert [arm.name for arm in chosen] == ["U-Net, flow", "missing blur"]
    with pytest.raises(UserError, match=r'--arms must be arms of --study ways: "DiT, flow, no maps", .*; got "U-Nut"'):
        arms_of(ExperimentConfig("ways", arms=("U-Nut",)))


def test_a_study_comes_out_and_a_second_time_from_what_is_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arms = ["missing blur, then U-Net", "U-Net photo, rendered", "reference as it is"]
    command = ["experiment", "--study", "ways", "--seeds", "0", "1", "--steps", "2", "--batch-size", "1", "--json"]
    command += ["--scenes", "1", "--held-out-scenes", "1", "--long-side", "48", "--device", "cpu"]
    command += ["--out", str(tmp_path), "--arms", *arms]
    assert main(command) == 0
    first = json.loads(capsys.readouterr().out)
    assert list(first["means"]) == sorted(arms)
    assert len(first["scenes"]) == 1
    assert first["differences"][arms[1]]["strong, all"]["seeds"] == 2
    assert first["changes"][arms[1]]["predict"] == "photo"
    assert "## Minus missing blur, then U-Net" in (tmp_path / "study.md").read_text(encoding="utf-8")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("average.safetensors")}
    assert len(before) == 4
    assert main(command) == 0
    assert json.loads(capsys.readouterr().out) == first
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("average.safetensors")} == before
